//! One device slot at work: the devices that its [`SlotMachine`] has opened and closed, beside the call's task.

use super::machine::{SlotAction, SlotConfig, SlotInput, SlotMachine};
use super::request::{Found, OpenRequest};
use super::watched::WatchedDevices;
use confab_ipc::{DeviceState, ErrorCode, UserError};
use confab_media::DeviceList;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// How long one waits at the end for a device that is being opened, to close it.
const LATE: Duration = Duration::from_secs(3);
/// Devices that say at once that they ended; there is one that runs, and one that ran before it.
const ENDS: usize = 4;

/// What came of opening a device.
pub type Opened<D> = Result<(Found, D), UserError>;

/// How a device of one kind is opened, used and closed.
pub trait DeviceDriver: Send {
    /// A device that was opened and is not used yet.
    type Opened: Send + 'static;
    /// A device in use.
    type Running: Send + 'static;

    /// Opens the device of `request`, or the next best.
    fn open(
        &mut self,
        request: OpenRequest,
        devices: WatchedDevices,
    ) -> impl Future<Output = Opened<Self::Opened>> + Send + 'static;

    /// Puts it to use. `end` gets the reason if it ends by itself.
    fn run(&mut self, opened: Self::Opened, end: DeviceEnd) -> Self::Running;

    /// Closes it; nothing more comes of it from this call on, and it is free when the future is done, in seconds at most.
    fn close(running: Self::Running) -> impl Future<Output = ()> + Send + 'static;

    /// Closes one that was not used.
    fn discard(opened: Self::Opened) -> impl Future<Output = ()> + Send + 'static;
}

/// Where a device in use says that it ended by itself.
#[derive(Debug, Clone)]
pub struct DeviceEnd {
    number: u64,
    ended: mpsc::Sender<(u64, UserError)>,
}

impl DeviceEnd {
    /// It ended, for this reason.
    pub async fn report(self, reason: UserError) {
        // A slot that is gone needs no device.
        let _ = self.ended.send((self.number, reason)).await;
    }
}

/// What happens to a slot by itself.
pub enum SlotEvent<D> {
    /// A device was opened, or was not.
    Opened(Opened<D>),
    /// The device with this number ended.
    Ended(u64, UserError),
    /// Devices were plugged in or out, or the system prefers others.
    ListChanged,
}

/// See the module.
pub struct DeviceSlot<D: DeviceDriver> {
    machine: SlotMachine,
    driver: D,
    devices: WatchedDevices,
    running: Option<D::Running>,
    opening: JoinSet<Opened<D::Opened>>,
    /// Devices that are being closed: one that can be had only once can be had again when it is released.
    closing: JoinSet<()>,
    end: mpsc::Sender<(u64, UserError)>,
    ended: mpsc::Receiver<(u64, UserError)>,
}

impl<D: DeviceDriver> DeviceSlot<D> {
    /// A slot in which nothing is opened yet.
    pub fn new(config: SlotConfig, selected: Option<String>, devices: WatchedDevices, driver: D) -> Self {
        let (end, ended) = mpsc::channel(ENDS);
        Self {
            machine: SlotMachine::new(config, selected),
            driver,
            devices,
            running: None,
            opening: JoinSet::new(),
            closing: JoinSet::new(),
            end,
            ended,
        }
    }

    /// The state as the window shows it.
    pub fn state(&self) -> DeviceState {
        self.machine.shown()
    }

    /// The device in use.
    pub fn running(&self) -> Option<&D::Running> {
        self.running.as_ref()
    }

    /// How devices are opened.
    pub fn driver(&self) -> &D {
        &self.driver
    }

    /// How devices are opened, to change.
    pub fn driver_mut(&mut self) -> &mut D {
        &mut self.driver
    }

    /// A device is needed, or needed once more: one that failed is tried again.
    pub fn need(&mut self) {
        self.act(SlotInput::Need, None);
    }

    /// No device is needed any more.
    pub fn release(&mut self) {
        self.act(SlotInput::Release, None);
    }

    /// The person selected another device.
    pub fn select(&mut self, selected: Option<String>) {
        self.act(SlotInput::Select(selected), None);
    }

    /// What happens next by itself. Safe to drop before it is done.
    pub async fn next(&mut self) -> SlotEvent<D::Opened> {
        tokio::select! {
            Some(opened) = self.opening.join_next() => SlotEvent::Opened(opened.unwrap_or_else(|error| {
                tracing::error!(%error, "opening a device failed");
                Err(UserError::with_detail(ErrorCode::Internal, error))
            })),
            Some((number, error)) = self.ended.recv() => SlotEvent::Ended(number, error),
            () = self.devices.changed() => SlotEvent::ListChanged,
        }
    }

    /// Takes an event. Returns what to notify the person of.
    pub fn handle(&mut self, event: SlotEvent<D::Opened>) -> Option<UserError> {
        match event {
            SlotEvent::Opened(Ok((found, opened))) => self.act(SlotInput::Opened(found), Some(opened)),
            SlotEvent::Opened(Err(error)) => self.act(SlotInput::OpenFailed(error), None),
            SlotEvent::Ended(number, error) => self.act(SlotInput::Ended(number, error), None),
            SlotEvent::ListChanged => self.act(SlotInput::ListChanged, None),
        }
    }

    fn act(&mut self, input: SlotInput, mut opened: Option<D::Opened>) -> Option<UserError> {
        let list = self.devices.now();
        self.act_on(input, &mut opened, &list)
    }

    fn act_on(&mut self, input: SlotInput, opened: &mut Option<D::Opened>, list: &DeviceList) -> Option<UserError> {
        let mut notice = None;
        for action in self.machine.handle(input, list, Instant::now()) {
            match action {
                SlotAction::Open(request) => self.open(request),
                SlotAction::Run(number) => {
                    if let Some(opened) = opened.take() {
                        let end = DeviceEnd { number, ended: self.end.clone() };
                        let before = self.running.replace(self.driver.run(opened, end));
                        self.close_running(before);
                    }
                }
                SlotAction::Discard => {
                    if let Some(opened) = opened.take() {
                        self.closing.spawn(D::discard(opened));
                    }
                }
                SlotAction::Close => {
                    let before = self.running.take();
                    self.close_running(before);
                }
                SlotAction::Forget => self.running = None,
                SlotAction::Notify(error) => notice = Some(error),
            }
        }
        notice
    }

    fn open(&mut self, request: OpenRequest) {
        let mut before = std::mem::take(&mut self.closing);
        let open = self.driver.open(request, self.devices.clone());
        self.opening.spawn(async move {
            closed(&mut before).await;
            open.await
        });
    }

    fn close_running(&mut self, running: Option<D::Running>) {
        // Those that were closed long ago.
        while self.closing.try_join_next().is_some() {}
        if let Some(running) = running {
            self.closing.spawn(D::close(running));
        }
    }

    /// Closes every device, one that is being opened too, and returns when that is done.
    pub async fn close(&mut self) {
        self.release();
        let Self { opening, closing, .. } = self;
        // Giving an opening up would leave the device with the thread that opens it.
        let late = async {
            while let Some(opened) = opening.join_next().await {
                if let Ok(Ok((_, opened))) = opened {
                    closing.spawn(D::discard(opened));
                }
            }
        };
        if timeout(LATE, late).await.is_err() {
            tracing::warn!("a device opens too slowly to be closed at once");
            opening.shutdown().await;
        }
        closed(closing).await;
    }
}

/// Returns when all devices of `closing` are free.
async fn closed(closing: &mut JoinSet<()>) {
    while let Some(closed) = closing.join_next().await {
        if let Err(error) = closed {
            tracing::error!(%error, "closing a device failed");
        }
    }
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
