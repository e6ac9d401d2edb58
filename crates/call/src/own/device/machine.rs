//! The state machine of one device slot (microphone, camera or speaker): no device, no clock and no task of its own.
//!
//! | State | Meaning | Ends by |
//! |---|---|---|
//! | off | nobody needs a device | it is needed |
//! | opening | one is being opened, none runs | it opens or does not |
//! | running | one works; a better one may be opened beside it, which then takes over | it ends, or is gone from the list |
//! | failed | needed, there, and it does not work | it is needed once more (an unmute), or the list changes |
//! | waiting | needed, and none is there | one is plugged in, or it is needed once more |
//!
//! One device is opened at a time. What changes meanwhile is looked at when that has ended.

use super::preferred::PreferredDevice;
use super::request::{Found, OpenRequest};
use confab_ipc::{DeviceState, ErrorCode, UserError};
use confab_media::{DeviceKind, DeviceList};
use std::time::Duration;
use tokio::time::Instant;

/// What a slot is for.
#[derive(Debug, Clone)]
pub struct SlotConfig {
    /// Kind of its devices.
    pub kind: DeviceKind,
    /// Its source is a device, which is replaced when it is unplugged and plugged in; else a file, a tone, silence.
    pub follows: bool,
    /// Why there is nothing to open, if so.
    pub refusal: Option<UserError>,
    /// A device that ends this soon after it was opened is broken, and is not opened again at once.
    pub shortest_life: Duration,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotState {
    /// See the module.
    Off,
    /// See the module.
    Opening,
    /// See the module.
    Running,
    /// See the module.
    Failed(UserError),
    /// See the module.
    Waiting(UserError),
}

/// What happens to a slot.
#[derive(Debug, Clone)]
pub enum SlotInput {
    /// A device is needed, or needed once more.
    Need,
    /// No device is needed any more.
    Release,
    /// The person selected this one; `None` follows the system's default.
    Select(Option<String>),
    /// Devices were plugged in or out, or the system prefers others.
    ListChanged,
    /// The device that was being opened works.
    Opened(Found),
    /// It does not.
    OpenFailed(UserError),
    /// The device that was started under this number ended by itself.
    Ended(u64, UserError),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotAction {
    /// Open a device.
    Open(OpenRequest),
    /// Put the one that was opened to work under this number, in place of the one that runs.
    Run(u64),
    /// Close the one that was opened.
    Discard,
    /// Close the one that runs.
    Close,
    /// Forget the one that ran: it ended by itself.
    Forget,
    /// Notify the person.
    Notify(UserError),
}

/// A device that is being opened.
#[derive(Debug, Default)]
struct Attempt {
    /// What was selected when it began.
    selected: Option<String>,
    /// The selection or the devices have changed since.
    outdated: bool,
}

/// See the module.
#[derive(Debug)]
pub struct SlotMachine {
    config: SlotConfig,
    state: SlotState,
    needed: bool,
    preferred: PreferredDevice,
    attempt: Option<Attempt>,
    /// The person is notified if no device opens in the end: of a selection just made, or of a device that was lost.
    report_failure: bool,
    /// The device that runs, to tell a late end of an earlier one.
    number: u64,
    running_since: Option<Instant>,
}

impl SlotMachine {
    /// A slot that is off.
    pub fn new(config: SlotConfig, selected: Option<String>) -> Self {
        Self {
            preferred: PreferredDevice::new(config.kind, selected),
            config,
            state: SlotState::Off,
            needed: false,
            attempt: None,
            report_failure: false,
            number: 0,
            running_since: None,
        }
    }

    /// The state.
    #[cfg(test)]
    pub fn state(&self) -> &SlotState {
        &self.state
    }

    /// The state as the window shows it.
    pub fn shown(&self) -> DeviceState {
        match &self.state {
            SlotState::Off => DeviceState::Off,
            SlotState::Opening => DeviceState::Starting,
            SlotState::Running => DeviceState::On,
            SlotState::Failed(error) | SlotState::Waiting(error) => DeviceState::Failed { error: error.clone() },
        }
    }

    /// Takes an input; `list` are the devices that are known now.
    pub fn handle(&mut self, input: SlotInput, list: &DeviceList, now: Instant) -> Vec<SlotAction> {
        let mut actions = Vec::new();
        match input {
            SlotInput::Need => self.need(&mut actions),
            SlotInput::Release => self.release(&mut actions),
            SlotInput::Select(selected) => self.select(selected, list, &mut actions),
            SlotInput::ListChanged => {
                let lost = self.reconsider(list, &mut actions);
                actions.extend(lost.map(SlotAction::Notify));
            }
            SlotInput::Opened(found) => self.opened(found, list, now, &mut actions),
            SlotInput::OpenFailed(error) => self.open_failed(error, list, &mut actions),
            SlotInput::Ended(number, error) => self.ended(number, error, now, &mut actions),
        }
        actions
    }

    fn need(&mut self, actions: &mut Vec<SlotAction>) {
        self.needed = true;
        match &self.config.refusal {
            _ if self.is_running() => {}
            Some(error) => self.state = SlotState::Failed(error.clone()),
            None => self.open(false, actions),
        }
    }

    fn release(&mut self, actions: &mut Vec<SlotAction>) {
        self.needed = false;
        if self.is_running() {
            actions.push(SlotAction::Close);
        }
        self.state = SlotState::Off;
        self.preferred.released();
    }

    fn select(&mut self, selected: Option<String>, list: &DeviceList, actions: &mut Vec<SlotAction>) {
        if !self.config.follows || !self.preferred.select(selected) {
            return;
        }
        let opens = self.has_better(list);
        self.report_failure = opens || self.attempt.is_some();
        if opens {
            self.open(false, actions);
        }
    }

    fn opened(&mut self, found: Found, list: &DeviceList, now: Instant, actions: &mut Vec<SlotAction>) {
        let attempt = self.attempt.take().unwrap_or_default();
        let waited = matches!(self.state, SlotState::Waiting(_));
        let mut notice = None;
        if !self.needed || self.is_taken_back(&attempt, list) {
            actions.push(SlotAction::Discard);
        } else {
            self.number += 1;
            actions.push(SlotAction::Run(self.number));
            self.state = SlotState::Running;
            self.running_since = Some(now);
            let selected = attempt.selected.as_deref();
            notice = found.device.and_then(|device| self.preferred.uses(device, &found.list, selected));
        }
        self.conclude(&attempt, list, notice, None, actions);
        if waited && matches!(self.state, SlotState::Waiting(_)) {
            // The one that opened is gone, too: that there is none was reported before.
            actions.retain(|action| !matches!(action, SlotAction::Notify(_)));
        }
    }

    fn open_failed(&mut self, error: UserError, list: &DeviceList, actions: &mut Vec<SlotAction>) {
        let attempt = self.attempt.take().unwrap_or_default();
        let failed = self.needed.then_some(error);
        if let Some(error) = &failed
            && !self.is_running()
        {
            let is_there = !self.config.follows || self.preferred.best(list).is_some();
            let error = error.clone();
            self.state = if is_there { SlotState::Failed(error) } else { SlotState::Waiting(error) };
        }
        self.conclude(&attempt, list, None, failed, actions);
    }

    /// An attempt has ended. What changed meanwhile may lead to another; of several, the outcome of the last one is reported.
    fn conclude(
        &mut self,
        attempt: &Attempt,
        list: &DeviceList,
        notice: Option<UserError>,
        failed: Option<UserError>,
        actions: &mut Vec<SlotAction>,
    ) {
        let lost = if attempt.outdated { self.reconsider(list, actions) } else { None };
        let is_last = self.attempt.is_none();
        let reports = is_last && std::mem::take(&mut self.report_failure);
        let failed = failed.filter(|_| reports);
        actions.extend(lost.or(notice).or(failed).map(SlotAction::Notify));
    }

    fn ended(&mut self, number: u64, error: UserError, now: Instant, actions: &mut Vec<SlotAction>) {
        if !self.is_running() || number != self.number {
            return;
        }
        actions.push(SlotAction::Forget);
        self.state = SlotState::Failed(error.clone());
        let life = self.running_since.map_or(Duration::ZERO, |since| now - since);
        let lasted = life >= self.config.shortest_life;
        self.report_failure |= lasted;
        if lasted && self.config.follows {
            self.open(true, actions);
        } else {
            actions.push(SlotAction::Notify(error));
        }
    }

    /// Closes a device that is gone with nothing to take its place, and opens one that is better than what runs, or any if
    /// none does. Returns what to notify of a loss.
    fn reconsider(&mut self, list: &DeviceList, actions: &mut Vec<SlotAction>) -> Option<UserError> {
        if !self.config.follows {
            return None;
        }
        let lost = (self.is_running() && self.preferred.is_lost(list)).then(|| UserError::from(self.missing()));
        if let Some(error) = &lost {
            actions.push(SlotAction::Close);
            self.state = SlotState::Waiting(error.clone());
        }
        if self.has_better(list) {
            self.open(false, actions);
        }
        lost
    }

    /// True if a device is to be opened. Not while one is: then the list is looked at again at its end.
    fn has_better(&mut self, list: &DeviceList) -> bool {
        if let Some(attempt) = &mut self.attempt {
            // Whatever has changed: that what runs until then is the best again, too.
            attempt.outdated = true;
            return false;
        }
        match self.state {
            SlotState::Running => self.preferred.better(list).is_some(),
            SlotState::Failed(_) | SlotState::Waiting(_) => self.needed && self.preferred.best(list).is_some(),
            SlotState::Off | SlotState::Opening => false,
        }
    }

    fn open(&mut self, refresh: bool, actions: &mut Vec<SlotAction>) {
        let takes_over = self.is_running();
        if !takes_over {
            self.state = SlotState::Opening;
        }
        match &mut self.attempt {
            Some(attempt) => attempt.outdated |= refresh,
            none => {
                let selected = self.preferred.selected().map(str::to_owned);
                *none = Some(Attempt { selected: selected.clone(), outdated: false });
                actions.push(SlotAction::Open(OpenRequest { selected, refresh, takes_over }));
            }
        }
    }

    /// True if another selection was made during `attempt`, which means what runs already.
    fn is_taken_back(&self, attempt: &Attempt, list: &DeviceList) -> bool {
        self.is_running()
            && attempt.selected.as_deref() != self.preferred.selected()
            && self.preferred.better(list).is_none()
    }

    /// True while a device runs.
    fn is_running(&self) -> bool {
        self.state == SlotState::Running
    }

    fn missing(&self) -> ErrorCode {
        match self.config.kind {
            DeviceKind::Microphone => ErrorCode::MicrophoneMissing,
            DeviceKind::Speaker => ErrorCode::SpeakerMissing,
            DeviceKind::Camera => ErrorCode::CameraMissing,
        }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
