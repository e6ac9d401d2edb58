//! Windows and macOS: one sound system each, always there.

use std::ffi::OsString;
use std::time::Instant;

use super::types::{AudioHost, DeviceEvents};
use crate::audio::source::types::AudioFrameSource;
use crate::error::{Error, ErrorKind};
use crate::thread::stop::StopFlag;

/// See [`AudioHost`].
#[derive(Debug)]
pub(crate) struct PlatformAudio;

impl AudioHost for PlatformAudio {
    type Changes = Clock;

    fn environment() -> Option<(&'static str, OsString)> {
        None
    }

    fn open() -> Result<(cpal::Host, bool), Error> {
        let first = cpal::ALL_HOSTS.first().ok_or(ErrorKind::NoSoundServer)?;
        let host = cpal::host_from_id(*first);
        host.map(|host| (host, false)).map_err(|error| Error::with_detail(ErrorKind::NoSoundServer, error))
    }

    fn is_real(_: &str) -> bool {
        true
    }

    fn system_sound() -> Result<Box<dyn AudioFrameSource>, Error> {
        Err(Error::with_detail(ErrorKind::SystemSoundUnsupported, "only PulseAudio and PipeWire tell programs apart"))
    }

    fn changes() -> Clock {
        Clock
    }
}

/// cpal reports no changes among devices here: the list is made at intervals.
#[derive(Debug)]
pub(crate) struct Clock;

impl DeviceEvents for Clock {
    fn wait(&mut self, stop: &StopFlag, deadline: Instant) {
        stop.sleep_until(deadline);
    }
}
