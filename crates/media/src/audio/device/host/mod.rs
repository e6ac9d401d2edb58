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
