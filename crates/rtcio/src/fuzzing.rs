//! Ways for `fuzz/` into what is private here: each takes what a peer, a server or a proxy could have sent. Not part of the API.

use crate::peer::StreamEvents;
use crate::signaling;
use confab_wire::limits;
use confab_wire::signaling::Signal;

/// Texts of one peer: those that hold JSON are the `data` of a signal, and may tell the events of a stream.
pub fn stream_events(texts: &[&str]) {
    for text in texts {
        if let Ok(Ok(Signal::StreamEvents { events, .. })) = serde_json::from_str(text).map(|data| Signal::parse(&data))
        {
            let told = StreamEvents::read(events);
            told.metadata();
            assert!(told.id.is_none_or(|id| !id.is_empty() && id.len() <= limits::ID_BYTES));
            assert!(told.events.iter().all(|(event, _)| event.len() <= limits::EVENT_NAME_BYTES));
        }
    }
}

/// A packet of a server, as the relay reads it.
pub fn server_packet(text: &str) {
    signaling::fuzzing::server_packet(text);
}

/// What a proxy says, in one piece, to HTTP CONNECT and to SOCKS5.
pub async fn proxy_answer(bytes: &[u8]) {
    signaling::fuzzing::proxy_answer(bytes).await;
}
