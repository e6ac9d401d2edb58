//! The speaker as a state: the mix plays on the chosen one, else on the next best, else on nobody's until there is one.

use crate::AudioSink;
use crate::choice::{self, Follower};
use crate::listing::Listing;
use confab_media::{AudioOutput, FarEnd};
use confab_protocol::ipc::{Device, DeviceKind, DeviceList, DeviceState};
use confab_protocol::{ErrorCode, UserError};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What happens to the speaker by itself.
pub enum Happened {
    /// It stopped.
    Failed(UserError),
    /// Another one was opened, or was not.
    Swapped(Device, Result<(), UserError>),
    /// Devices were plugged in or out, or the system prefers others.
    List,
}

/// See the module.
pub struct Speaker {
    state: DeviceState,
    follower: Follower,
    /// Why the device stopped, once it has.
    failed: watch::Receiver<Option<UserError>>,
    /// Followed if a device is wanted, not silence.
    listing: Listing,
    /// At most one at a time, and whether it is out of date.
    swapping: JoinSet<Happened>,
    outdated: bool,
    /// The person chose this device and is to hear if it fails.
    asked: bool,
}

/// The speaker to play on for `sink`: the chosen one, or the next best; and the sink to open for it.
pub(crate) fn best(list: &DeviceList, sink: &AudioSink) -> (Option<Device>, AudioSink) {
    let AudioSink::Speaker(wanted) = sink else { return (None, AudioSink::None) };
    let device = confab_media::choose(list, DeviceKind::Speaker, wanted.as_deref()).cloned();
    let name = choice::name(device.as_ref(), wanted.as_deref());
    (device, AudioSink::Speaker(name))
}

/// The output of a call, whose speaker is the far end of the microphone beside it, and how that speaker does. Without a speaker
/// the mix still runs: levels and recordings do not depend on it.
pub async fn open(sink: &AudioSink, far_end: &FarEnd) -> (Option<AudioOutput>, Speaker) {
    let listing = Listing::start(matches!(sink, AudioSink::Speaker(_)));
    let list = listing.known().await;
    let (device, best) = best(&list, sink);
    let opened = AudioOutput::start_heard(best, far_end).await;
    let mut follower = Follower::new(DeviceKind::Speaker, sink.device().map(str::to_owned));
    let (state, output) = match opened {
        Ok(output) => {
            if let Some(device) = device {
                follower.uses(device, &list);
            }
            (DeviceState::On, Some(output))
        }
        Err(error) => (DeviceState::Failed { error }, AudioOutput::start_heard(AudioSink::None, far_end).await.ok()),
    };
    let speaker = Speaker {
        state,
        follower,
        failed: output.as_ref().map_or_else(|| watch::Sender::new(None).subscribe(), AudioOutput::failed),
        listing,
        swapping: JoinSet::new(),
        outdated: false,
        asked: false,
    };
    (output, speaker)
}

impl Speaker {
    /// Its state.
    pub fn state(&self) -> DeviceState {
        self.state.clone()
    }

    /// Changes to another device.
    pub fn choose(&mut self, wanted: Option<String>, output: Option<&AudioOutput>) {
        if self.listing.follows() && self.follower.choose(wanted) {
            self.asked = true;
            self.reconsider(output);
        }
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
                let swaps = self.reconsider(output);
                // Where another takes over, that is what the person is told.
                (!swaps).then_some(error)
            }
            Happened::List if self.state == DeviceState::On && self.follower.is_lost(&self.listing.now()) => {
                let error = UserError::from(ErrorCode::SpeakerMissing);
                self.state = DeviceState::Failed { error: error.clone() };
                Some(error)
            }
            Happened::List => {
                self.reconsider(output);
                None
            }
            Happened::Swapped(device, result) => {
                let asked = std::mem::take(&mut self.asked);
                let told = match result {
                    Ok(()) => {
                        self.state = DeviceState::On;
                        self.follower.uses(device, &self.listing.now())
                    }
                    Err(error) if self.state != DeviceState::On => {
                        self.state = DeviceState::Failed { error: error.clone() };
                        Some(error)
                    }
                    Err(error) if asked => Some(error),
                    Err(error) => {
                        tracing::debug!(%error, "the better speaker does not open");
                        None
                    }
                };
                if std::mem::take(&mut self.outdated) {
                    self.reconsider(output);
                }
                told
            }
        }
    }

    /// Begins to change to a better device, if there is one; true if it does.
    fn reconsider(&mut self, output: Option<&AudioOutput>) -> bool {
        let list = self.listing.now();
        let failed = self.state != DeviceState::On;
        let best = if failed { self.follower.best(&list) } else { self.follower.better(&list) };
        let (Some(device), Some(output)) = (best.filter(|_| self.listing.follows()), output) else { return false };
        if !self.swapping.is_empty() {
            self.outdated = true;
            return true;
        }
        let swap = output.set_sink(AudioSink::Speaker(Some(device.id.clone())));
        self.swapping.spawn(async move { Happened::Swapped(device, swap.await) });
        true
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
