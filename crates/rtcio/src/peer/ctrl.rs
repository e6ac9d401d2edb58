//! The `rtcio:ctrl` channel of one peer: envelopes out, filtered envelopes in (protocol section 3).

use confab_wire::{
    ctrl::{Envelope, EnvelopeError},
    limits,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use webrtc::data_channel::{DataChannel, RTCDataChannelMessage};

/// Unacknowledged bytes under which waiting envelopes go on.
const LOW_WATER: u32 = 1 << 20;
/// Unacknowledged bytes from which further envelopes wait.
const HIGH_WATER: usize = 4 << 20;
/// Window of the rate limit.
const WINDOW: Duration = Duration::from_secs(1);
/// Time between two complaints about one peer.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(5);

/// Frames a peer may send within one window.
#[derive(Debug)]
pub(crate) struct RateLimit {
    started: Instant,
    count: u32,
}

impl RateLimit {
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, count: 0 }
    }

    /// Counts a frame. False: it is one too many.
    pub(crate) fn admit(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.started) >= WINDOW {
            *self = Self::new(now);
        }
        self.count = self.count.saturating_add(1);
        self.count <= limits::CTRL_FRAMES_PER_SECOND
    }
}

/// Lets a complaint through once in a while.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    last: Option<Instant>,
}

impl Complaints {
    /// True if this one is to be told.
    pub(crate) fn admit(&mut self, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= COMPLAINT_INTERVAL);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// A frame that is no event for the application.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Its event is the library's own; this is the text.
    Internal(String),
    /// What is wrong with it.
    Wrong(String),
}

/// The channel.
pub(crate) struct Ctrl {
    pub(crate) channel: Arc<dyn DataChannel>,
    open: bool,
    queue: VecDeque<Arc<str>>,
    rate: RateLimit,
}

impl Ctrl {
    pub(crate) fn new(channel: Arc<dyn DataChannel>, now: Instant) -> Self {
        Self { channel, open: false, queue: VecDeque::new(), rate: RateLimit::new(now) }
    }

    /// Sends an envelope, or queues it: before the channel is open, and while the peer does not take what it has. The
    /// queue holds [`limits::CTRL_QUEUE`]; the oldest goes first.
    pub(crate) async fn send(&mut self, envelope: Arc<str>) {
        if self.queue.len() >= limits::CTRL_QUEUE {
            self.queue.pop_front();
            tracing::warn!("too many events wait for a peer; the oldest is dropped");
        }
        self.queue.push_back(envelope);
        self.flush().await;
    }

    /// The channel opened. True the first time: the event repeats after negotiations.
    pub(crate) async fn opened(&mut self) -> bool {
        if std::mem::replace(&mut self.open, true) {
            return false;
        }
        if let Err(error) = self.channel.set_buffered_amount_low_threshold(LOW_WATER).await {
            tracing::debug!(%error, "ctrl closed while it opened");
        }
        self.flush().await;
        true
    }

    /// Sends what waits, as far as the channel takes it.
    pub(crate) async fn flush(&mut self) {
        if !self.open {
            return;
        }
        while !self.queue.is_empty() {
            // The library tells when they are under the low mark.
            if self.channel.outstanding_bytes().await.is_ok_and(|outstanding| outstanding >= HIGH_WATER) {
                return;
            }
            let Some(envelope) = self.queue.pop_front() else { return };
            if let Err(error) = self.channel.try_send_text(&envelope).await {
                tracing::warn!(%error, bytes = envelope.len(), "an event was not sent to a peer");
            }
        }
    }

    /// Reads a frame of the peer.
    pub(crate) fn receive(&mut self, message: &RTCDataChannelMessage, now: Instant) -> Result<Envelope, Unfit> {
        if !self.rate.admit(now) {
            let what = format!("it sends more than {} events in a second", limits::CTRL_FRAMES_PER_SECOND);
            return Err(Unfit::Wrong(what));
        }
        read(message)
    }
}

fn read(message: &RTCDataChannelMessage) -> Result<Envelope, Unfit> {
    let wrong = |what: &str| Unfit::Wrong(what.to_owned());
    if !message.is_string {
        return Err(wrong("it sent a binary frame"));
    }
    // The library (rtc 0.21.1) agrees on messages of 256 KiB at most; this is the bound of the protocol.
    if message.data.len() > limits::CTRL_FRAME_BYTES {
        return Err(wrong("it sent a frame that is too large"));
    }
    let text = std::str::from_utf8(&message.data).map_err(|_| wrong("it sent text that is no UTF-8"))?;
    Envelope::parse(text).map_err(|error| match error {
        EnvelopeError::Reserved => Unfit::Internal(text.to_owned()),
        error => Unfit::Wrong(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_within_its_second() {
        let now = Instant::now();
        let mut rate = RateLimit::new(now);
        let admitted = (0..2_000).filter(|_| rate.admit(now)).count();
        assert_eq!(admitted, limits::CTRL_FRAMES_PER_SECOND as usize);
        assert!(rate.admit(now + WINDOW));
    }

    #[test]
    fn a_frame_has_a_mebibyte_at_most_and_is_text() {
        let frame = |bytes: usize, is_string| {
            let rest = bytes - r#"{"e":"x","d":[""]}"#.len();
            let text = format!(r#"{{"e":"x","d":["{}"]}}"#, "y".repeat(rest));
            RTCDataChannelMessage { is_string, data: text.as_bytes().into() }
        };
        let wrong = |what: &str| Unfit::Wrong(what.to_owned());
        assert!(read(&frame(1 << 20, true)).is_ok());
        assert_eq!(read(&frame((1 << 20) + 1, true)).unwrap_err(), wrong("it sent a frame that is too large"));
        assert_eq!(read(&frame(100, false)).unwrap_err(), wrong("it sent a binary frame"));
    }

    #[test]
    fn complaints_are_rare() {
        let now = Instant::now();
        let mut complaints = Complaints::default();
        assert!(complaints.admit(now));
        assert!(!complaints.admit(now + Duration::from_secs(4)));
        assert!(complaints.admit(now + Duration::from_secs(5)));
    }
}
