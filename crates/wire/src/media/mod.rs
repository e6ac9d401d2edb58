//! Encoded media as it moves between encoder, engine, recorder and window.

mod audio;
mod codec;
mod demand;
mod frame;

pub use audio::{AudioLevel, AudioPacket, Processing};
pub use codec::{AUDIO_CLOCK_HZ, Codec, Decoders, MediaKind, VIDEO_CLOCK_HZ};
pub use demand::{ContentHint, DEFAULT_MAX_BITRATE, DegradationPreference, VideoDemand};
pub use frame::EncodedFrame;
