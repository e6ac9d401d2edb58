//! What nokhwa leaves out, by platform.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
pub(super) mod types;

#[cfg(target_os = "linux")]
pub(super) use linux::PlatformCameras;
#[cfg(not(target_os = "linux"))]
pub(super) use other::PlatformCameras;
