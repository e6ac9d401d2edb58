//! Lines that are tagged as those of rtc.io.

use crate::event::Event;
use confab_transport::ConnectionState;
use std::fmt::{Arguments, Display};

/// Stands for an id that is not known yet.
const UNKNOWN: &str = "------";
/// Characters of the own id in the tag.
const TAG: usize = 6;

/// Logs the steps of one socket. Never what people say, nor descriptions, candidates or credentials.
#[derive(Debug)]
pub(crate) struct Log {
    /// Also those that are only of use to find a mistake.
    debug: bool,
}

impl Log {
    pub(crate) fn new(debug: bool) -> Self {
        Self { debug }
    }

    /// Logs a step, in the name of the own id.
    pub(crate) fn debug(&self, id: Option<&str>, step: Arguments<'_>) {
        if self.debug {
            tracing::debug!("[rtc-io][{}] {step}", tag(id));
        }
    }

    /// Logs what the application is told.
    pub(crate) fn event(&self, event: &Event, id: Option<&str>) {
        let warn = |what: &dyn Display| tracing::warn!("[rtc-io][{}] {what}", tag(id));
        match event {
            Event::Connected { reconnect: false } => self.debug(id, format_args!("Signaling connected")),
            Event::Connected { reconnect: true } => self.debug(id, format_args!("Signaling reconnected")),
            Event::Disconnected { reason } => self.debug(id, format_args!("Signaling disconnected: {reason}")),
            Event::ConnectError { error } => warn(&format_args!("Signaling connect error: {error}")),
            Event::PeerConnect { peer } => self.debug(id, format_args!("Ctrl channel open to {peer}")),
            Event::PeerDisconnect { peer } => self.debug(id, format_args!("Cleaned up peer {peer}")),
            Event::PeerState { peer, state: ConnectionState::Reconnecting } => {
                warn(&format_args!("The connection to {peer} is unhealthy"));
            }
            Event::PeerState { peer, state } => self.debug(id, format_args!("Connection to {peer}: {state:?}")),
            Event::Message { peer, event, args } => {
                self.debug(id, format_args!("Event {event:?} of {peer}, {} arguments", args.len()));
            }
            Event::Stream { peer, event, stream, .. } => {
                self.debug(id, format_args!("Stream event {event:?} of {peer} for stream {}", stream.msid));
            }
            Event::TrackAdded { peer, stream, track, .. } => {
                self.debug(id, format_args!("Track {} added by {peer} to stream {}", track.id(), stream.msid));
            }
            Event::TrackRemoved { peer, stream, track } => {
                self.debug(id, format_args!("Track {} removed by {peer} from stream {}", track.id(), stream.msid));
            }
            Event::Misbehaving { peer, what } => warn(&format_args!("{peer} misbehaves: {what}")),
            _ => {}
        }
    }

    /// Logs a mistake of the engine.
    pub(crate) fn error(&self, id: Option<&str>, what: Arguments<'_>) {
        tracing::error!("[rtc-io][{}] {what}", tag(id));
    }
}

/// The last characters of the own id.
fn tag(id: Option<&str>) -> &str {
    let id = id.unwrap_or(UNKNOWN);
    let from = id.char_indices().rev().nth(TAG - 1).map_or(0, |(at, _)| at);
    &id[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_the_end_of_the_id() {
        assert_eq!(tag(None), "------");
        assert_eq!(tag(Some("ABCDEFGHIJ")), "EFGHIJ");
        assert_eq!(tag(Some("äöüß€🦊x")), "öüß€🦊x");
        assert_eq!(tag(Some("ab")), "ab");
        assert_eq!(tag(Some("")), "");
    }
}
