//! Devices, capture, encoding, decoding, audio processing and mixing, without networks.
//!
//! # Folders
//!
//! - `audio/`: `source/` (microphone, tone, file, what other programs play), `capture/` (one source to Opus packets),
//!   `processing/` (echo cancellation, noise suppression, gain control), `playout/` (one peer's packets to samples), `mixer/`,
//!   `output/` (the mix to a speaker), `device/` (the system's sound server), `dsp/` (levels, resampling, drift, limiter).
//! - `video/`: `source/` (test picture, file), `camera/`, `screen/`, `capture/` (one source to encoded frames), `encode/` (VP8
//!   layers), `decode.rs`; `types.rs` holds what they share.
//! - `devices/`: which devices there are, which one a name means, and what changes among them.
//! - `file/`: Y4M, WAV and IVF. `recording/`: files that threads of their own write. `testing/`: the test picture, and the quality of what became of it.
//! - `thread/`: threads, their priority and their end. `format.rs`, `clock.rs`, `error.rs`, `selector.rs`: leaves that all use.
//!
//! # The way of a frame
//!
//! 1. `video/source/open.rs` opens what a [`VideoSource`] names: `video/camera/source.rs`, `video/screen/source.rs`, …
//! 2. [`VideoCapture`] (`video/capture/mod.rs`) reads I420 frames on a thread into the mailbox of `video/capture/latest_frame.rs`.
//! 3. `video/capture/encode_loop.rs` takes the latest frame on a second thread; `video/encode/encoder.rs` scales it for each layer
//!    that the newest [`VideoDemand`] wants, `video/encode/layer.rs` encodes it by `video/vpx.rs`.
//! 4. [`VideoEvent::Frame`] leaves with an `EncodedFrame`. A received one is decoded by [`Vp8Decoder`] (`video/decode.rs`) where
//!    the window does not decode itself.
//!
//! # The way of a sound
//!
//! 1. `audio/source/open.rs` opens what an [`AudioSource`] names; `audio/device/callback.rs` moves a microphone's samples into a
//!    ring buffer.
//! 2. [`AudioCapture`] (`audio/capture/mod.rs`) reads frames of 20 ms on a thread, processes them (`audio/processing/mod.rs`),
//!    detects speech (`audio/capture/voice_activity.rs`), and encodes them (`audio/capture/opus_encoder.rs`), once for all peers.
//! 3. A received packet goes to [`PeerAudio::push`] (`audio/mixer/mod.rs`) and waits in `audio/playout/jitter_buffer.rs` until
//!    `audio/playout/peer.rs` decodes or conceals it.
//! 4. [`AudioOutput`] (`audio/output/mod.rs`) mixes blocks of 10 ms, writes them to the speaker (`audio/device/stream.rs`) and to
//!    the echo canceller (`audio/processing/far_end.rs`).
//!
//! What blocks (devices, codecs, disks) has threads of its own; the async functions only wait for them, with a limit. Errors are
//! an [`Error`] with an [`ErrorKind`] to match on; sentences for people are made elsewhere.
//!
//! [`VideoDemand`]: confab_wire::media::VideoDemand
#![deny(unsafe_code)]

mod audio;
mod clock;
mod devices;
mod error;
mod file;
mod format;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod recording;
mod selector;
mod testing;
mod thread;
mod video;

pub use audio::capture::{AudioCapture, ExpectedLoss};
pub use audio::device::host::sound_environment;
pub use audio::dsp::level;
pub use audio::mixer::{MAX_GAIN, PeerAudio};
pub use audio::output::AudioOutput;
pub use audio::output::test_sound::{play_test_sound, play_test_sound_into};
pub use audio::playout::jitter_buffer::JitterStats;
pub use audio::processing::{FarEnd, MicrophoneProcessing};
pub use audio::source::open::TONE_AMPLITUDE;
pub use audio::source::open::{can_share_sound, check_sound_file};
pub use confab_wire::layers::VideoSourceRestrictions;
pub use devices::list::list_devices;
pub use devices::matching::{choose_device, devices_of_kind, find_device};
pub use devices::types::{Device, DeviceKind, DeviceList};
pub use devices::watch::DeviceWatch;
pub use error::{Error, ErrorKind};
pub use file::ivf::{IvfFile, read_ivf};
pub use file::y4m::{Y4mHeader, Y4mReader, Y4mWriter};
pub use recording::pictures::PictureRecording;
pub use recording::sound::SoundRecording;
pub use recording::{Recorder, RecordingFailures, recorder};
pub use selector::{AudioSink, AudioSource, DEFAULT_TONE_HZ, ScreenSelector, SourceError, TONE_RANGE_HZ, VideoSource};
pub use testing::comparison::PatternComparison;
pub use testing::pattern;
pub use video::capture::VideoCapture;
pub use video::decode::{DecodeError, Vp8Decoder, vp8_key_frame_size};
pub use video::encode::encoder::VideoEncoder;
pub use video::i420::{I420Frame, MAX_DIMENSION, ScaleScratch};
pub use video::screen::source::list_screens;
pub use video::screen::types::{ShareKind, ShareSource};
pub use video::source::open::check_picture_file;
pub use video::types::{VideoConfig, VideoEvent, VideoStats};
pub use video::vpx::VpxError;
