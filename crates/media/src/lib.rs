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

mod audio;
mod clock;
mod devices;
mod file;
mod format;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod selector;
mod testing;
mod thread;
mod video;

pub use audio::capture::{AudioCapture, ExpectedLoss};
pub use audio::dsp::level;
pub use audio::mixer::{MAX_GAIN, PeerAudio};
pub use audio::output::AudioOutput;
pub use audio::output::test_sound::{chime_into, play_chime};
pub use audio::playout::jitter_buffer::JitterStats;
pub use audio::processing::{FarEnd, Voice};
pub use audio::source::open::TONE_AMPLITUDE;
pub use audio::source::open::can_share_sound;
pub use confab_wire::ladder::Relief;
pub use devices::list::devices;
pub use devices::matching::{called, choose, of_kind};
pub use devices::watch::DeviceWatch;
pub use file::ivf::{IvfFile, IvfWriter, read_ivf};
pub use file::y4m::{Y4mHeader, Y4mReader, Y4mWriter};
pub use selector::{AudioSink, AudioSource, DEFAULT_TONE_HZ, ScreenSelector, SourceError, TONE_RANGE_HZ, VideoSource};
pub use testing::comparison::PatternComparison;
pub use testing::pattern;
pub use video::capture::VideoCapture;
pub use video::decode::{DecodeError, Vp8Decoder, vp8_key_frame_size};
pub use video::encode::encoder::VideoEncoder;
pub use video::i420::{I420Frame, MAX_DIMENSION, ScaleScratch};
pub use video::screen::source::list_screens;
pub use video::types::{VideoConfig, VideoEvent, VideoStats};
pub use video::vpx::VpxError;
