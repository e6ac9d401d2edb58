//! How the connections to one remote follow each other.

use crate::options::Role;
use confab_wire::signaling::Description;
use std::time::Duration;

/// How long a new connection may take, the first time; each further one has twice as long, up to [`LONGEST_ATTEMPT`].
const FIRST_ATTEMPT: Duration = Duration::from_secs(10);
/// See [`FIRST_ATTEMPT`].
const LONGEST_ATTEMPT: Duration = Duration::from_secs(40);

/// What one connection is to be.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) role: Role,
    /// The offer to answer, if it is here.
    pub(crate) offer: Option<Description>,
    pub(crate) signaling_up: bool,
    /// Connections before this one that were lost since one stood; 0 for the first.
    pub(crate) number: u32,
    /// Certificate of the other side on the connection before: what it signs belongs to that one.
    pub(crate) abandoned: Option<String>,
}

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The remote is gone, or is to go.
    Gone,
    /// A new connection begins at once, perhaps with this offer.
    Again { role: Role, offer: Option<Description> },
    /// The connection is over, the peer may not be; `orderly` if the other side closed it.
    Lost { orderly: bool },
}

/// What is left of a connection.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) ending: Ending,
    pub(crate) signaling_up: bool,
    /// The connection stood at some time.
    pub(crate) stood: bool,
    /// Certificate of the other side.
    pub(crate) certificate: Option<String>,
}

impl Attempt {
    /// The first connection of a peer.
    pub(crate) fn first(role: Role, signaling_up: bool) -> Self {
        Self { role, offer: None, signaling_up, number: 0, abandoned: None }
    }

    /// What follows a connection that is over; `number` is that of its own attempt. `None`: nothing. Before what follows one that
    /// was lost, there is a [`crate::reconnect::ReconnectTimer`].
    pub(crate) fn after(finished: Finished, number: u32) -> Option<Self> {
        let (role, offer) = match finished.ending {
            Ending::Gone => return None,
            Ending::Again { role, offer } => (role, offer),
            Ending::Lost { .. } => (Role::Reconnector, None),
        };
        let number = if finished.stood { 1 } else { number + 1 };
        Some(Self { role, offer, signaling_up: finished.signaling_up, number, abandoned: finished.certificate })
    }

    /// How long the connection may take; `None` for the first of a peer.
    pub(crate) fn patience(&self) -> Option<Duration> {
        patience(self.number)
    }
}

fn patience(number: u32) -> Option<Duration> {
    (number > 0).then(|| FIRST_ATTEMPT.saturating_mul(1 << (number - 1).min(8)).min(LONGEST_ATTEMPT))
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
