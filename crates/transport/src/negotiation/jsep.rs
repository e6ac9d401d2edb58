//! What the negotiation asks of a connection.

use confab_wire::signaling::Candidate;

/// Whose fault it is that a description was not applied.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The description's.
    Remote(String),
    /// This side's.
    Local(String),
}

/// The descriptions of one connection (RFC 9429, W3C webrtc-pc section 4.4.1.5). They are SDP throughout.
///
/// The session's connection is the library's; that of the model, on which tens of thousands of interleavings are tried, is
/// not.
pub(crate) trait Jsep {
    /// Makes an offer and sets it.
    async fn offer(&mut self, ice_restart: bool) -> Result<String, String>;

    /// Applies an offer of the peer, makes the answer and sets it.
    async fn take_offer(&mut self, sdp: &str) -> Result<String, Refused>;

    /// Applies the peer's answer to the offer that waits for one.
    async fn take_answer(&mut self, sdp: &str) -> Result<(), Refused>;

    /// Takes the offer that waits for its answer back.
    async fn roll_back(&mut self) -> Result<(), String>;

    /// Takes back what was begun with an offer of the peer, if there is something.
    async fn roll_back_remote(&mut self) -> Result<(), String>;

    /// Uses a candidate of the peer; there is a description of it.
    async fn add_candidate(&mut self, candidate: Candidate) -> Result<(), String>;

    /// Our offer that waits for its answer, with the candidates gathered so far.
    async fn pending(&self) -> Option<String>;

    /// Our last description that both sides have agreed on.
    async fn current(&self) -> Option<String>;
}
