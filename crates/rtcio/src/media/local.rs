//! Tracks of our own: encoded once, packetized once, handed to every peer's forwarder.

use super::encoding::{VideoEncoding, bound};
use super::vp9::Vp9Payloader;
use bytes::Bytes;
use confab_protocol::media::{AudioPacket, Codec, EncodedFrame, MediaKind, VideoDemand};
use rtc::rtp::codec::vp8::Vp8Payloader;
use rtc::rtp::packetizer::Payloader;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// Largest RTP payload in bytes: an Ethernet MTU of the internet's narrow parts (1280, RFC 8200 section 5) less IPv6,
/// UDP, RTP with extensions, the retransmission header and the SRTP tag.
const PAYLOAD_BYTES: usize = 1160;
/// Video frames that wait in one forwarder, about half a second; when full, that peer skips to the next key frame.
const VIDEO_QUEUE: usize = 16;
/// Audio packets that wait in one forwarder, about half a second; when full, the newest is dropped.
const AUDIO_QUEUE: usize = 25;

/// One frame or audio packet, ready for any peer: only the RTP header differs between them.
#[derive(Debug)]
pub(crate) struct Packets {
    pub(crate) payloads: Vec<Bytes>,
    pub(crate) timestamp: u32,
    /// True for key frames and for audio: what can be understood alone.
    pub(crate) key: bool,
}

/// What a forwarder gets.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) packets: mpsc::Receiver<Arc<Packets>>,
    id: u64,
    track: LocalTrack,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.track.unsubscribe(self.id);
    }
}

#[derive(Debug)]
struct Subscriber {
    id: u64,
    sender: mpsc::Sender<Arc<Packets>>,
    /// True if it cannot use anything before the next key frame.
    skipping: bool,
}

#[derive(Debug)]
struct Inner {
    id: String,
    codec: Codec,
    payloader: Mutex<Cutter>,
    subscribers: Mutex<(u64, Vec<Subscriber>)>,
    demand: watch::Sender<VideoDemand>,
    /// How the streams that hold the track want it encoded, by stream id.
    encodings: Mutex<Vec<(String, VideoEncoding)>>,
}

/// What cuts frames into RTP payloads.
#[derive(Debug)]
enum Cutter {
    Vp8(Vp8Payloader),
    Vp9(Vp9Payloader),
    /// There is nothing to cut, or nobody here knows how.
    None,
}

impl Cutter {
    fn new(codec: Codec) -> Self {
        match codec {
            Codec::Vp8 => {
                // A picture id lets the receiver tell frames apart when packets are missing.
                let mut payloader = Vp8Payloader::default();
                payloader.enable_picture_id = true;
                Self::Vp8(payloader)
            }
            Codec::Vp9 => Self::Vp9(Vp9Payloader::new()),
            Codec::H264 | Codec::Opus => Self::None,
        }
    }

    fn cut(&mut self, frame: &Bytes) -> Result<Vec<Bytes>, rtc::shared::error::Error> {
        match self {
            Self::Vp8(payloader) => payloader.payload(PAYLOAD_BYTES, frame),
            Self::Vp9(payloader) => Ok(payloader.payload(PAYLOAD_BYTES, frame)),
            Self::None => Ok(Vec::new()),
        }
    }
}

/// A local track: frames go in once, every peer gets them. Cloning gives another handle of the same track.
#[derive(Debug, Clone)]
pub struct LocalTrack {
    inner: Arc<Inner>,
}

impl LocalTrack {
    /// A video track of VP8 or VP9. A track of another codec is not sent, with a warning in the log.
    pub fn video(codec: Codec) -> Self {
        Self::new(codec)
    }

    /// An audio track of Opus.
    pub fn audio() -> Self {
        Self::new(Codec::Opus)
    }

    fn new(codec: Codec) -> Self {
        let demand = VideoDemand { wanted: false, ..VideoDemand::default() };
        let inner = Inner {
            id: Uuid::new_v4().to_string(),
            codec,
            payloader: Mutex::new(Cutter::new(codec)),
            subscribers: Mutex::default(),
            demand: watch::Sender::new(demand),
            encodings: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Identity of the track within this process.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// Audio or video.
    pub fn kind(&self) -> MediaKind {
        self.inner.codec.kind()
    }

    /// Its codec.
    pub fn codec(&self) -> Codec {
        self.inner.codec
    }

    /// Sends a frame to every peer that has the track. Never waits; a frame of another codec is ignored.
    pub fn write_frame(&self, frame: EncodedFrame) {
        if frame.codec != self.inner.codec || self.kind() != MediaKind::Video || !self.has_subscribers() {
            return;
        }
        let payloads = {
            let mut payloader = self.inner.payloader.lock().unwrap_or_else(PoisonError::into_inner);
            payloader.cut(&frame.data)
        };
        match payloads {
            Ok(payloads) if !payloads.is_empty() => {
                self.publish(Packets { payloads, timestamp: frame.timestamp, key: frame.key });
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a frame could not be packetized"),
        }
    }

    /// Sends an audio packet to every peer that has the track. Never waits.
    pub fn write_audio(&self, packet: AudioPacket) {
        if self.inner.codec == Codec::Opus && !packet.data.is_empty() && self.has_subscribers() {
            self.publish(Packets { payloads: vec![packet.data], timestamp: packet.timestamp, key: true });
        }
    }

    /// What the peers together want. `wanted` is true while any peer receives the track; `key_frames` grows when a peer
    /// asks (PLI, FIR), when a new one begins, and when one had to skip. The bounds are those of the streams that hold the
    /// track ([`crate::RtcioStream::set_encoding`]).
    pub fn demand(&self) -> watch::Receiver<VideoDemand> {
        self.inner.demand.subscribe()
    }

    /// How the stream `stream` wants the track encoded; `None` if it does not hold it any more.
    pub(crate) fn set_encoding(&self, stream: &str, encoding: Option<VideoEncoding>) {
        if self.kind() != MediaKind::Video {
            return;
        }
        let mut encodings = self.inner.encodings.lock().unwrap_or_else(PoisonError::into_inner);
        encodings.retain(|(known, _)| known != stream);
        encodings.extend(encoding.map(|encoding| (stream.to_owned(), encoding)));
        self.inner.demand.send_if_modified(|demand| {
            let before = *demand;
            bound(demand, encodings.iter().map(|(_, encoding)| encoding));
            *demand != before
        });
    }

    /// Asks the encoder for a key frame.
    pub(crate) fn request_key_frame(&self) {
        if self.kind() == MediaKind::Video {
            self.inner.demand.send_modify(|demand| demand.key_frames += 1);
        }
    }

    /// Begins to receive packets, from the next key frame on.
    pub(crate) fn subscribe(&self) -> Subscription {
        let video = self.kind() == MediaKind::Video;
        let (sender, packets) = mpsc::channel(if video { VIDEO_QUEUE } else { AUDIO_QUEUE });
        let id = {
            let mut guard = self.inner.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            let (next, subscribers) = &mut *guard;
            *next += 1;
            subscribers.push(Subscriber { id: *next, sender, skipping: video });
            *next
        };
        self.inner.demand.send_modify(|demand| {
            demand.wanted = true;
            demand.key_frames += u64::from(video);
        });
        Subscription { packets, id, track: self.clone() }
    }

    fn unsubscribe(&self, id: u64) {
        let empty = {
            let mut guard = self.inner.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            guard.1.retain(|subscriber| subscriber.id != id);
            guard.1.is_empty()
        };
        if empty {
            self.inner.demand.send_modify(|demand| demand.wanted = false);
        }
    }

    fn has_subscribers(&self) -> bool {
        !self.inner.subscribers.lock().unwrap_or_else(PoisonError::into_inner).1.is_empty()
    }

    fn publish(&self, packets: Packets) {
        let packets = Arc::new(packets);
        let mut skipped = false;
        {
            let mut guard = self.inner.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            for subscriber in &mut guard.1 {
                if subscriber.skipping && !packets.key {
                    continue;
                }
                match subscriber.sender.try_send(Arc::clone(&packets)) {
                    Ok(()) => subscriber.skipping = false,
                    Err(_) if self.inner.codec == Codec::Opus => {}
                    Err(_) => {
                        skipped |= !subscriber.skipping;
                        subscriber.skipping = true;
                    }
                }
            }
        }
        if skipped {
            self.request_key_frame();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(timestamp: u32, key: bool, bytes: usize) -> EncodedFrame {
        let data = Bytes::from(vec![u8::from(!key); bytes]);
        EncodedFrame { data, codec: Codec::Vp8, key, timestamp, width: 0, height: 0 }
    }

    #[test]
    fn a_new_peer_starts_at_a_key_frame_and_asks_for_it() {
        let track = LocalTrack::video(Codec::Vp8);
        let demand = track.demand();
        assert!(!demand.borrow().wanted);
        let mut subscription = track.subscribe();
        assert_eq!((demand.borrow().wanted, demand.borrow().key_frames), (true, 1));
        track.write_frame(frame(1, false, 10));
        track.write_frame(frame(2, true, 10));
        track.write_frame(frame(3, false, 10));
        assert_eq!(subscription.packets.try_recv().unwrap().timestamp, 2);
        assert_eq!(subscription.packets.try_recv().unwrap().timestamp, 3);
        drop(subscription);
        assert!(!demand.borrow().wanted);
    }

    #[test]
    fn one_slow_peer_skips_and_the_others_do_not_notice() {
        let track = LocalTrack::video(Codec::Vp8);
        let (mut slow, mut fast) = (track.subscribe(), track.subscribe());
        let before = track.demand().borrow().key_frames;
        for n in 0..VIDEO_QUEUE as u32 + 5 {
            track.write_frame(frame(n, n == 0, 10));
            assert_eq!(fast.packets.try_recv().unwrap().timestamp, n);
        }
        assert_eq!(track.demand().borrow().key_frames, before + 1);
        while slow.packets.try_recv().is_ok() {}
        track.write_frame(frame(100, false, 10));
        assert!(slow.packets.try_recv().is_err());
        track.write_frame(frame(101, true, 10));
        assert_eq!(slow.packets.try_recv().unwrap().timestamp, 101);
    }

    #[test]
    fn a_frame_is_cut_once_for_all() {
        let track = LocalTrack::video(Codec::Vp8);
        let (mut one, mut two) = (track.subscribe(), track.subscribe());
        track.write_frame(frame(1, true, 3 * PAYLOAD_BYTES));
        let (one, two) = (one.packets.try_recv().unwrap(), two.packets.try_recv().unwrap());
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(one.payloads.len(), 4);
        assert!(one.payloads.iter().all(|payload| payload.len() <= PAYLOAD_BYTES));
    }
}
