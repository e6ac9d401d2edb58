//! Which of the system's sound systems is used: the part that differs by platform.

use confab_protocol::UserError;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::Platform;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Platform;

/// A platform's choice of sound system.
pub(crate) trait SoundHost {
    /// Connects to it. True beside it if it converts rates and channels itself. Fails with `NoSoundServer`.
    fn open() -> Result<(cpal::Host, bool), UserError>;

    /// False for an input that is no microphone (the echo of a speaker) although the system calls it the default.
    fn is_microphone(names: &[Option<String>; 2]) -> bool;
}
