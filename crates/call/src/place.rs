//! The place of one device, microphone or camera: what is wanted of it, what runs in it, and how it does.

use crate::choice::Follower;
use crate::opening::Found;
use confab_protocol::UserError;
use confab_protocol::ipc::{DeviceKind, DeviceList, DeviceState};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// A device that stops this soon after it was opened is broken: it is not opened again at once.
const SHORT_LIFE: Duration = Duration::from_secs(2);

/// Carries the frames of a device, and not one more when this is dropped: none may come between those of its successor.
#[derive(Debug)]
pub struct Pump(pub AbortHandle);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A device that runs.
#[derive(Debug)]
pub struct Running<C> {
    /// The device and its encoder; dropping releases them.
    pub capture: C,
    _pump: Pump,
    /// Which opening this is, to tell a late failure of an earlier one.
    generation: u64,
    since: Instant,
}

/// See the module. `C` is what captures.
#[derive(Debug)]
pub struct Place<C> {
    pub running: Option<Running<C>>,
    pub follower: Follower,
    /// The others are to hear or see it.
    pub on: bool,
    /// It is tried without being sent.
    pub tried: bool,
    /// How the device does, sent or not.
    state: DeviceState,
    /// At most one opening is under way; true if what it was begun for has changed since.
    opening: Option<bool>,
    /// The person is to hear of the next failure: of a choice just made, or of a device that was lost.
    tell_failure: bool,
    generation: u64,
}

impl<C> Place<C> {
    pub fn new(kind: DeviceKind, wanted: Option<String>) -> Self {
        Self {
            running: None,
            follower: Follower::new(kind, wanted),
            on: false,
            tried: false,
            state: DeviceState::Off,
            opening: None,
            tell_failure: false,
            generation: 0,
        }
    }

    /// Somebody wants it.
    pub fn is_needed(&self) -> bool {
        self.on || self.tried
    }

    /// Its state for the call.
    pub fn shown(&self) -> DeviceState {
        if self.on { self.state.clone() } else { DeviceState::Off }
    }

    /// Its state for who tries it.
    pub fn rehearsed(&self) -> DeviceState {
        if self.tried { self.state.clone() } else { DeviceState::Off }
    }

    /// Takes another choice. True if a device has to be opened for it.
    pub fn choose(&mut self, wanted: Option<String>, list: &DeviceList) -> bool {
        let changed = self.follower.choose(wanted);
        self.tell_failure |= changed;
        changed && self.reconsider(list)
    }

    /// True if a device has to be opened since there is a better one than what runs, or one at all.
    pub fn reconsider(&mut self, list: &DeviceList) -> bool {
        let better = self.follower.better(list).is_some();
        let stuck =
            self.is_needed() && matches!(self.state, DeviceState::Failed { .. }) && self.follower.best(list).is_some();
        let open = if self.running.is_some() { better } else { stuck };
        match &mut self.opening {
            Some(outdated) => {
                *outdated |= better;
                false
            }
            None => open,
        }
    }

    /// Fails with `error` if what runs is gone and nothing can take its place. Returns what to tell the person.
    pub fn lose(&mut self, list: &DeviceList, error: UserError) -> Option<UserError> {
        if !self.follower.is_lost(list) {
            return None;
        }
        self.running.take()?;
        self.state = DeviceState::Failed { error: error.clone() };
        Some(error)
    }

    /// Begins to open a device; false if one is being opened already.
    pub fn begin(&mut self) -> bool {
        if self.running.is_none() {
            self.state = DeviceState::Starting;
        }
        if self.opening.is_some() {
            return false;
        }
        self.opening = Some(false);
        true
    }

    /// The opening is over. True if what it was begun for has changed since.
    pub fn opened(&mut self) -> bool {
        self.opening.take().unwrap_or_default()
    }

    /// The number of the next device that runs here.
    pub fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// `capture` takes the place. Returns what to tell the person.
    pub fn run(&mut self, capture: C, pump: Pump, found: Found) -> Option<UserError> {
        self.running = Some(Running { capture, _pump: pump, generation: self.generation, since: Instant::now() });
        self.state = DeviceState::On;
        self.tell_failure = false;
        self.follower.uses(found.device?, &found.list)
    }

    /// No device could be opened: what runs goes on. Returns what to tell the person.
    pub fn fail(&mut self, error: UserError) -> Option<UserError> {
        let tell = std::mem::take(&mut self.tell_failure);
        if self.running.is_none() {
            self.state = DeviceState::Failed { error: error.clone() };
        }
        tell.then_some(error)
    }

    /// What runs has ended by itself, if it is the one of this number. True if another may be opened at once; else the
    /// place has failed.
    pub fn ended(&mut self, generation: u64, error: &UserError) -> Option<bool> {
        let lost = self.running.take_if(|running| running.generation == generation)?;
        self.state = DeviceState::Failed { error: error.clone() };
        let lasted = lost.since.elapsed() > SHORT_LIFE;
        self.tell_failure = lasted;
        Some(lasted)
    }

    /// Nobody wants it any more. Returns what has to be released.
    pub fn release(&mut self) -> Option<Running<C>> {
        self.state = DeviceState::Off;
        self.follower.released();
        self.running.take()
    }
}
