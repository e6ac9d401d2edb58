//! Tracks of others.

use confab_rtp::meters::{SenderClock, SenderClockReader};
use confab_rtp::packetization::audio_level;
use confab_wire::{
    layers::RenderedSize,
    media::{AudioLevel, AudioPacket, Codec, EncodedFrame, MediaKind},
};
use rtc::rtp;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc};

/// Frames that wait for the application, about a second; when full, the track skips to the next key frame.
const VIDEO_QUEUE: usize = 32;
/// Audio packets that wait for the application, about two seconds; when full, the newest is dropped.
const AUDIO_QUEUE: usize = 100;

/// A remote stream, as far as it is known at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteStream {
    /// The id that its owner gives it beside the MediaStream id; `None` until the owner has described it, and where the
    /// dialect has no such id.
    pub id: Option<String>,
    /// MediaStream id (`a=msid`), unique within the peer. A track without one gets a stream of its own.
    pub msid: String,
    /// Whose it is.
    pub peer: String,
}

impl RemoteStream {
    /// True if the remote named it; a track without `a=msid` gets a stream that nobody can ask about.
    pub(crate) fn is_named(&self) -> bool {
        self.msid.strip_prefix(self.peer.as_str()).is_none_or(|rest| !rest.starts_with(':'))
    }
}

/// What was received on a track so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TrackStats {
    /// RTP packets, without duplicates.
    pub packets: u64,
    /// RTP payload bytes.
    pub bytes: u64,
    /// Packets that never came, by sequence number (RFC 3550 appendix A.3).
    pub lost: u64,
    /// Interarrival jitter in milliseconds (RFC 3550 section 6.4.1).
    pub jitter_ms: f32,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) packets: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) lost: AtomicU64,
    /// Bits of an `f32`, in milliseconds.
    pub(crate) jitter: AtomicU32,
}

/// What a description says of how a track is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OfferedFormats {
    /// Payload type and codec of those that can be received, the preferred one first.
    pub(crate) receivable: Vec<(u8, Codec)>,
    /// Name of the first one, whether it can be received or not.
    pub(crate) preferred: Option<String>,
    /// Id of the header extension that tells the level of sound.
    pub(crate) audio_level: Option<u8>,
}

/// How it is sent.
#[derive(Debug)]
struct Format {
    offered: OfferedFormats,
    /// The codec in use.
    codec: Option<Codec>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    id: String,
    msid: String,
    kind: MediaKind,
    format: Mutex<Format>,
    video: Mutex<Option<mpsc::Receiver<EncodedFrame>>>,
    audio: Mutex<Option<mpsc::Receiver<AudioPacket>>>,
    /// True once the application reads; before that a full queue is no reason to ask for key frames.
    pub(crate) taken: AtomicBool,
    pub(crate) key_frame_wanted: Notify,
    /// The size at which it is drawn; `None` until told.
    rendered_size: Mutex<Option<RenderedSize>>,
    /// Wakes who passes it on.
    rendered_size_changed: Arc<Notify>,
    /// What its sender reports; `None` before its first packet.
    reports: Mutex<Option<SenderClockReader>>,
    pub(crate) counters: Counters,
}

/// A remote track. Cloning gives another handle of the same track.
#[derive(Debug, Clone)]
pub struct RemoteTrack {
    pub(crate) inner: Arc<Inner>,
}

/// Where the packets of a track go. Dropping it ends the application's receiver.
#[derive(Debug, Clone)]
pub(crate) enum Sink {
    Video(RemoteTrack, mpsc::Sender<EncodedFrame>),
    Audio(RemoteTrack, mpsc::Sender<AudioPacket>),
}

impl RemoteTrack {
    /// A track and the sink that feeds it.
    pub(crate) fn new(
        id: String,
        msid: String,
        kind: MediaKind,
        offered: OfferedFormats,
        rendered_size_changed: &Arc<Notify>,
    ) -> (Self, Sink) {
        let (video_sender, video) = mpsc::channel(VIDEO_QUEUE);
        let (audio_sender, audio) = mpsc::channel(AUDIO_QUEUE);
        let is_video = kind == MediaKind::Video;
        let inner = Inner {
            id,
            msid,
            kind,
            format: Mutex::new(Format { offered, codec: None }),
            video: Mutex::new(is_video.then_some(video)),
            audio: Mutex::new((!is_video).then_some(audio)),
            taken: AtomicBool::new(false),
            key_frame_wanted: Notify::new(),
            rendered_size: Mutex::default(),
            rendered_size_changed: Arc::clone(rendered_size_changed),
            reports: Mutex::default(),
            counters: Counters::default(),
        };
        let track = Self { inner: Arc::new(inner) };
        let sink =
            if is_video { Sink::Video(track.clone(), video_sender) } else { Sink::Audio(track.clone(), audio_sender) };
        (track, sink)
    }

    /// Track id (`a=msid`), unique within the peer's connection.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// MediaStream id of the stream it belongs to.
    pub fn msid(&self) -> &str {
        &self.inner.msid
    }

    /// Audio or video.
    pub fn kind(&self) -> MediaKind {
        self.inner.kind
    }

    /// The codec in which it comes; before the first packet, the one that the sender offers first. Each frame says its own.
    pub fn codec(&self) -> Codec {
        let format = self.format();
        let first = || format.offered.receivable.first().map(|(_, codec)| *codec);
        format.codec.or_else(first).unwrap_or(if self.inner.kind == MediaKind::Video {
            Codec::Vp8
        } else {
            Codec::Opus
        })
    }

    /// Name of the codec that the sender offers first (as in `a=rtpmap`), if none that it offers can be received: then
    /// nothing comes.
    pub fn refused_codec(&self) -> Option<String> {
        let format = self.format();
        format.offered.preferred.clone().filter(|_| format.offered.receivable.is_empty())
    }

    fn format(&self) -> MutexGuard<'_, Format> {
        self.inner.format.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a description says of how it is sent.
    pub(crate) fn set_offered(&self, offered: OfferedFormats) {
        self.format().offered = offered;
    }

    /// How loud the sound of a packet with this header is, if the sender says.
    pub(crate) fn level_of(&self, header: &rtp::Header) -> Option<AudioLevel> {
        let id = self.format().offered.audio_level?;
        audio_level::read(header, id)
    }

    /// A packet of this payload type came: its codec.
    pub(crate) fn codec_of(&self, payload_type: u8) -> Codec {
        {
            let mut format = self.format();
            let mut receivable = format.offered.receivable.iter();
            if let Some((_, codec)) = receivable.find(|(known, _)| *known == payload_type).copied() {
                format.codec = Some(codec);
            }
        }
        self.codec()
    }

    /// The frames of a video track, beginning with a key frame. Once; the receiver ends with the track.
    pub fn take_video(&self) -> Option<mpsc::Receiver<EncodedFrame>> {
        let receiver = self.inner.video.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.inner.taken.store(true, Ordering::Release);
        self.inner.key_frame_wanted.notify_one();
        Some(receiver)
    }

    /// The packets of an audio track, in the order in which they arrive. Once; the receiver ends with the track.
    pub fn take_audio(&self) -> Option<mpsc::Receiver<AudioPacket>> {
        let receiver = self.inner.audio.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.inner.taken.store(true, Ordering::Release);
        Some(receiver)
    }

    /// Asks the sender for a key frame (PLI, RFC 4585 section 6.3.1), at most once in about 300 ms.
    pub fn request_key_frame(&self) {
        self.inner.key_frame_wanted.notify_one();
    }

    /// Says at which size the video is drawn, in physical pixels, so that the sender needs to send no more;
    /// [`RenderedSize::HIDDEN`] stops it. Has no effect on sound, and none on peers whose program does not know of it: they go on
    /// sending what they like.
    pub fn set_rendered_size(&self, size: RenderedSize) {
        *self.inner.rendered_size.lock().unwrap_or_else(PoisonError::into_inner) = Some(size);
        self.inner.rendered_size_changed.notify_one();
    }

    /// See [`Self::set_rendered_size`].
    pub(crate) fn rendered_size(&self) -> Option<RenderedSize> {
        *self.inner.rendered_size.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its timestamps are in its sender's time; `None` until the sender has told, a second or so after the first packet.
    /// All tracks of a peer have the same time.
    pub fn sender_clock(&self) -> Option<SenderClock> {
        self.inner.reports.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.clock()
    }

    /// Its packets come from a stream about which these are the reports.
    pub(crate) fn set_reports(&self, reports: SenderClockReader) {
        *self.inner.reports.lock().unwrap_or_else(PoisonError::into_inner) = Some(reports);
    }

    /// What was received so far.
    pub fn stats(&self) -> TrackStats {
        let counters = &self.inner.counters;
        TrackStats {
            packets: counters.packets.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
            lost: counters.lost.load(Ordering::Relaxed),
            jitter_ms: f32::from_bits(counters.jitter.load(Ordering::Relaxed)),
        }
    }
}
