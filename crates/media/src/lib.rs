//! Devices, capture, encoding, decoding, audio processing and mixing.
//!
//! - [`VideoCapture`]: camera, screen, file or test picture → a ladder of VP8 encoders that obey one [`VideoDemand`].
//! - [`AudioCapture`]: microphone, file, tone or what other programs play → [`Voice`] processing of a microphone → Opus packets, made once for all
//!   peers.
//! - [`AudioOutput`]: the packets of each [`PeerAudio`] → jitter buffer, decoder, gain → one mix → a speaker or nobody.
//! - [`devices()`], [`DeviceWatch`], [`choose`]: what there is to choose from, and what to do when it goes.
//! - [`Vp8Decoder`], [`IvfWriter`], [`pattern`], [`PatternComparison`], [`Y4mReader`]: for recordings, tests and benchmarks.
//!
//! Nothing here knows of networks. What blocks (devices, codecs, disks) has threads of its own; the async functions only
//! wait for them, with a limit.
//!
//! [`VideoDemand`]: confab_wire::media::VideoDemand
#![deny(unsafe_code)]

mod audio_in;
mod audio_out;
mod callback;
mod camera;
mod chime;
mod clock;
mod decode;
mod device;
mod devices;
mod drift;
mod encode;
mod fade;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod i420;
mod jitter;
mod layer_encoder;
pub mod level;
mod limiter;
mod load;
mod margin;
mod mixer;
pub mod pattern;
mod pattern_comparison;
mod picture_source;
mod player;
mod priority;
#[cfg(target_os = "linux")]
mod pulse;
#[cfg(test)]
mod quality_tests;
#[cfg(test)]
mod realtime_tests;
mod record;
mod redundancy;
mod resample;
mod sample_clock;
mod screen;
mod size_policy;
mod slot;
mod sound_encoder;
mod sound_host;
mod sound_source;
mod source;
mod speech;
mod stop;
mod stretch;
#[cfg(target_os = "linux")]
mod system_sound;
mod temporal;
mod video;
mod voice;
mod vpx;
mod wav;
mod y4m;

pub use audio_in::{AudioCapture, ExpectedLoss};
pub use audio_out::AudioOutput;
pub use chime::{chime_into, play_chime};
pub use confab_wire::ladder::Relief;
pub use decode::{DecodeError, Vp8Decoder, vp8_key_frame_size};
pub use devices::{DeviceWatch, called, choose, devices, of_kind};
pub use encode::VideoEncoder;
pub use i420::{I420Frame, MAX_DIMENSION, ScaleScratch};
pub use jitter::JitterStats;
pub use mixer::{MAX_GAIN, PeerAudio};
pub use pattern_comparison::PatternComparison;
pub use record::{IvfFile, IvfWriter, read_ivf};
pub use screen::list_screens;
pub use sound_host::can_share_sound;
pub use sound_source::TONE_AMPLITUDE;
pub use source::{AudioSink, AudioSource, DEFAULT_TONE_HZ, ScreenSelector, SourceError, TONE_RANGE_HZ, VideoSource};
pub use video::{VideoCapture, VideoConfig, VideoEvent, VideoStats};
pub use voice::{FarEnd, Voice};
pub use vpx::VpxError;
pub use y4m::{Y4mHeader, Y4mReader, Y4mWriter};
