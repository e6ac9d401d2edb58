//! The speaker as a state: the mix plays on the chosen one, else on the next best, else on nobody's until there is one.

use crate::AudioSink;
use crate::own::device::change::{Changes, Does};
use crate::own::device::preferred;
use crate::own::device::watched::Listing;
use confab_ipc::{Device, DeviceKind, DeviceList, DeviceState, ErrorCode, UserError};
use confab_media::{AudioOutput, FarEnd};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What happens to the speaker by itself.
pub enum Happened {
    /// It stopped.
    Failed(UserError),
    /// It is known which devices there are since it stopped.
    Looked,
    /// Another one was opened, or was not.
    Swapped(Device, Result<(), UserError>),
    /// Devices were plugged in or out, or the system prefers others.
    List,
}

/// See the module.
pub struct Speaker {
    state: DeviceState,
    changes: Changes,
    /// Why the device stopped, once it has.
    failed: watch::Receiver<Option<UserError>>,
    /// Followed if a device is wanted, not silence.
    listing: Listing,
    /// At most one change at a time.
    swapping: JoinSet<Happened>,
    /// What came of the first device.
    told: Option<UserError>,
}

/// The speaker to play on for `sink`: the chosen one, or the next best; and the sink to open for it.
pub(crate) fn best(list: &DeviceList, sink: &AudioSink) -> (Option<Device>, AudioSink) {
    let AudioSink::Speaker(wanted) = sink else { return (None, AudioSink::None) };
    let device = confab_media::choose(list, DeviceKind::Speaker, wanted.as_deref()).cloned();
    let name = preferred::name(device.as_ref(), wanted.as_deref());
    (device, AudioSink::Speaker(name))
}

/// The output of a call, whose speaker is the far end of the microphone beside it, and how that speaker does. Without a speaker
/// the mix still runs: levels and recordings do not depend on it.
pub async fn open(sink: &AudioSink, far_end: &FarEnd) -> (Option<AudioOutput>, Speaker) {
    let listing = Listing::start(matches!(sink, AudioSink::Speaker(_)));
    let list = listing.known().await;
    let (device, best) = best(&list, sink);
    let opened = AudioOutput::start_heard(best, far_end).await;
    let mut changes = Changes::new(DeviceKind::Speaker, sink.device().map(str::to_owned));
    changes.begin();
    let change = changes.end();
    let mut told = None;
    let (state, output) = match opened {
        Ok(output) => {
            told = device.and_then(|device| changes.uses(device, &list, &change));
            (DeviceState::On, Some(output))
        }
        Err(error) => (DeviceState::Failed { error }, AudioOutput::start_heard(AudioSink::None, far_end).await.ok()),
    };
    let speaker = Speaker {
        state,
        changes,
        failed: output.as_ref().map_or_else(|| watch::Sender::new(None).subscribe(), AudioOutput::failed),
        listing,
        swapping: JoinSet::new(),
        told,
    };
    (output, speaker)
}

impl Speaker {
    /// Its state.
    pub fn state(&self) -> DeviceState {
        self.state.clone()
    }

    /// What to tell the person of the device that was opened first, once.
    pub fn told_at_first(&mut self) -> Option<UserError> {
        self.told.take()
    }

    /// Changes to another device.
    pub fn choose(&mut self, wanted: Option<String>, output: Option<&AudioOutput>) {
        let list = self.listing.now();
        if self.listing.follows() && self.changes.choose(wanted, &list, self.does()) {
            self.swap(&list, output);
        }
    }

    fn does(&self) -> Does {
        if self.state == DeviceState::On { Does::Works } else { Does::Fails }
    }

    /// What happens next by itself. Safe to drop before it is done.
    pub async fn next(&mut self) -> Happened {
        tokio::select! {
            Some(Ok(swapped)) = self.swapping.join_next() => swapped,
            () = self.listing.changed() => Happened::List,
            error = failure(&mut self.failed) => Happened::Failed(error),
        }
    }

    /// Acts on what happened. Returns what to tell the person.
    pub fn take(&mut self, happened: Happened, output: Option<&AudioOutput>) -> Option<UserError> {
        match happened {
            Happened::Failed(error) => {
                self.state = DeviceState::Failed { error: error.clone() };
                if !self.listing.follows() {
                    return Some(error);
                }
                if self.changes.begin() {
                    // One that was just unplugged may be known still.
                    let listing = self.listing.clone();
                    self.swapping.spawn(async move {
                        listing.look_for_sound().await;
                        Happened::Looked
                    });
                } else {
                    self.reconsider(output);
                }
                None
            }
            Happened::Looked => {
                self.changes.end();
                self.reconsider(output);
                match &self.state {
                    // Where another takes over, that is what the person is told.
                    DeviceState::Failed { error } if !self.changes.is_under_way() => Some(error.clone()),
                    _ => None,
                }
            }
            Happened::List => {
                let is_lost = self.state == DeviceState::On && self.changes.is_lost(&self.listing.now());
                let lost = is_lost.then(|| UserError::from(ErrorCode::SpeakerMissing));
                if let Some(error) = &lost {
                    self.state = DeviceState::Failed { error: error.clone() };
                }
                self.reconsider(output);
                lost
            }
            Happened::Swapped(device, result) => {
                let change = self.changes.end();
                let (told, failed) = match result {
                    Ok(()) => {
                        self.state = DeviceState::On;
                        (self.changes.uses(device, &self.listing.now(), &change), None)
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a speaker does not open");
                        if self.state != DeviceState::On {
                            self.state = DeviceState::Failed { error: error.clone() };
                            self.changes.tell_failure();
                        }
                        (None, Some(error))
                    }
                };
                if change.is_outdated() {
                    self.reconsider(output);
                }
                told.or(self.changes.conclude(failed))
            }
        }
    }

    /// Begins to change to a better device, if there is one.
    fn reconsider(&mut self, output: Option<&AudioOutput>) {
        let list = self.listing.now();
        if self.listing.follows() && self.changes.reconsider(&list, self.does()) {
            self.swap(&list, output);
        }
    }

    fn swap(&mut self, list: &DeviceList, output: Option<&AudioOutput>) {
        let (Some(device), Some(output)) = (self.changes.best(list), output) else { return };
        if self.changes.begin() {
            let swap = output.set_sink(AudioSink::Speaker(Some(device.id.clone())));
            self.swapping.spawn(async move { Happened::Swapped(device, swap.await) });
        }
    }
}

/// Waits until the output says why its device stopped.
async fn failure(failed: &mut watch::Receiver<Option<UserError>>) -> UserError {
    while failed.changed().await.is_ok() {
        if let Some(error) = failed.borrow_and_update().clone() {
            return error;
        }
    }
    std::future::pending().await
}
