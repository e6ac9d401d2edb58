//! The trait behind which each platform's sound system stands.

use std::ffi::OsString;
use std::time::Instant;

use crate::audio::source::types::AudioFrameSource;
use crate::error::Error;
use crate::thread::stop::StopFlag;

/// A platform's choice of sound system.
pub(crate) trait AudioHost {
    /// Waits for changes among the devices.
    type Changes: DeviceEvents;

    /// See [`sound_environment`](super::sound_environment).
    fn environment() -> Option<(&'static str, OsString)>;

    /// Connects to it. True beside it if it converts rates and channels itself. Fails with `NoSoundServer`.
    fn open() -> Result<(cpal::Host, bool), Error>;

    /// False for what the system lists although it is no device of a person: the monitor of a speaker, a sink where
    /// sound is lost.
    fn is_real(id: &str) -> bool;

    /// Opens the sum of what all other programs play. Blocks. Fails with `SystemSoundUnsupported`.
    fn system_sound() -> Result<Box<dyn AudioFrameSource>, Error>;

    /// Begins to listen for changes.
    fn changes() -> Self::Changes;
}

/// Waits for devices that come and go.
pub(crate) trait DeviceEvents {
    /// Waits until something changed, until `deadline`, or a moment longer than until `stop` is set.
    fn wait(&mut self, stop: &StopFlag, deadline: Instant);
}
