//! Which devices one chose, which are used instead when those are gone, and what a person is told about it.

use confab_ipc::{Device, DeviceKind, DeviceList, ErrorCode, UserError};

/// The devices one chose, by id or name; `None` follows the system's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceChoice {
    /// Where one is heard from.
    pub microphone: Option<String>,
    /// Where one hears the others.
    pub speaker: Option<String>,
    /// Where one is seen from; `None` takes the first camera.
    pub camera: Option<String>,
}

/// What to open by: the device to use, or, without any, the name that was asked for, which says best what is missing.
pub(crate) fn name(device: Option<&Device>, wanted: Option<&str>) -> Option<String> {
    device.map(|device| device.id.as_str()).or(wanted).map(str::to_owned)
}

/// A device in use, the one that was chosen or the next best.
#[derive(Debug)]
pub(crate) struct Follower {
    kind: DeviceKind,
    wanted: Option<String>,
    using: Option<Device>,
    /// What is used is not what was chosen.
    stands_in: bool,
}

impl Follower {
    pub(crate) fn new(kind: DeviceKind, wanted: Option<String>) -> Self {
        Self { kind, wanted, using: None, stands_in: false }
    }

    /// Another choice of the person, who need not be told what it leads to. False if it is the same.
    pub(crate) fn choose(&mut self, wanted: Option<String>) -> bool {
        let changed = std::mem::replace(&mut self.wanted, wanted) != self.wanted;
        // With the same choice, the person still waits for what they chose.
        self.stands_in &= !changed;
        changed
    }

    /// What the person chose.
    pub(crate) fn wanted(&self) -> Option<&str> {
        self.wanted.as_deref()
    }

    /// The device to use.
    pub(crate) fn best(&self, list: &DeviceList) -> Option<Device> {
        confab_media::choose(list, self.kind, self.wanted.as_deref()).cloned()
    }

    /// The device to change to, if it is another than the one in use.
    pub(crate) fn better(&self, list: &DeviceList) -> Option<Device> {
        self.best(list).filter(|best| self.using.as_ref().map(|device| &device.id) != Some(&best.id))
    }

    /// True if what is used is gone and nothing can take its place. The system may feed what used it from anywhere then: a
    /// microphone's stream from what the speaker plays.
    pub(crate) fn is_lost(&self, list: &DeviceList) -> bool {
        self.using.is_some() && self.best(list).is_none()
    }

    /// What is used from now on, of the devices in `list`; it was opened when `opened_for` was chosen. Returns what to tell
    /// the person.
    pub(crate) fn uses(&mut self, device: Device, list: &DeviceList, opened_for: Option<&str>) -> Option<UserError> {
        let devices = confab_media::of_kind(list, self.kind);
        let wanted = self.wanted.as_deref();
        if opened_for != wanted && self.best(list).is_some_and(|best| best.id != device.id) {
            // Another follows at once, by the person's will: nothing stands in for anything.
            (self.using, self.stands_in) = (Some(device), false);
            return None;
        }
        let stands_in = wanted.is_some_and(|wanted| confab_media::called(devices, wanted).is_none());
        let stood_in = std::mem::replace(&mut self.stands_in, stands_in);
        let now = format!("{} {} now.", self.what_it_does(), device.name);
        let text = match self.using.replace(device.clone()) {
            Some(before) if before.id == device.id => return None,
            Some(before) if !devices.iter().any(|known| known.id == before.id) => {
                format!("{} was unplugged. {now}", before.name)
            }
            Some(_) if stood_in && !stands_in => format!("{} is back. {now}", device.name),
            _ if stands_in && !stood_in => format!("The {} you chose is not connected. {now}", self.noun()),
            _ => return None,
        };
        Some(UserError::with_message(ErrorCode::DeviceChanged, text))
    }

    /// Nothing is used any more, by the person's will.
    pub(crate) fn released(&mut self) {
        self.using = None;
    }

    fn noun(&self) -> &'static str {
        match self.kind {
            DeviceKind::Microphone => "microphone",
            DeviceKind::Speaker => "speaker",
            DeviceKind::Camera => "camera",
        }
    }

    fn what_it_does(&self) -> &'static str {
        match self.kind {
            DeviceKind::Microphone => "Others hear you through",
            DeviceKind::Speaker => "You hear the others through",
            DeviceKind::Camera => "Others see you through",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn follow(follower: &mut Follower, list: &DeviceList) -> (String, String) {
        let Some(better) = follower.better(list) else { return (String::new(), String::new()) };
        let wanted = follower.wanted().map(str::to_owned);
        let told = follower.uses(better.clone(), list, wanted.as_deref());
        (better.id, told.map(|told| told.message).unwrap_or_default())
    }

    fn told(id: &str, text: &str) -> (String, String) {
        (id.to_owned(), text.to_owned())
    }

    #[test]
    fn what_is_unplugged_is_replaced_and_used_again_when_it_is_back() {
        let mut follower = Follower::new(DeviceKind::Microphone, Some("usb".into()));
        assert_eq!(follow(&mut follower, &list(&["a", "usb"])), told("usb", ""));
        assert_eq!(
            follow(&mut follower, &list(&["a", "b"])),
            told("a", "USB was unplugged. Others hear you through A now.")
        );
        assert_eq!(follow(&mut follower, &list(&["a"])), told("", ""), "nothing better");
        assert_eq!(
            follow(&mut follower, &list(&["a", "usb"])),
            told("usb", "USB is back. Others hear you through USB now.")
        );
        assert!(!follower.is_lost(&list(&["a"])));
        assert_eq!(follow(&mut follower, &list(&[])), told("", ""), "nothing at all");
        assert!(follower.is_lost(&list(&[])));
    }

    #[test]
    fn the_default_is_followed_without_a_word_unless_it_was_unplugged() {
        let mut follower = Follower::new(DeviceKind::Microphone, None);
        assert_eq!(follow(&mut follower, &list(&["a", "b"])), told("a", ""));
        assert_eq!(follow(&mut follower, &list(&["b", "a"])), told("b", ""));
        assert_eq!(follow(&mut follower, &list(&["a"])), told("a", "B was unplugged. Others hear you through A now."));
    }

    #[test]
    fn a_choice_is_obeyed_without_a_word_unless_it_is_not_there() {
        let mut follower = Follower::new(DeviceKind::Microphone, Some("usb".into()));
        let absent = "The microphone you chose is not connected. Others hear you through A now.";
        assert_eq!(follow(&mut follower, &list(&["a", "b"])), told("a", absent));
        assert!(follower.choose(Some("b".into())));
        assert!(!follower.choose(Some("b".into())));
        assert_eq!(follow(&mut follower, &list(&["a", "b"])), told("b", ""));
        assert!(follower.choose(Some("usb".into())));
        assert_eq!(follow(&mut follower, &list(&["a", "b"])), told("a", absent));
    }

    #[test]
    fn the_same_choice_once_more_changes_nothing_of_what_is_told() {
        let mut follower = Follower::new(DeviceKind::Microphone, Some("usb".into()));
        follow(&mut follower, &list(&["a"]));
        assert!(!follower.choose(Some("usb".into())));
        let back = "USB is back. Others hear you through USB now.";
        assert_eq!(follow(&mut follower, &list(&["a", "usb"])), told("usb", back));
    }

    #[test]
    fn what_was_opened_for_an_earlier_choice_is_judged_by_the_last_one() {
        let mut follower = Follower::new(DeviceKind::Microphone, Some("usb".into()));
        follower.choose(Some("b".into()));
        assert_eq!(follower.uses(device("a"), &list(&["a", "b"]), Some("usb")), None, "b follows");
        assert_eq!(follow(&mut follower, &list(&["a", "b"])), told("b", ""));
        let mut follower = Follower::new(DeviceKind::Microphone, Some("usb".into()));
        follower.choose(Some("a".into()));
        assert_eq!(follower.uses(device("a"), &list(&["a", "b"]), Some("usb")), None, "it is what was chosen");
    }
}
