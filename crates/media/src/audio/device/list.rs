//! Listing and finding microphones and speakers by cpal.

use cpal::traits::{DeviceTrait, HostTrait};

use crate::audio::device::direction::Direction;
use crate::audio::device::host::{PlatformAudio, types::AudioHost};
use crate::devices::matching::{clean_name, find_device};
use crate::devices::types::{Device, DeviceList};

/// A connection to the sound system, made again when it broke.
#[derive(Default)]
pub(crate) struct CachedHost(Option<cpal::Host>);

impl CachedHost {
    /// Puts microphones and speakers into `list`: none if there is no sound system. Blocks.
    pub(crate) fn list(&mut self, list: &mut DeviceList) {
        let host = match self.0.take() {
            Some(host) => Ok(host),
            None => PlatformAudio::open().map(|(host, _)| host),
        };
        let listed = host.and_then(|host| {
            list.microphones = named(&host, Direction::Input)?;
            list.speakers = named(&host, Direction::Output)?;
            list.default_microphone = default(&host, Direction::Input).as_ref().and_then(id);
            list.default_speaker = default(&host, Direction::Output).as_ref().and_then(id);
            Ok(host)
        });
        match listed {
            Ok(host) => self.0 = Some(host),
            Err(error) => tracing::debug!(%error, "no list of sound devices"),
        }
    }
}

/// The system's id of a device.
pub(crate) fn id(device: &cpal::Device) -> Option<String> {
    device.id().ok().map(|id| id.id().to_owned())
}

/// Those that are real, with their names: no echo of a speaker, no place where sound is lost.
fn all(host: &cpal::Host, direction: Direction) -> Result<Vec<(cpal::Device, Device)>, cpal::Error> {
    let devices: Vec<_> = match direction {
        Direction::Input => host.input_devices()?.collect(),
        Direction::Output => host.output_devices()?.collect(),
    };
    let named = devices.into_iter().filter_map(|device| {
        let id = id(&device).filter(|id| PlatformAudio::is_real(id))?;
        let name = device.description().map_or_else(|_| clean_name(&id), |known| clean_name(known.name()));
        Some((device, Device { id, name }))
    });
    Ok(named.collect())
}

fn named(host: &cpal::Host, direction: Direction) -> Result<Vec<Device>, crate::error::Error> {
    let all = all(host, direction).map_err(|error| direction.error(&error))?;
    Ok(all.into_iter().map(|(_, named)| named).collect())
}

fn default(host: &cpal::Host, direction: Direction) -> Option<cpal::Device> {
    let device = match direction {
        Direction::Input => host.default_input_device(),
        Direction::Output => host.default_output_device(),
    };
    device.filter(|device| id(device).is_some_and(|id| PlatformAudio::is_real(&id)))
}

/// The device that is called `name`, or the default one; `None` if there is none.
pub(crate) fn find(
    host: &cpal::Host,
    direction: Direction,
    name: Option<&str>,
) -> Result<Option<cpal::Device>, cpal::Error> {
    let Some(name) = name else { return Ok(default(host, direction)) };
    let (mut devices, named): (Vec<_>, Vec<_>) = all(host, direction)?.into_iter().unzip();
    let index = find_device(&named, name).and_then(|found| named.iter().position(|device| device == found));
    Ok(index.map(|index| devices.swap_remove(index)))
}
