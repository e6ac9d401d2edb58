//! From one device to the next, one change at a time: what is opened, and what a person is told of it when choices and
//! devices change meanwhile.

use crate::own::device::preferred::Follower;
use confab_ipc::{Device, DeviceKind, DeviceList, UserError};

/// How a device does, for who looks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// It works until a better one does.
    Works,
    /// Any that works is better.
    Fails,
    /// Nobody wants one.
    Rests,
}

/// A change to another device: under way, or at its end.
#[derive(Debug, Default)]
pub struct Change {
    /// The choice that it was begun for.
    wanted: Option<String>,
    /// The choice or the devices have changed since.
    outdated: bool,
}

impl Change {
    /// True if it has to be seen whether another is to follow.
    pub fn is_outdated(&self) -> bool {
        self.outdated
    }
}

/// See the module.
#[derive(Debug)]
pub struct Changes {
    follower: Follower,
    under_way: Option<Change>,
    /// The person is to hear if no device opens in the end: of a choice just made, or of a device that was lost.
    tell_failure: bool,
}

impl Changes {
    pub fn new(kind: DeviceKind, wanted: Option<String>) -> Self {
        Self { follower: Follower::new(kind, wanted), under_way: None, tell_failure: false }
    }

    /// Takes another choice. True if a device has to be opened for it.
    pub fn choose(&mut self, wanted: Option<String>, list: &DeviceList, does: Does) -> bool {
        if !self.follower.choose(wanted) {
            return false;
        }
        let opens = self.reconsider(list, does);
        self.tell_failure = opens || self.is_under_way();
        opens
    }

    /// True if a device has to be opened since there is a better one than what works, or one at all. Not while one is being
    /// opened: what it was opened for is looked at again at its end.
    pub fn reconsider(&mut self, list: &DeviceList, does: Does) -> bool {
        if let Some(change) = &mut self.under_way {
            // Whatever has changed: that what works until then is the best again, too.
            change.outdated = true;
            return false;
        }
        match does {
            Does::Works => self.follower.better(list).is_some(),
            Does::Fails => self.follower.best(list).is_some(),
            Does::Rests => false,
        }
    }

    /// The device to use.
    pub fn best(&self, list: &DeviceList) -> Option<Device> {
        self.follower.best(list)
    }

    /// See [`Follower::is_lost`].
    pub fn is_lost(&self, list: &DeviceList) -> bool {
        self.follower.is_lost(list)
    }

    /// The person is to hear if no other device opens.
    pub fn tell_failure(&mut self) {
        self.tell_failure = true;
    }

    /// Begins a change; false if one is under way.
    pub fn begin(&mut self) -> bool {
        if self.is_under_way() {
            return false;
        }
        self.under_way = Some(Change { wanted: self.follower.wanted().map(str::to_owned), outdated: false });
        true
    }

    /// True until the change that began has ended.
    pub fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// The change that was under way has ended, well or not.
    pub fn end(&mut self) -> Change {
        self.under_way.take().unwrap_or_default()
    }

    /// True if another choice was made during `change`, which means what works already: the person has come back to it.
    pub fn is_taken_back(&self, change: &Change, list: &DeviceList) -> bool {
        change.wanted.as_deref() != self.follower.wanted() && self.follower.better(list).is_none()
    }

    /// What `change` has led to is used from now on. Returns what to tell the person.
    pub fn uses(&mut self, device: Device, list: &DeviceList, change: &Change) -> Option<UserError> {
        self.follower.uses(device, list, change.wanted.as_deref())
    }

    /// A change has ended, `failed` or not, and whatever is to follow it has begun. Returns what to tell the person: of
    /// several changes, the outcome of the last one counts.
    pub fn conclude(&mut self, failed: Option<UserError>) -> Option<UserError> {
        if self.is_under_way() {
            return None;
        }
        let tell = std::mem::take(&mut self.tell_failure);
        failed.filter(|_| tell)
    }

    /// Nothing is used any more, by the person's will.
    pub fn released(&mut self) {
        self.follower.released();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_ipc::ErrorCode;

    fn device(id: &str) -> Device {
        Device { id: id.to_owned(), name: id.to_uppercase() }
    }

    fn list(ids: &[&str]) -> DeviceList {
        DeviceList { microphones: ids.iter().map(|id| device(id)).collect(), ..DeviceList::default() }
    }

    fn some(id: &str) -> Option<String> {
        Some(id.to_owned())
    }

    /// Ends a change with a device that works; returns what is told.
    fn opened(changes: &mut Changes, id: &str, list: &DeviceList) -> Option<String> {
        let change = changes.end();
        changes.uses(device(id), list, &change).map(|told| told.message)
    }

    /// Those that have begun with a device that works.
    fn begun(wanted: Option<String>, id: &str, list: &DeviceList) -> Changes {
        let mut changes = Changes::new(DeviceKind::Microphone, wanted);
        assert!(changes.begin());
        assert_eq!(opened(&mut changes, id, list), None);
        changes
    }

    #[test]
    fn a_choice_that_is_taken_back_while_its_device_opens_is_obeyed() {
        let all = list(&["a", "b", "c"]);
        let mut changes = begun(some("a"), "a", &all);
        assert!(changes.choose(some("b"), &all, Does::Works) && changes.begin());
        assert!(!changes.choose(some("a"), &all, Does::Works), "one at a time");
        let change = changes.end();
        assert!(change.is_outdated() && changes.is_taken_back(&change, &all));
        assert!(changes.choose(some("b"), &all, Does::Works) && changes.begin());
        changes.choose(some("c"), &all, Does::Works);
        let change = changes.end();
        assert!(!changes.is_taken_back(&change, &all), "another is to follow");
        // Who uses it all the same comes back.
        assert_eq!(changes.uses(device("b"), &all, &change), None);
        assert!(changes.reconsider(&all, Does::Works));
        assert_eq!(changes.best(&all), Some(device("c")));
    }

    #[test]
    fn a_device_that_is_back_while_another_stands_in_for_it_is_taken() {
        let all = list(&["b", "usb"]);
        let mut changes = begun(some("usb"), "usb", &all);
        assert!(changes.reconsider(&list(&["b"]), Does::Works) && changes.begin());
        assert!(!changes.reconsider(&all, Does::Works));
        let change = changes.end();
        assert!(change.is_outdated() && !changes.is_taken_back(&change, &all), "its stream may be another's");
        changes.uses(device("b"), &list(&["b"]), &change);
        assert!(changes.reconsider(&all, Does::Works));
    }

    #[test]
    fn a_choice_during_the_first_opening_is_no_news() {
        let all = list(&["a", "b"]);
        let mut changes = Changes::new(DeviceKind::Microphone, some("a"));
        assert!(changes.begin());
        assert!(!changes.choose(some("b"), &all, Does::Rests));
        assert_eq!(opened(&mut changes, "a", &all), None, "b is there");
        assert!(changes.reconsider(&all, Does::Works) && changes.begin());
        assert_eq!(opened(&mut changes, "b", &all), None, "b was not away");
    }

    #[test]
    fn of_several_openings_the_outcome_of_the_last_is_told() {
        let all = list(&["a", "b", "c"]);
        let missing = || Some(UserError::from(ErrorCode::MicrophoneMissing));
        let mut changes = begun(some("a"), "a", &all);
        assert!(changes.choose(some("b"), &all, Does::Works) && changes.begin());
        assert!(!changes.choose(some("c"), &all, Does::Works));
        assert_eq!(opened(&mut changes, "b", &all), None);
        assert!(changes.reconsider(&all, Does::Works) && changes.begin());
        assert_eq!(changes.conclude(None), None, "c follows");
        changes.end();
        assert_eq!(changes.conclude(missing()), missing(), "c was chosen and fails");
        assert!(changes.reconsider(&all, Does::Works) && changes.begin());
        changes.end();
        assert_eq!(changes.conclude(missing()), None, "nobody asked again");
    }
}
