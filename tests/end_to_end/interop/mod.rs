//! Chromium as a peer: a page that speaks the wire with the browser's own RTCPeerConnection and npm's socket.io-client,
//! with pages of its kind and with Confab's own participant.

mod foreign;
mod pages;
mod peers;

/// What a test returns.
type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Picture that the pages send: small, so that two cores carry several of them.
const SMALL: (u32, u32, u32) = (640, 360, 30);

/// A condition for `Page::wait_for_person`: frame numbers that were read advance, and the tone is `hz`. The bins of the
/// analyser are 6 Hz wide.
fn seen_and_heard(hz: u32) -> String {
    format!("video?.patterns > 20 && video.number > 20 && Math.abs(audio?.hz - {hz}) < 12 && audio.level > 0.05")
}
