//! What the window tries outside of a call, and the pictures it is shown, whoever they come from.

use crate::media_socket::Pictures;
use confab_call::{Call, CallEvents, DeviceWatch, Rehearsal, TrackFrame};
use confab_ipc::{DeviceList, UiEvent};
use confab_wire::ctrl::Drawn;
use std::future;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout_at};

/// How long changes among the devices are told after the list was asked for.
const TELL_FOR: Duration = Duration::from_secs(600);

/// Who the window's pictures come from.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A call: the others, and oneself.
    Call(Call),
    /// Oneself, before or outside of a call.
    Rehearsal(Rehearsal),
}

impl Pictures for Shown {
    fn frames(&self) -> broadcast::Receiver<TrackFrame> {
        match self {
            Self::Call(call) => call.frames(),
            Self::Rehearsal(rehearsal) => rehearsal.frames(),
        }
    }

    fn request_key_frame(&self, handle: u32) {
        match self {
            Self::Call(call) => call.request_key_frame(handle),
            Self::Rehearsal(rehearsal) => rehearsal.request_key_frame(handle),
        }
    }

    fn set_drawn(&self, handle: u32, drawn: Drawn) {
        match self {
            Self::Call(call) => call.set_drawn(handle, drawn),
            Self::Rehearsal(rehearsal) => rehearsal.set_drawn(handle, drawn),
        }
    }
}

/// The rehearsal that runs, if one does.
#[derive(Debug, Default)]
pub struct Rehearsing(Option<(Rehearsal, CallEvents)>);

impl Rehearsing {
    /// The one that runs, begun by `start` if there is none.
    pub fn get_or_start(&mut self, start: impl FnOnce() -> (Rehearsal, CallEvents)) -> &Rehearsal {
        &self.0.get_or_insert_with(start).0
    }

    /// The one that runs.
    pub fn get(&self) -> Option<&Rehearsal> {
        self.0.as_ref().map(|(rehearsal, _)| rehearsal)
    }

    /// Takes it out, to be stopped.
    pub fn take(&mut self) -> Option<Rehearsal> {
        self.0.take().map(|(rehearsal, _)| rehearsal)
    }

    /// What it says next; pends without one.
    pub async fn event(&mut self) -> UiEvent {
        if let Some((_, events)) = &mut self.0
            && let Some(event) = events.recv().await
        {
            return event;
        }
        future::pending().await
    }
}

/// Tells changes among the devices to a window that looks at the list.
#[derive(Debug, Default)]
pub struct DeviceNews(Option<(DeviceWatch, watch::Receiver<Option<DeviceList>>, Instant)>);

impl DeviceNews {
    /// The list was asked for: what changes from now on is told.
    pub fn look(&mut self, watch: DeviceWatch) {
        let mut list = watch.list();
        list.mark_unchanged();
        self.0 = Some((watch, list, Instant::now() + TELL_FOR));
    }

    /// The next list that is another; pends while nobody looks.
    pub async fn next(&mut self) -> DeviceList {
        if let Some((_, list, until)) = &mut self.0 {
            while let Ok(Ok(())) = timeout_at(*until, list.changed()).await {
                if let Some(devices) = list.borrow_and_update().clone() {
                    return devices;
                }
            }
            self.0 = None;
        }
        future::pending().await
    }
}
