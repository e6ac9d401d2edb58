//! Ways for `fuzz/` into what is private here: each takes what a peer could have sent. Not part of the API.

use crate::peer::fuzzing as peer;
use confab_wire::signaling::{Candidate, Signal};

/// Descriptions and stream events of one peer, one after the other: lines that hold JSON are the `data` of a signal.
pub fn inbound(texts: &[&str]) {
    peer::inbound(texts);
}

/// Signals of one peer, in order, applied to a real connection as the peer's task does it.
pub async fn connection(signals: Vec<Signal>) {
    peer::connection(signals).await;
}

/// A candidate alone, to a connection that has a remote description.
pub fn candidate(text: &str) -> Signal {
    Signal::Candidate(Candidate {
        candidate: text.to_owned(),
        sdp_mid: None,
        sdp_m_line_index: Some(0),
        username_fragment: None,
    })
}
