//! The mixer: sums the decoded sound of all peers, block by block of 10 ms.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use confab_wire::media::AudioPacket;
use tokio::sync::mpsc;

use crate::audio::dsp::level::Level;
use crate::audio::dsp::limiter::Limiter;
use crate::audio::playout::jitter_buffer::JitterStats;
use crate::audio::playout::peer::PeerPlayout;
use crate::clock;
use crate::error::Error;
use crate::file::wav::WavRecorder;
use crate::format::BLOCK;

/// Packets of one peer that wait for the mixer (over a second of 20 ms packets). Full: the newest is dropped.
const PACKET_QUEUE: usize = 64;
/// Greatest gain of a peer.
pub const MAX_GAIN: f32 = 4.0;

/// What a peer's handle and the mixer share.
#[derive(Debug)]
struct PeerShared {
    level: Level,
    gain: Level,
    extra_delay_ms: AtomicU32,
    due: Mutex<Option<(u32, Duration)>>,
    gone: AtomicBool,
    overflow: AtomicU64,
    stats: Mutex<JitterStats>,
    recorder: Mutex<Option<WavRecorder>>,
}

/// A packet and when it came.
type Arrival = (AudioPacket, Duration);

/// The sound of one remote peer. Dropping it takes the peer out of the mix and closes its recording.
#[derive(Debug)]
pub struct PeerAudio {
    packets: mpsc::Sender<Arrival>,
    shared: Arc<PeerShared>,
}

impl PeerAudio {
    /// Hands a packet to the mixer that is received now. Never waits: a packet over 64 waiting ones is dropped.
    pub fn push(&self, packet: AudioPacket) {
        self.push_at(packet, clock::since_epoch(Instant::now()));
    }

    /// As [`Self::push`], with the arrival time on the clock of [`Mixer::mix`]: when the mix takes it is no jitter.
    fn push_at(&self, packet: AudioPacket, at: Duration) {
        if self.packets.try_send((packet, at)).is_err() {
            self.shared.overflow.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Loudness of this peer in the mix: RMS, 0..1.
    pub fn level(&self) -> f32 {
        self.shared.level.get()
    }

    /// Sets the gain of the peer in the mix: 0 silent, 1 as sent, at most [`MAX_GAIN`].
    pub fn set_gain(&self, gain: f32) {
        self.shared.gain.set(if gain.is_finite() { gain.clamp(0.0, MAX_GAIN) } else { 1.0 });
    }

    /// See [`Self::set_gain`].
    pub fn gain(&self) -> f32 {
        self.shared.gain.get()
    }

    /// Plays this peer so much later than the network needs, at most half a second, so that a slower picture keeps up.
    pub fn set_extra_delay(&self, extra: Duration) {
        let ms = u32::try_from(extra.as_millis()).unwrap_or(u32::MAX);
        self.shared.extra_delay_ms.store(ms, Ordering::Relaxed);
    }

    /// The RTP timestamp of what is mixed at a moment of the last 10 ms, and the moment; `None` while nothing plays. What the
    /// speaker's own queue takes comes on top.
    pub fn due(&self) -> Option<(u32, Instant)> {
        let (timestamp, at) = (*self.shared.due.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some((timestamp, clock::instant(at)))
    }

    /// Records this peer's part of the mix from now on, silence included, as WAV with 48 kHz, mono, 16 bit. A second call
    /// closes the first file. Fails with `RecordingFailed`.
    pub fn record_to(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let recorder = WavRecorder::create(path.as_ref())?;
        *self.shared.recorder.lock().unwrap_or_else(PoisonError::into_inner) = Some(recorder);
        Ok(())
    }

    /// Ends the recording and waits for the file to be whole (a second at most). Nothing happens without one.
    pub fn stop_recording(&self) {
        drop(self.shared.recorder.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// What happened to this peer's packets so far. [`JitterStats::refused`] includes those dropped by a full queue.
    pub fn stats(&self) -> JitterStats {
        let mut stats = *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
        let overflow = self.shared.overflow.load(Ordering::Relaxed);
        stats.received += overflow;
        stats.refused += overflow;
        stats
    }
}

impl Drop for PeerAudio {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::Release);
        // Here and not in the mixer, which must not wait for a disk: the file is whole when the handle is gone.
        self.stop_recording();
    }
}

/// A peer as the mixer sees it.
#[derive(Debug)]
struct MixedPeer {
    packets: mpsc::Receiver<Arrival>,
    shared: Arc<PeerShared>,
    playout: PeerPlayout,
    gain: f32,
}

/// Peers that join the mix with its next block.
#[derive(Debug, Clone, Default)]
pub(crate) struct JoinQueue(Arc<Mutex<Vec<MixedPeer>>>);

impl JoinQueue {
    /// Makes a peer that joins with the next block.
    pub(crate) fn add(&self) -> PeerAudio {
        let (sender, packets) = mpsc::channel(PACKET_QUEUE);
        let shared = Arc::new(PeerShared {
            level: Level::default(),
            gain: Level::default(),
            extra_delay_ms: AtomicU32::new(0),
            due: Mutex::default(),
            gone: AtomicBool::new(false),
            overflow: AtomicU64::new(0),
            stats: Mutex::default(),
            recorder: Mutex::default(),
        });
        shared.gain.set(1.0);
        let peer = MixedPeer { packets, shared: shared.clone(), playout: PeerPlayout::default(), gain: 1.0 };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(peer);
        PeerAudio { packets: sender, shared }
    }
}

/// Mixes the peers that joined.
#[derive(Debug, Default)]
pub(crate) struct Mixer {
    joining: JoinQueue,
    peers: Vec<MixedPeer>,
    limiter: Limiter,
}

impl Mixer {
    pub(crate) fn new(joining: JoinQueue) -> Self {
        Self { joining, ..Self::default() }
    }

    /// Mixes one block at `now`: whatever packets have come by then are taken.
    pub(crate) fn mix(&mut self, now: Duration, out: &mut [f32; BLOCK]) {
        self.peers.append(&mut self.joining.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.peers.retain(|peer| !peer.shared.gone.load(Ordering::Acquire));
        out.fill(0.0);
        let mut block = [0.0; BLOCK];
        for peer in &mut self.peers {
            peer.render(now, &mut block);
            out.iter_mut().zip(&block).for_each(|(out, sample)| *out += sample);
        }
        self.limiter.apply(out);
    }
}

impl MixedPeer {
    fn render(&mut self, now: Duration, block: &mut [f32; BLOCK]) {
        while let Ok((packet, at)) = self.packets.try_recv() {
            self.playout.push(packet, at);
        }
        self.playout.set_extra_delay(Duration::from_millis(self.shared.extra_delay_ms.load(Ordering::Relaxed).into()));
        self.playout.pull(now, block);
        *self.shared.due.lock().unwrap_or_else(PoisonError::into_inner) = self.playout.due(now).map(|due| (due, now));
        let (from, to) = (self.gain, self.shared.gain.get());
        for (i, sample) in block.iter_mut().enumerate() {
            *sample *= from + (to - from) * i as f32 / BLOCK as f32;
        }
        self.gain = to;
        self.shared.level.follow(block);
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.playout.stats();
        if let Some(recorder) = self.shared.recorder.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            recorder.write(block);
        }
    }
}

#[cfg(test)]
#[path = "mixer_tests.rs"]
mod tests;
