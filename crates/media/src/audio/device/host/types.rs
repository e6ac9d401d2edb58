//! The trait behind which each platform's sound system stands.

use std::time::Instant;

use confab_wire::UserError;

use crate::audio::source::types::SoundSource;
use crate::thread::stop::StopFlag;

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
    fn wait(&mut self, stop: &StopFlag, deadline: Instant);
}
