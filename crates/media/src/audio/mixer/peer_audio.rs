//! The handle of a peer in the mix.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use confab_wire::media::AudioPacket;

use crate::audio::mixer::shared::PeerShared;
use crate::audio::playout::jitter_buffer::JitterStats;
use crate::clock;
use crate::recording::sound::SoundRecording;

/// Greatest gain of a peer.
pub const MAX_GAIN: f32 = 4.0;

/// The sound of one remote peer. Dropping it takes the peer out of the mix and ends its recording.
#[derive(Debug)]
pub struct PeerAudio {
    pub(super) shared: Arc<PeerShared>,
    /// Not the mix's: it has the other end of its queue.
    recording: Mutex<Option<SoundRecording>>,
}

impl PeerAudio {
    pub(super) fn new(shared: Arc<PeerShared>) -> Self {
        Self { shared, recording: Mutex::default() }
    }

    /// Hands a packet to the mixer that is received now. Never waits: a packet over 64 waiting ones is dropped.
    pub fn push(&self, packet: AudioPacket) {
        self.push_at(packet, clock::since_epoch(Instant::now()));
    }

    /// As [`Self::push`], with the arrival time on the clock of the mix: when the mix takes it is no jitter.
    pub(crate) fn push_at(&self, packet: AudioPacket, at: Duration) {
        while self.shared.spent.pop().is_some() {}
        // The first clone of a payload may allocate its counter; the mix makes the others.
        drop(packet.data.clone());
        if self.shared.packets.push((packet, at)).is_err() {
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
        let (timestamp, at) = self.shared.due.get(clock::since_epoch(Instant::now()))?;
        Some((timestamp, clock::instant(at)))
    }

    /// Records this peer's part of the mix from now on, silence included. A recording before it ends.
    pub fn record(&self, recording: SoundRecording) {
        self.shared.taps.force_push(recording.tap());
        drop(self.recording.lock().unwrap_or_else(PoisonError::into_inner).replace(recording));
    }

    /// Ends the recording, without waiting for its disk. Nothing happens without one.
    pub fn stop_recording(&self) {
        drop(self.recording.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// What happened to this peer's packets so far. [`JitterStats::refused`] includes those dropped by a full queue.
    pub fn stats(&self) -> JitterStats {
        let mut stats = self.shared.stats.get();
        let overflow = self.shared.overflow.load(Ordering::Relaxed);
        stats.received += overflow;
        stats.refused += overflow;
        stats
    }
}

impl Drop for PeerAudio {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::Release);
    }
}
