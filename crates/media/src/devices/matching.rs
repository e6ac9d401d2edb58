//! Which device a name means, and which one is used in its place where it is missing.

use confab_wire::limits;

use crate::devices::types::{Device, DeviceKind, DeviceList};

/// The devices of one kind.
pub fn devices_of_kind(list: &DeviceList, kind: DeviceKind) -> &[Device] {
    match kind {
        DeviceKind::Microphone => &list.microphones,
        DeviceKind::Speaker => &list.speakers,
        DeviceKind::Camera => &list.cameras,
    }
}

/// The device to use: the one that is called `wanted` if it is there, else the one that the system prefers, else any.
/// `None` if there is none of this kind.
pub fn choose_device<'a>(list: &'a DeviceList, kind: DeviceKind, wanted: Option<&str>) -> Option<&'a Device> {
    let devices = devices_of_kind(list, kind);
    let default = match kind {
        DeviceKind::Microphone => &list.default_microphone,
        DeviceKind::Speaker => &list.default_speaker,
        DeviceKind::Camera => &list.default_camera,
    };
    wanted
        .and_then(|name| find_device(devices, name))
        .or_else(|| devices.iter().find(|device| default.as_ref() == Some(&device.id)))
        .or_else(|| devices.first())
}

/// The device that `name` means: its id, else its name, else a part of its name whatever the case, else the id that one of
/// its name had, as cameras have them, in another socket.
pub fn find_device<'a>(devices: &'a [Device], name: &str) -> Option<&'a Device> {
    let part = name.to_lowercase();
    let model = name.strip_suffix(')').and_then(|id| id.rsplit_once(" (")).map(|(model, _)| model);
    devices
        .iter()
        .find(|device| device.id == name)
        .or_else(|| devices.iter().find(|device| device.name == name))
        .or_else(|| devices.iter().find(|device| device.name.to_lowercase().contains(&part)))
        .or_else(|| devices.iter().find(|device| model == Some(device.name.as_str())))
}

/// A name that is safe to show: names come from drivers, unchecked.
pub(crate) fn clean_name(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(limits::ID_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, name: &str) -> Device {
        Device { id: id.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_device_is_meant_by_its_id_its_name_or_a_part_of_it() {
        let all = [device("1", "Headset 2"), device("2", "Headset"), device("usb-3", "Built-in Audio")];
        let id = |name| find_device(&all, name).map(|device| device.id.as_str());
        assert_eq!(id("2"), Some("2"), "an id before a part of a name");
        assert_eq!(id("Headset"), Some("2"), "a whole name before a part of another");
        assert_eq!(id("built-in"), Some("usb-3"));
        assert_eq!(id("camera"), None);
    }

    #[test]
    fn what_is_not_there_is_replaced_by_the_default_or_else_by_any() {
        let mut list = DeviceList {
            microphones: vec![device("a", "A"), device("b", "B")],
            default_microphone: Some("b".to_owned()),
            ..DeviceList::default()
        };
        let id = |list: &DeviceList, wanted| {
            choose_device(list, DeviceKind::Microphone, wanted).map(|device| device.id.clone()).unwrap_or_default()
        };
        assert_eq!(id(&list, Some("a")), "a");
        assert_eq!(id(&list, Some("gone")), "b");
        assert_eq!(id(&list, None), "b");
        list.default_microphone = None;
        assert_eq!(id(&list, None), "a");
        assert_eq!(choose_device(&list, DeviceKind::Camera, Some("a")), None);
    }
}
