//! Whether this program may use cameras at all: asked of the person on macOS only.

#[cfg(not(target_os = "macos"))]
mod free;
#[cfg(target_os = "macos")]
mod macos;
pub(super) mod types;

#[cfg(not(target_os = "macos"))]
pub(super) use free::PlatformPermission;
#[cfg(target_os = "macos")]
pub(super) use macos::PlatformPermission;
