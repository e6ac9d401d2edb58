//! What a connection of the transport asks for and reports, whichever kind of connection it is.

use super::events::IceState;
use super::link::Link;
use crate::message::{self, Offered};
use confab_transport::channel::InBandChannel;
use confab_transport::receive::remote_track::{RemoteStream, RemoteTrack};
use confab_transport::{ConnectionEvent, ConnectionState};
use tokio::sync::mpsc;

/// What the application is to hear of.
pub(super) enum Notice {
    State(IceState),
    Track(RemoteStream, RemoteTrack),
    Channel(InBandChannel),
}

/// Serves the events of a connection to its end. True if the remote vanished, or was never reached: nobody has closed it.
pub(super) async fn drive(
    link: &Link,
    offered: &Offered,
    mut events: mpsc::Receiver<ConnectionEvent>,
    mut notice: impl FnMut(Notice),
) -> bool {
    let mut last = ConnectionState::Connecting;
    while let Some(event) = events.recv().await {
        match event {
            ConnectionEvent::Description(description) if description.kind == "offer" => {
                link.outbox.send(message::offer(&link.peer, &link.id, &description, offered));
            }
            ConnectionEvent::Description(description) => {
                link.outbox.send(message::answer(&link.peer, &link.id, &description, link.kind));
            }
            // The end of candidates is not signaled.
            ConnectionEvent::Candidate(candidate) if !candidate.candidate.is_empty() => {
                link.outbox.send(message::candidate(&link.peer, &link.id, &candidate, link.kind));
            }
            ConnectionEvent::State(state) => {
                last = state;
                notice(Notice::State(state.into()));
            }
            ConnectionEvent::TrackAdded { stream, track, .. } => notice(Notice::Track(stream, track)),
            ConnectionEvent::ChannelOpened(channel) => notice(Notice::Channel(channel)),
            _ => {}
        }
    }
    last != ConnectionState::Connected && !link.closing.is_cancelled()
}
