//! A rehearsal outside of a call: microphone and camera, whose level and picture go to the own window only.

use confab_call::{CallEvents, Rehearsal};
use confab_ipc::UiEvent;
use std::future;

/// The rehearsal that runs, if one does.
#[derive(Debug, Default)]
pub struct RunningRehearsal(Option<(Rehearsal, CallEvents)>);

impl RunningRehearsal {
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

    /// Its next event; pends without one.
    pub async fn event(&mut self) -> UiEvent {
        if let Some((_, events)) = &mut self.0
            && let Some(event) = events.recv().await
        {
            return event;
        }
        future::pending().await
    }
}
