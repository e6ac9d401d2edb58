//! Windows and macOS: one sound system each, always there.

use std::time::Instant;

use confab_wire::{ErrorCode, UserError};

use super::types::{SoundChanges, SoundHost};
use crate::audio::source::types::SoundSource;
use crate::thread::stop::StopFlag;

/// See [`SoundHost`].
#[derive(Debug)]
pub(crate) struct Platform;

impl SoundHost for Platform {
    type Changes = Clock;

    fn open() -> Result<(cpal::Host, bool), UserError> {
        let first = cpal::ALL_HOSTS.first().ok_or(ErrorCode::NoSoundServer)?;
        let host = cpal::host_from_id(*first);
        host.map(|host| (host, false)).map_err(|error| UserError::with_detail(ErrorCode::NoSoundServer, error))
    }

    fn is_real(_: &str) -> bool {
        true
    }

    fn system_sound() -> Result<Box<dyn SoundSource>, UserError> {
        Err(UserError::with_detail(
            ErrorCode::ShareSoundUnsupported,
            "only PulseAudio and PipeWire tell programs apart",
        ))
    }

    fn changes() -> Clock {
        Clock
    }
}

/// cpal tells no changes among devices here: one looks now and then.
#[derive(Debug)]
pub(crate) struct Clock;

impl SoundChanges for Clock {
    fn wait(&mut self, stop: &StopFlag, deadline: Instant) {
        stop.sleep_until(deadline);
    }
}
