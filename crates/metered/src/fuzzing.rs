//! Ways for `fuzz/` into what is private here: each takes what a server or a remote could have sent. Not part of the API.

use crate::frame::ServerFrame;
use crate::signal::Payload;
use crate::{ice_servers, limits};

/// One frame of a server, and what is inside.
pub fn frame(text: &str) {
    match ServerFrame::parse(text) {
        Some(ServerFrame::Welcome(welcome)) => {
            assert!(!welcome.peer_id.is_empty() && welcome.peer_id.len() <= limits::ID_BYTES);
            let servers = welcome.metadata.as_ref().and_then(ice_servers::admit).unwrap_or_default();
            assert!(servers.len() <= limits::ICE_SERVERS);
        }
        Some(ServerFrame::Direct { data, .. } | ServerFrame::Message { data, .. }) => {
            if let Payload::Signal(signal) = Payload::of(&data) {
                let again = signal.to_json();
                assert_eq!(Payload::of(&again), Payload::Signal(signal));
            }
        }
        _ => {}
    }
}
