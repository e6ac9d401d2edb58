//! Linux: PulseAudio (also PipeWire in its clothes) where it runs, else ALSA.

use confab_protocol::{ErrorCode, UserError};
use cpal::HostId;
use cpal::traits::HostTrait;

use super::SoundHost;

/// See [`SoundHost`].
#[derive(Debug)]
pub(crate) struct Platform;

impl SoundHost for Platform {
    fn open() -> Result<(cpal::Host, bool), UserError> {
        let pulse = match cpal::host_from_id(HostId::PulseAudio) {
            Ok(host) => return Ok((host, true)),
            Err(error) => error,
        };
        // ALSA is always "available"; without a card it has no real devices, and nothing to say about sound.
        let cards = std::fs::read_to_string("/proc/asound/cards").unwrap_or_default();
        let has_card = cards.lines().any(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
        match cpal::host_from_id(HostId::Alsa) {
            Ok(host) if has_card && host.devices().is_ok_and(|mut devices| devices.next().is_some()) => {
                Ok((host, false))
            }
            _ => Err(UserError::with_detail(ErrorCode::NoSoundServer, pulse)),
        }
    }

    fn is_microphone(names: &[Option<String>; 2]) -> bool {
        // PulseAudio names the monitor of the speaker as default source where there is no microphone.
        !names.iter().flatten().any(|name| name.ends_with(".monitor"))
    }
}
