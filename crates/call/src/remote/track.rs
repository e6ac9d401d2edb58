//! One received track and everything that hangs on it.

use crate::remote::av_sync::AvSync;
use crate::remote::counters::{TrackCounters, TrackReading};
use crate::remote::received_pictures::ReceivedPicture;
use crate::remote::video::{VideoReceiver, VideoSinks};
use crate::remote::video_timing::micros;
use confab_ipc::{PeerStats, TrackView};
use confab_media::PeerAudio;
use confab_rtcio::RemoteTrack;
use confab_wire::layers::RenderedSize;
use confab_wire::media::AudioPacket;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Statistics of the pictures of one received track since the last reading.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedPictureStats {
    /// Peer id.
    pub peer: String,
    /// Track handle.
    pub handle: u32,
    /// When the first picture was decoded.
    pub first_decoded: Option<Instant>,
    /// Frame number of the test pattern in the newest picture, if it shows one.
    pub pattern: Option<u32>,
    /// Capture-to-decode latency of each picture with a test pattern, in milliseconds, by the wall clock drawn into it
    /// (meaningful where sender and receiver share a clock).
    pub latencies_ms: Vec<f32>,
    /// How much later the sound of the stream is heard than it is shown, in milliseconds, by the sender's reports; `None`
    /// without sound, or until the sender has reported.
    pub skew_ms: Option<f32>,
    /// Each picture with a test pattern, if they are compared with their source
    /// ([`CallConfig::compare`](crate::CallConfig::compare)).
    pub pictures: Vec<ReceivedPicture>,
}

/// See the module. Dropping it ends its task and its place in the mix.
#[derive(Debug)]
pub struct ReceivedTrack {
    peer: String,
    view: TrackView,
    track: RemoteTrack,
    counters: Arc<TrackCounters>,
    /// Its place in the mix, if it is audio.
    audio: Option<Arc<PeerAudio>>,
    /// How it is synchronized with its sound, if it is video.
    sync: AvSync,
    /// The counters a second ago.
    last: TrackReading,
    _task: AbortOnDropHandle<()>,
}

impl ReceivedTrack {
    /// Starts to carry a video track. `None` if its frames were taken before.
    pub fn video(
        peer: &str,
        view: TrackView,
        track: RemoteTrack,
        sinks: VideoSinks,
        compare: Option<(u32, u32)>,
    ) -> Option<Self> {
        let frames = track.take_video()?;
        let counters = Arc::new(TrackCounters::new(compare));
        let receiver = VideoReceiver::new(view.handle, track.clone(), Arc::clone(&counters), sinks);
        let task = tokio::spawn(receiver.run(frames));
        Some(Self::new(peer, view, track, counters, None, AbortOnDropHandle::new(task)))
    }

    /// Starts to carry an audio track into the mix. `None` if its packets were taken before.
    pub fn audio(peer: &str, view: TrackView, track: RemoteTrack, audio: PeerAudio) -> Option<Self> {
        let packets = track.take_audio()?;
        let (counters, audio) = (Arc::new(TrackCounters::default()), Arc::new(audio));
        let task = tokio::spawn(carry_sound(packets, Arc::clone(&audio), Arc::clone(&counters)));
        Some(Self::new(peer, view, track, counters, Some(audio), AbortOnDropHandle::new(task)))
    }

    fn new(
        peer: &str,
        view: TrackView,
        track: RemoteTrack,
        counters: Arc<TrackCounters>,
        audio: Option<Arc<PeerAudio>>,
        task: AbortOnDropHandle<()>,
    ) -> Self {
        let (sync, last) = Default::default();
        Self { peer: peer.to_owned(), view, track, counters, audio, sync, last, _task: task }
    }

    /// Id of who sends it.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// What the window knows of it.
    pub fn view(&self) -> &TrackView {
        &self.view
    }

    /// The event that carried its stream is known. False if that is no news.
    pub fn set_event(&mut self, event: &str) -> bool {
        let is_news = self.view.event != event;
        if is_news {
            event.clone_into(&mut self.view.event);
        }
        is_news
    }

    /// True if it is this track of the connection.
    pub fn is(&self, track: &RemoteTrack) -> bool {
        self.track.id() == track.id()
    }

    /// True if it is sound.
    pub fn is_audio(&self) -> bool {
        self.audio.is_some()
    }

    /// Asks the sender for a key frame.
    pub fn request_key_frame(&self) {
        self.track.request_key_frame();
    }

    /// Reports to the sender at which size it is drawn.
    pub fn set_rendered_size(&self, size: RenderedSize) {
        self.track.set_rendered_size(size);
    }

    /// Changes how loud its sound is heard.
    pub fn set_gain(&self, gain: f32) {
        if let Some(audio) = &self.audio {
            audio.set_gain(gain);
        }
    }

    /// Loudness of what is heard: RMS, 0 to 1.
    pub fn level(&self) -> f32 {
        self.audio.as_ref().map_or(0.0, |audio| audio.level())
    }

    /// Loudness of what is said since the last reading: what is heard, or, if one made it silent for oneself, what the sender
    /// declares.
    pub fn spoken_level(&self) -> f32 {
        let declared = self.counters.take_declared_level();
        let is_silenced = self.audio.as_ref().is_none_or(|audio| audio.gain() == 0.0);
        if is_silenced { declared } else { self.level() }
    }

    /// Delays this picture or its `sound`, whichever is earlier.
    pub fn synchronize(&mut self, sound: &ReceivedTrack) -> AvSync {
        self.sync.update(sound.sound_delay(), self.counters.timing().arrival_delay(Instant::now()));
        self.counters.timing().set_playout_delay(self.sync.video_delay());
        self.sync
    }

    /// Delays its sound by this much beyond what the network takes.
    pub fn set_extra_delay(&self, delay: Duration) {
        if let Some(audio) = &self.audio {
            audio.set_extra_delay(delay);
        }
    }

    /// Time from the sender's clock until its sound is heard, in microseconds; `None` while nothing is.
    pub fn sound_delay(&self) -> Option<i64> {
        let (timestamp, at) = self.audio.as_ref()?.due()?;
        Some(micros(at) - self.track.sender_clock()?.micros_at(timestamp))
    }

    /// How much later `sound` is heard than this picture is shown, in milliseconds, with the delay of either.
    fn skew_ms(&self, sound: &ReceivedTrack) -> Option<f32> {
        let shown = self.counters.timing().arrival_delay(Instant::now())? + self.sync.video_delay().as_micros() as i64;
        Some((sound.sound_delay()? - shown) as f32 / 1_000.0)
    }

    /// Adds what came in the `passed` time since the last reading.
    pub fn add_reading(&mut self, stats: &mut PeerStats, passed: Duration) {
        let now = self.counters.read();
        let last = std::mem::replace(&mut self.last, now);
        stats.bitrate += (now.bytes - last.bytes) * 8;
        match &self.audio {
            Some(audio) => stats.audio_level = stats.audio_level.max(audio.level()),
            None => {
                let TrackReading { frames, width, height, .. } = now;
                stats.frames += frames;
                stats.fps = stats.fps.max((frames - last.frames) as f32 / passed.as_secs_f32());
                (stats.width, stats.height) = (width, height);
            }
        }
    }

    /// What the decoder saw since the last reading; `sound` is what belongs to the picture.
    pub fn take_picture_stats(&self, sound: Option<&ReceivedTrack>) -> ReceivedPictureStats {
        let mut pictures = self.counters.pictures();
        ReceivedPictureStats {
            peer: self.peer.clone(),
            handle: self.view.handle,
            first_decoded: pictures.first_decoded,
            pattern: pictures.pattern,
            latencies_ms: std::mem::take(&mut pictures.latencies_ms),
            skew_ms: sound.and_then(|sound| self.skew_ms(sound)),
            pictures: std::mem::take(&mut pictures.pictures),
        }
    }
}

async fn carry_sound(mut packets: mpsc::Receiver<AudioPacket>, audio: Arc<PeerAudio>, counters: Arc<TrackCounters>) {
    while let Some(packet) = packets.recv().await {
        counters.count_sound(&packet);
        audio.push(packet);
    }
}
