//! The callbacks of sound devices: they move samples through ring buffers, on threads of the system that must not wait, so they
//! neither lock, allocate nor log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::Thread;

use cpal::{FromSample, SizedSample};
use rtrb::{Consumer, Producer};

use crate::audio::dsp::fade::Fade;

/// From a microphone into a ring, as one channel.
pub(crate) struct CaptureCallback {
    pub(crate) ring: Producer<f32>,
    /// Channels of the device, at least one.
    pub(crate) channels: usize,
    /// The thread that reads the ring.
    pub(crate) reader: Thread,
}

impl CaptureCallback {
    /// Takes captured samples.
    pub(crate) fn take<T: SizedSample>(&mut self, data: &[T])
    where
        f32: FromSample<T>,
    {
        for frame in data.chunks_exact(self.channels) {
            let sum: f32 = frame.iter().map(|sample| f32::from_sample_(*sample)).sum();
            // Full: the reader is stuck, the newest is lost.
            let _ = self.ring.push(sum / self.channels as f32);
        }
        // A futex wake, no lock.
        self.reader.unpark();
    }
}

/// Counters of a speaker's callback.
#[derive(Debug, Default)]
pub(crate) struct PlaybackCounters {
    /// Most frames that were asked for at once.
    pub(crate) period: AtomicU32,
    /// How often the ring had too few.
    pub(crate) underruns: AtomicU32,
}

/// From a ring to all channels of a speaker.
pub(crate) struct PlaybackCallback {
    ring: Consumer<f32>,
    channels: usize,
    shared: Arc<PlaybackCounters>,
    fade: Fade,
}

impl PlaybackCallback {
    /// A callback for a device of `channels`, at least one.
    pub(crate) fn new(ring: Consumer<f32>, channels: usize, shared: Arc<PlaybackCounters>) -> Self {
        Self { ring, channels, shared, fade: Fade::default() }
    }

    /// Gives the device what it asks for.
    pub(crate) fn fill<T: SizedSample + FromSample<f32>>(&mut self, data: &mut [T]) {
        let frames = data.len() / self.channels;
        self.shared.period.fetch_max(frames as u32, Ordering::Relaxed);
        if self.ring.slots() < frames {
            self.shared.underruns.fetch_add(1, Ordering::Relaxed);
        }
        for frame in data.chunks_exact_mut(self.channels) {
            // A ring may run dry.
            frame.fill(T::from_sample_(self.fade.next(self.ring.pop().ok())));
        }
    }
}
