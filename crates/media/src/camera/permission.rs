//! Whether this program may use cameras at all: asked of the person on macOS only.

use confab_wire::UserError;

#[cfg(not(target_os = "macos"))]
mod free;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(not(target_os = "macos"))]
pub(super) use free::Asker;
#[cfg(target_os = "macos")]
pub(super) use macos::Asker;

/// A platform's way to ask.
pub(super) trait Permission {
    /// Asks if it has to be asked; blocks until the person has answered, a minute at most. Fails with `CameraFailed`.
    fn ask() -> Result<(), UserError>;
}
