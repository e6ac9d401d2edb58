//! Linux: PulseAudio (or PipeWire's emulation of it) where it runs, else ALSA.

use std::ffi::OsString;
use std::time::Instant;

use cpal::HostId;
use cpal::traits::HostTrait;

use super::types::{AudioHost, DeviceEvents};
use crate::audio::device::cookie;
use crate::audio::device::pulse_events::PulseEvents;
use crate::audio::source::loopback::SystemSound;
use crate::audio::source::types::AudioFrameSource;
use crate::error::{Error, ErrorKind};
use crate::thread::stop::StopFlag;

/// See [`AudioHost`].
#[derive(Debug)]
pub(crate) struct PlatformAudio;

impl AudioHost for PlatformAudio {
    type Changes = Changes;

    fn environment() -> Option<(&'static str, OsString)> {
        cookie::for_environment()
    }

    fn open() -> Result<(cpal::Host, bool), Error> {
        let pulse = match cpal::host_from_id(HostId::PulseAudio) {
            Ok(host) => return Ok((host, true)),
            Err(error) => error,
        };
        // ALSA is always "available"; without a card it has no real devices.
        let cards = std::fs::read_to_string("/proc/asound/cards").unwrap_or_default();
        let has_card = cards.lines().any(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
        match cpal::host_from_id(HostId::Alsa) {
            Ok(host) if has_card && host.devices().is_ok_and(|mut devices| devices.next().is_some()) => {
                Ok((host, false))
            }
            _ => Err(Error::with_detail(ErrorKind::NoSoundServer, pulse)),
        }
    }

    fn is_real(id: &str) -> bool {
        // Monitors are what speakers play; PulseAudio calls one the default where there is no microphone. `auto_null` is
        // its sink for want of any.
        !id.ends_with(".monitor") && id != "auto_null"
    }

    fn system_sound() -> Result<Box<dyn AudioFrameSource>, Error> {
        // ALSA mixes in places that can't be captured.
        Ok(Box::new(SystemSound::open()?))
    }

    fn changes() -> Changes {
        Changes(None)
    }
}

/// The events of PulseAudio, while there is one.
#[derive(Debug)]
pub(crate) struct Changes(Option<PulseEvents>);

impl DeviceEvents for Changes {
    fn wait(&mut self, stop: &StopFlag, deadline: Instant) {
        if self.0.is_none() {
            match PulseEvents::connect() {
                // Changes before the connection stood are listed without a wait.
                Ok(events) => return self.0 = Some(events),
                Err(error) => tracing::trace!(%error, "no events of a sound server"),
            }
        }
        let heard = self.0.as_mut().map(|events| events.wait(stop, deadline));
        if !matches!(heard, Some(Ok(()))) {
            // A server that has just died is not asked at once.
            self.0 = None;
            stop.sleep_until(deadline);
        }
    }
}
