//! What comes on the `rtcio:ctrl` channel of one peer (protocol section 3).

use confab_transport::channel::ChannelData;
use confab_wire::{
    ctrl::{Envelope, EnvelopeError},
    limits,
    rate_limit::RateLimiter,
};
use tokio::time::Instant;

/// A frame that is no event for the application.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Its event is the library's own; this is the text.
    Internal(String),
    /// What is wrong with it.
    Wrong(String),
}

/// The receiving side of the channel.
pub(super) struct Ctrl {
    rate: RateLimiter,
}

impl Default for Ctrl {
    fn default() -> Self {
        let most = limits::CTRL_FRAMES_PER_SECOND;
        Self { rate: RateLimiter::per_second(most, most) }
    }
}

impl Ctrl {
    /// Reads a frame of the peer.
    pub(super) fn receive(&mut self, frame: ChannelData, now: Instant) -> Result<Envelope, Unfit> {
        if !self.rate.admit(now) {
            let what = format!("it sends more than {} events in a second", limits::CTRL_FRAMES_PER_SECOND);
            return Err(Unfit::Wrong(what));
        }
        read(frame)
    }
}

fn read(frame: ChannelData) -> Result<Envelope, Unfit> {
    let wrong = |what: &str| Unfit::Wrong(what.to_owned());
    let ChannelData::Text(text) = frame else { return Err(wrong("it sent a binary frame")) };
    // The library (rtc 0.21.1) agrees on messages of 256 KiB at most; this is the bound of the protocol.
    if text.len() > limits::CTRL_FRAME_BYTES {
        return Err(wrong("it sent a frame that is too large"));
    }
    Envelope::parse(&text).map_err(|error| match error {
        EnvelopeError::Reserved => Unfit::Internal(text),
        error => Unfit::Wrong(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_flood_is_cut_within_its_second() {
        let now = Instant::now();
        let mut ctrl = Ctrl::default();
        let frame = || ChannelData::from(r#"{"e":"x","d":[]}"#);
        let admitted = (0..2_000).filter(|_| ctrl.receive(frame(), now).is_ok()).count();
        assert_eq!(admitted, limits::CTRL_FRAMES_PER_SECOND as usize);
        assert!(ctrl.receive(frame(), now + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn a_frame_has_a_mebibyte_at_most_and_is_text() {
        let frame = |bytes: usize, is_string| {
            let rest = bytes - r#"{"e":"x","d":[""]}"#.len();
            let text = format!(r#"{{"e":"x","d":["{}"]}}"#, "y".repeat(rest));
            if is_string { ChannelData::Text(text) } else { ChannelData::from(text.into_bytes()) }
        };
        let wrong = |what: &str| Unfit::Wrong(what.to_owned());
        assert!(read(frame(1 << 20, true)).is_ok());
        assert_eq!(read(frame((1 << 20) + 1, true)).unwrap_err(), wrong("it sent a frame that is too large"));
        assert_eq!(read(frame(100, false)).unwrap_err(), wrong("it sent a binary frame"));
    }
}
