//! The place of one device, microphone or camera: what is wanted of it, what runs in it, and how it does.

use crate::own::device::change::{Change, Changes, Does};
use crate::own::device::opening::Found;
use confab_ipc::{DeviceKind, DeviceList, DeviceState, UserError};
use confab_media::{AudioCapture, VideoCapture};
use std::time::{Duration, Instant};
use tokio::task::{AbortHandle, JoinSet};

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

/// What captures.
pub trait Capture: Send + 'static {
    /// Ends it; the device is free when this is done, in seconds at most.
    fn stop(self) -> impl Future<Output = ()> + Send;
}

impl Capture for AudioCapture {
    fn stop(self) -> impl Future<Output = ()> + Send {
        self.stop()
    }
}

impl Capture for VideoCapture {
    fn stop(self) -> impl Future<Output = ()> + Send {
        self.stop()
    }
}

/// A device that runs.
#[derive(Debug)]
pub struct Running<C> {
    /// The device and its encoder; dropping releases them.
    pub capture: C,
    pump: Pump,
    /// Which opening this is, to tell a late failure of an earlier one.
    generation: u64,
    since: Instant,
}

/// See the module.
#[derive(Debug)]
pub struct Place<C> {
    pub running: Option<Running<C>>,
    changes: Changes,
    /// The others are to hear or see it.
    pub on: bool,
    /// It is tried without being sent.
    pub tried: bool,
    /// How the device does, sent or not.
    state: DeviceState,
    generation: u64,
    /// What was here: a device that can be had only once can be had again when it is released.
    closing: JoinSet<()>,
}

impl<C: Capture> Place<C> {
    pub fn new(kind: DeviceKind, wanted: Option<String>) -> Self {
        Self {
            running: None,
            changes: Changes::new(kind, wanted),
            on: false,
            tried: false,
            state: DeviceState::Off,
            generation: 0,
            closing: JoinSet::new(),
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

    fn does(&self) -> Does {
        match self.state {
            _ if self.running.is_some() => Does::Works,
            DeviceState::Failed { .. } if self.is_needed() => Does::Fails,
            _ => Does::Rests,
        }
    }

    /// Takes another choice. True if a device has to be opened for it.
    pub fn choose(&mut self, wanted: Option<String>, list: &DeviceList) -> bool {
        self.changes.choose(wanted, list, self.does())
    }

    /// True if a device has to be opened since there is a better one than what runs, or one at all.
    pub fn reconsider(&mut self, list: &DeviceList) -> bool {
        self.changes.reconsider(list, self.does())
    }

    /// Fails with `error` if what runs is gone and nothing can take its place. Returns what to tell the person.
    pub fn lose(&mut self, list: &DeviceList, error: UserError) -> Option<UserError> {
        if !self.changes.is_lost(list) {
            return None;
        }
        let lost = self.running.take()?;
        self.put_away(lost);
        self.state = DeviceState::Failed { error: error.clone() };
        Some(error)
    }

    /// Begins to open a device; false if one is being opened already.
    pub fn begin(&mut self) -> bool {
        if self.running.is_none() {
            self.state = DeviceState::Starting;
        }
        self.changes.begin()
    }

    /// What is to be released before the next device is opened.
    pub fn take_closing(&mut self) -> JoinSet<()> {
        std::mem::take(&mut self.closing)
    }

    /// The opening is over.
    pub fn opened(&mut self) -> Change {
        self.changes.end()
    }

    /// True if what runs is what the person wants by now, and not what was opened meanwhile.
    pub fn is_taken_back(&self, change: &Change, list: &DeviceList) -> bool {
        self.running.is_some() && self.changes.is_taken_back(change, list)
    }

    /// The number of the next device that runs here.
    pub fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// `capture`, to which `change` led, takes the place. Returns what to tell the person.
    pub fn run(&mut self, capture: C, pump: Pump, found: Found, change: &Change) -> Option<UserError> {
        let next = Running { capture, pump, generation: self.generation, since: Instant::now() };
        if let Some(before) = self.running.replace(next) {
            self.put_away(before);
        }
        self.state = DeviceState::On;
        self.changes.uses(found.device?, &found.list, change)
    }

    /// No device could be opened: what runs goes on.
    pub fn fail(&mut self, error: &UserError) {
        if self.running.is_none() {
            self.state = DeviceState::Failed { error: error.clone() };
        }
    }

    /// See [`Changes::conclude`].
    pub fn conclude(&mut self, failed: Option<UserError>) -> Option<UserError> {
        self.changes.conclude(failed)
    }

    /// What runs has ended by itself, if it is the one of this number. True if another may be opened at once; else the
    /// place has failed.
    pub fn ended(&mut self, generation: u64, error: &UserError) -> Option<bool> {
        let lost = self.running.take_if(|running| running.generation == generation)?;
        self.state = DeviceState::Failed { error: error.clone() };
        let lasted = lost.since.elapsed() > SHORT_LIFE;
        if lasted {
            self.changes.tell_failure();
        }
        Some(lasted)
    }

    /// Nobody wants it any more.
    pub fn release(&mut self) {
        self.state = DeviceState::Off;
        self.changes.released();
        if let Some(released) = self.running.take() {
            self.put_away(released);
        }
    }

    fn put_away(&mut self, running: Running<C>) {
        // Not one more frame of it.
        drop(running.pump);
        self.give_back(running.capture);
    }

    /// Releases what runs nowhere.
    pub fn give_back(&mut self, capture: C) {
        self.closing.spawn(capture.stop());
    }

    /// Returns when all that was here is released.
    pub async fn closed(&mut self) {
        released(&mut self.closing).await;
    }
}

/// Returns when all devices of `closing` are released.
pub async fn released(closing: &mut JoinSet<()>) {
    while let Some(released) = closing.join_next().await {
        if let Err(error) = released {
            tracing::error!(%error, "releasing a device failed");
        }
    }
}
