//! Counters of one received track, written where the media flows and read once a second.

use crate::remote::received_pictures::ReceivedPictures;
use crate::remote::video_timing::VideoTiming;
use confab_media::I420Frame;
use confab_wire::media::AudioPacket;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// See the module.
#[derive(Debug, Default)]
pub struct TrackCounters {
    frames: AtomicU64,
    bytes: AtomicU64,
    width: AtomicU16,
    height: AtomicU16,
    /// Bits of the greatest level since the last reading; those of positive numbers have their order.
    declared_level: AtomicU32,
    timing: VideoTiming,
    pictures: Mutex<ReceivedPictures>,
}

/// What the counters of a track say at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrackReading {
    /// Video frames so far: decoded ones if the backend decodes, else received ones.
    pub frames: u64,
    /// Media bytes so far.
    pub bytes: u64,
    /// Width of the last picture in pixels.
    pub width: u16,
    /// Height of the last picture in pixels.
    pub height: u16,
}

impl TrackCounters {
    /// Counters of a track whose pictures are compared with their source of this size, if one is given.
    pub fn new(compare: Option<(u32, u32)>) -> Self {
        Self { pictures: Mutex::new(ReceivedPictures::new(compare)), ..Self::default() }
    }

    /// The counters now.
    pub fn read(&self) -> TrackReading {
        TrackReading {
            frames: self.frames.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            width: self.width.load(Ordering::Relaxed),
            height: self.height.load(Ordering::Relaxed),
        }
    }

    /// How loud the sender says that its sound was since the last reading (RFC 6464), at most: RMS, 0 to 1.
    pub fn take_declared_level(&self) -> f32 {
        f32::from_bits(self.declared_level.swap(0, Ordering::Relaxed))
    }

    /// When its pictures come, and how long they wait.
    pub fn timing(&self) -> &VideoTiming {
        &self.timing
    }

    /// The pictures that were decoded.
    pub fn pictures(&self) -> MutexGuard<'_, ReceivedPictures> {
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sound came.
    pub fn count_sound(&self, packet: &AudioPacket) {
        self.count_bytes(packet.data.len());
        if let Some(level) = packet.level {
            self.declared_level.fetch_max(level.rms().to_bits(), Ordering::Relaxed);
        }
    }

    /// Media came.
    pub fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A frame was shown, or decoded. Its size may not be known.
    pub fn count_frame(&self, width: u16, height: u16) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        if width > 0 && height > 0 {
            self.width.store(width, Ordering::Relaxed);
            self.height.store(height, Ordering::Relaxed);
        }
    }

    /// A picture was decoded.
    pub fn count_picture(&self, picture: &I420Frame) {
        self.count_frame(picture.width() as u16, picture.height() as u16);
        self.pictures().add(picture);
    }
}
