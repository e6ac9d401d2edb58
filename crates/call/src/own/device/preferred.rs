//! Which device is used: the one that the person selected, or another that stands in for it; and what a person is notified
//! of.

use confab_ipc::{ErrorReason, UserError};
use confab_media::{Device, DeviceKind, DeviceList};

/// What to open by: the device to use, or, without any, the name that was selected, which says best what is missing.
pub fn name(device: Option<&Device>, selected: Option<&str>) -> Option<String> {
    device.map(|device| device.id.as_str()).or(selected).map(str::to_owned)
}

/// A device in use, the one that was selected or the next best.
#[derive(Debug)]
pub struct PreferredDevice {
    kind: DeviceKind,
    selected: Option<String>,
    using: Option<Device>,
    /// What is used is not what was selected.
    stands_in: bool,
}

impl PreferredDevice {
    pub fn new(kind: DeviceKind, selected: Option<String>) -> Self {
        Self { kind, selected, using: None, stands_in: false }
    }

    /// Another selection of the person, who need not be notified of what it leads to. False if it is the same.
    pub fn select(&mut self, selected: Option<String>) -> bool {
        let changed = std::mem::replace(&mut self.selected, selected) != self.selected;
        // With the same one, the person still waits for what they selected.
        self.stands_in &= !changed;
        changed
    }

    /// What the person selected.
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// The device to use.
    pub fn best(&self, list: &DeviceList) -> Option<Device> {
        confab_media::choose_device(list, self.kind, self.selected.as_deref()).cloned()
    }

    /// The device to change to, if it is another than the one in use.
    pub fn better(&self, list: &DeviceList) -> Option<Device> {
        self.best(list).filter(|best| self.using.as_ref().map(|device| &device.id) != Some(&best.id))
    }

    /// True if what is used is gone and nothing can take its place. The system may feed what used it from anywhere then: a
    /// microphone's stream from what the speaker plays.
    pub fn is_lost(&self, list: &DeviceList) -> bool {
        self.using.is_some() && self.best(list).is_none()
    }

    /// What is used from now on, of the devices in `list`; it was opened when `opened_for` was selected. Returns what to
    /// notify the person of.
    pub fn uses(&mut self, device: Device, list: &DeviceList, opened_for: Option<&str>) -> Option<UserError> {
        let devices = confab_media::devices_of_kind(list, self.kind);
        let selected = self.selected.as_deref();
        if opened_for != selected && self.best(list).is_some_and(|best| best.id != device.id) {
            // Another follows at once, by the person's will: nothing stands in for anything.
            (self.using, self.stands_in) = (Some(device), false);
            return None;
        }
        let stands_in = selected.is_some_and(|selected| confab_media::find_device(devices, selected).is_none());
        let stood_in = std::mem::replace(&mut self.stands_in, stands_in);
        let notice = match self.using.replace(device.clone()) {
            Some(before) if before.id == device.id => return None,
            Some(before) if !devices.iter().any(|known| known.id == before.id) => {
                UserError::from(self.unplugged()).param("previous", before.name)
            }
            Some(_) if stood_in && !stands_in => self.back().into(),
            _ if stands_in && !stood_in => self.not_connected().into(),
            _ => return None,
        };
        Some(notice.param("device", device.name))
    }

    /// Nothing is used any more, by the person's will.
    pub fn released(&mut self) {
        self.using = None;
    }

    fn unplugged(&self) -> ErrorReason {
        match self.kind {
            DeviceKind::Microphone => ErrorReason::MicrophoneUnplugged,
            DeviceKind::Speaker => ErrorReason::SpeakerUnplugged,
            DeviceKind::Camera => ErrorReason::CameraUnplugged,
        }
    }

    fn back(&self) -> ErrorReason {
        match self.kind {
            DeviceKind::Microphone => ErrorReason::MicrophoneBack,
            DeviceKind::Speaker => ErrorReason::SpeakerBack,
            DeviceKind::Camera => ErrorReason::CameraBack,
        }
    }

    fn not_connected(&self) -> ErrorReason {
        match self.kind {
            DeviceKind::Microphone => ErrorReason::MicrophoneNotConnected,
            DeviceKind::Speaker => ErrorReason::SpeakerNotConnected,
            DeviceKind::Camera => ErrorReason::CameraNotConnected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_testkit::sentences::sentence;

    fn device(id: &str) -> Device {
        Device { id: id.to_owned(), name: id.to_uppercase() }
    }

    fn list(ids: &[&str]) -> DeviceList {
        DeviceList {
            microphones: ids.iter().map(|id| device(id)).collect(),
            default_microphone: ids.first().map(|id| (*id).to_owned()),
            ..DeviceList::default()
        }
    }

    /// Takes the better device if there is one; returns its id and what is told.
    fn follow(preferred: &mut PreferredDevice, list: &DeviceList) -> (String, String) {
        let Some(better) = preferred.better(list) else { return (String::new(), String::new()) };
        let selected = preferred.selected().map(str::to_owned);
        let told = preferred.uses(better.clone(), list, selected.as_deref());
        (better.id, told.map(|told| sentence(&told)).unwrap_or_default())
    }

    fn told(id: &str, text: &str) -> (String, String) {
        (id.to_owned(), text.to_owned())
    }

    #[test]
    fn what_is_unplugged_is_replaced_and_used_again_when_it_is_back() {
        let mut preferred = PreferredDevice::new(DeviceKind::Microphone, Some("usb".into()));
        assert_eq!(follow(&mut preferred, &list(&["a", "usb"])), told("usb", ""));
        assert_eq!(
            follow(&mut preferred, &list(&["a", "b"])),
            told("a", "USB was unplugged. Others hear you through A now.")
        );
        assert_eq!(follow(&mut preferred, &list(&["a"])), told("", ""), "nothing better");
        assert_eq!(
            follow(&mut preferred, &list(&["a", "usb"])),
            told("usb", "USB is back. Others hear you through USB now.")
        );
        assert!(!preferred.is_lost(&list(&["a"])));
        assert_eq!(follow(&mut preferred, &list(&[])), told("", ""), "nothing at all");
        assert!(preferred.is_lost(&list(&[])));
    }

    #[test]
    fn the_default_is_followed_without_a_word_unless_it_was_unplugged() {
        let mut preferred = PreferredDevice::new(DeviceKind::Microphone, None);
        assert_eq!(follow(&mut preferred, &list(&["a", "b"])), told("a", ""));
        assert_eq!(follow(&mut preferred, &list(&["b", "a"])), told("b", ""));
        assert_eq!(follow(&mut preferred, &list(&["a"])), told("a", "B was unplugged. Others hear you through A now."));
    }

    #[test]
    fn a_selection_is_obeyed_without_a_word_unless_it_is_not_there() {
        let mut preferred = PreferredDevice::new(DeviceKind::Microphone, Some("usb".into()));
        let absent = "The microphone you chose is not connected. Others hear you through A now.";
        assert_eq!(follow(&mut preferred, &list(&["a", "b"])), told("a", absent));
        assert!(preferred.select(Some("b".into())));
        assert!(!preferred.select(Some("b".into())));
        assert_eq!(follow(&mut preferred, &list(&["a", "b"])), told("b", ""));
        assert!(preferred.select(Some("usb".into())));
        assert_eq!(follow(&mut preferred, &list(&["a", "b"])), told("a", absent));
    }

    #[test]
    fn the_same_selection_once_more_changes_nothing_of_what_is_told() {
        let mut preferred = PreferredDevice::new(DeviceKind::Microphone, Some("usb".into()));
        follow(&mut preferred, &list(&["a"]));
        assert!(!preferred.select(Some("usb".into())));
        let back = "USB is back. Others hear you through USB now.";
        assert_eq!(follow(&mut preferred, &list(&["a", "usb"])), told("usb", back));
    }

    #[test]
    fn what_was_opened_for_an_earlier_selection_is_judged_by_the_last_one() {
        let mut preferred = PreferredDevice::new(DeviceKind::Microphone, Some("usb".into()));
        preferred.select(Some("b".into()));
        assert_eq!(preferred.uses(device("a"), &list(&["a", "b"]), Some("usb")), None, "b follows");
        assert_eq!(follow(&mut preferred, &list(&["a", "b"])), told("b", ""));
        let mut preferred = PreferredDevice::new(DeviceKind::Microphone, Some("usb".into()));
        preferred.select(Some("a".into()));
        assert_eq!(preferred.uses(device("a"), &list(&["a", "b"]), Some("usb")), None, "it is what was chosen");
    }
}
