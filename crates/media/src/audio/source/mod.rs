//! Sources of sound: microphone, tone, file, and what other programs play.

#[cfg(target_os = "linux")]
pub(crate) mod loopback;
pub(crate) mod open;
pub(crate) mod types;
