//! The speaker as a state: the mix plays on the chosen one, else on the next best, else on nobody's until there is one.

use crate::AudioSink;
use crate::choice::{self, Follower};
use confab_media::{AudioOutput, DeviceWatch, FarEnd};
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
    /// A device is wanted, not silence.
    follows: bool,
    /// Why the device stopped, once it has.
    failed: watch::Receiver<Option<UserError>>,
    list: Option<watch::Receiver<Option<DeviceList>>>,
    _watch: Option<DeviceWatch>,
    /// At most one at a time, and whether it is out of date.
    swapping: JoinSet<Happened>,
    outdated: bool,
    /// The person chose this device and is to hear if it fails.
    asked: bool,
}

/// The output of a call, whose speaker is the far end of the microphone beside it, and how that speaker does. Without a speaker the mix still runs: levels and recordings do not depend
/// on it.
pub async fn open(sink: &AudioSink, far_end: &FarEnd) -> (Option<AudioOutput>, Speaker) {
    let watch = choice::look(&crate::AudioSource::None, sink, &crate::VideoSource::None);
    let list = match &watch {
        Some(watch) => watch.known().await,
        None => DeviceList::default(),
    };
    let device = confab_media::choose(&list, DeviceKind::Speaker, sink.device()).cloned();
    let opened = match &device {
        Some(device) => AudioOutput::start_heard(AudioSink::Speaker(Some(device.id.clone())), far_end).await,
        None => AudioOutput::start_heard(sink.clone(), far_end).await,
    };
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
        follows: watch.is_some(),
        failed: output.as_ref().map_or_else(|| watch::Sender::new(None).subscribe(), AudioOutput::failed),
        list: watch.as_ref().map(DeviceWatch::list),
        _watch: watch,
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
        if self.follows && self.follower.choose(wanted) {
            self.asked = true;
            self.reconsider(output);
        }
    }

    /// What happens next by itself. Safe to drop before it is done.
    pub async fn next(&mut self) -> Happened {
        tokio::select! {
            Some(Ok(swapped)) = self.swapping.join_next() => swapped,
            () = choice::changed(&mut self.list) => Happened::List,
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
            Happened::List if self.state == DeviceState::On && self.follower.is_lost(&self.known()) => {
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
                        self.follower.uses(device, &self.known())
                    }
                    Err(error) if asked || self.state != DeviceState::On => {
                        if self.state != DeviceState::On {
                            self.state = DeviceState::Failed { error: error.clone() };
                        }
                        Some(error)
                    }
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

    fn known(&self) -> DeviceList {
        self.list.as_ref().and_then(|list| list.borrow().clone()).unwrap_or_default()
    }

    /// Begins to change to a better device, if there is one; true if it does.
    fn reconsider(&mut self, output: Option<&AudioOutput>) -> bool {
        let list = self.known();
        let failed = self.state != DeviceState::On;
        let best = if failed { self.follower.best(&list) } else { self.follower.better(&list) };
        let (Some(device), Some(output)) = (best.filter(|_| self.follows), output) else { return false };
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
