//! Which of the system's sound systems is used: the part that differs by platform.

use std::time::Instant;

use confab_wire::UserError;

use crate::sound_source::SoundSource;
use crate::stop::Stop;

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
    /// Tells of changes among the devices.
    type Changes: SoundChanges;

    /// Connects to it. True beside it if it converts rates and channels itself. Fails with `NoSoundServer`.
    fn open() -> Result<(cpal::Host, bool), UserError>;

    /// False for what the system lists although nobody speaks into it or hears it: the echo of a speaker, a place where
    /// sound is lost.
    fn is_real(id: &str) -> bool;

    /// Opens the sum of what all other programs play. Blocks. Fails with `ShareSoundUnsupported`.
    fn system_sound() -> Result<Box<dyn SoundSource>, UserError>;

    /// Begins to listen for changes.
    fn changes() -> Self::Changes;
}

/// Hears of devices that come and go.
pub(crate) trait SoundChanges {
    /// Waits until something changed, until `deadline`, or a moment longer than until `stop` is set.
    fn wait(&mut self, stop: &Stop, deadline: Instant);
}

/// True if the sound of this computer can be shared without that of the call in it
/// ([`AudioSource::System`](crate::AudioSource::System)). Blocks for a few seconds at most.
pub fn can_share_sound() -> bool {
    Platform::system_sound().inspect_err(|error| tracing::debug!(%error, "sound can't be shared")).is_ok()
}
