//! How the connections of one peer follow each other.

use confab_wire::signaling::Description;
use std::time::Duration;

/// How long a new connection may take, the first time; each further one has twice as long, up to [`LONGEST_ATTEMPT`].
const FIRST_ATTEMPT: Duration = Duration::from_secs(10);
/// See [`FIRST_ATTEMPT`].
const LONGEST_ATTEMPT: Duration = Duration::from_secs(40);

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// The server asked us to offer: the polite side.
    Offer,
    /// The other side offers: the impolite side.
    Answer,
    /// We begin on our own, because nothing else brought a connection. The other side may not know that the old one is
    /// dead: until it answers we yield to no other offer; then we are the polite side, as who offers first is.
    Insist,
}

/// What one connection is to be.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) opening: Opening,
    /// The offer to answer, if it is here.
    pub(super) offer: Option<Description>,
    pub(super) signaling_up: bool,
    /// Connections before this one that were lost since one stood; 0 for the first of a peer.
    pub(super) attempt: u32,
    /// Certificate of the other side on the connection before: what it signs belongs to that one.
    pub(super) abandoned: Option<String>,
}

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The peer is gone, or is to go.
    Gone,
    /// A new connection begins at once, perhaps with this offer.
    Again { opening: Opening, offer: Option<Description> },
    /// The connection is over, the peer may not be; `orderly` if the other side closed it.
    Lost { orderly: bool },
}

/// What is left of a connection.
#[derive(Debug)]
pub(crate) struct Over {
    pub(crate) end: End,
    pub(crate) signaling_up: bool,
    /// The connection stood at some time.
    pub(crate) stood: bool,
    /// Certificate of the other side.
    pub(crate) certificate: Option<String>,
}

impl Plan {
    /// The first connection of a peer.
    pub(super) fn first(opening: Opening, signaling_up: bool) -> Self {
        Self { opening, offer: None, signaling_up, attempt: 0, abandoned: None }
    }

    /// What follows a connection that is over; `attempt` is that of its own plan. `None`: nothing. One that was lost has an
    /// [`super::interim::Interim`] before what follows.
    pub(super) fn after(over: Over, attempt: u32) -> Option<Self> {
        let (opening, offer) = match over.end {
            End::Gone => return None,
            End::Again { opening, offer } => (opening, offer),
            End::Lost { .. } => (Opening::Insist, None),
        };
        let attempt = if over.stood { 1 } else { attempt + 1 };
        Some(Self { opening, offer, signaling_up: over.signaling_up, attempt, abandoned: over.certificate })
    }

    /// How long the connection may take; `None` for the first of a peer.
    pub(super) fn patience(&self) -> Option<Duration> {
        patience(self.attempt)
    }
}

fn patience(attempt: u32) -> Option<Duration> {
    (attempt > 0).then(|| FIRST_ATTEMPT.saturating_mul(1 << (attempt - 1).min(8)).min(LONGEST_ATTEMPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_have_more_and_more_time() {
        assert_eq!(patience(0), None);
        assert_eq!([1, 2, 3, 4, 40].map(patience), [10, 20, 40, 40, 40].map(|s| Some(Duration::from_secs(s))));
    }
}
