//! The sound system of each platform, behind one trait.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
pub(crate) mod types;

#[cfg(target_os = "linux")]
pub(crate) use linux::PlatformAudio;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::PlatformAudio;

use std::ffi::OsString;
use types::AudioHost;

/// A variable of the environment and the value that it must have for sound to work. For the first line of a program: no other thread
/// may run when it is set.
pub fn sound_environment() -> Option<(&'static str, OsString)> {
    PlatformAudio::environment()
}
