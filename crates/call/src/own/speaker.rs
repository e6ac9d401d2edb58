//! The own speaker: its slot, and the mix of the others that plays on it. Without a speaker the mix still runs: levels and
//! recordings do not depend on it.

use crate::effect::{Effect, Effects};
use crate::errors::user_error;
use crate::own::device::machine::SlotConfig;
use crate::own::device::preferred;
use crate::own::device::request::{Found, OpenRequest};
use crate::own::device::slot::{DeviceDriver, DeviceEnd, DeviceSlot, Opened, SlotEvent};
use crate::own::device::watched::WatchedDevices;
use confab_ipc::{DeviceState, ErrorCode, UserError};
use confab_media::{AudioOutput, AudioSink, Device, DeviceKind, DeviceList, FarEnd, PeerAudio};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio_util::task::AbortOnDropHandle;

/// What happens to the speaker by itself.
pub type SpeakerEvent = SlotEvent<()>;

/// How a speaker is opened: the mix changes to it, and plays on the one before until then.
pub struct SpeakerDriver {
    sink: AudioSink,
    /// `None` if not even the mix could be started.
    output: Option<Arc<AudioOutput>>,
}

impl DeviceDriver for SpeakerDriver {
    type Opened = ();
    /// The task that waits for its end.
    type Running = AbortOnDropHandle<()>;

    fn open(
        &mut self,
        request: OpenRequest,
        devices: WatchedDevices,
    ) -> impl Future<Output = Opened<()>> + Send + 'static {
        let is_device = matches!(self.sink, AudioSink::Speaker(_));
        let output = self.output.clone();
        async move {
            let Some(output) = output else { return Err(ErrorCode::SpeakerMissing.into()) };
            if !is_device {
                return Ok((Found::default(), ()));
            }
            let list = if request.refresh { devices.look_for_sound().await } else { devices.known().await };
            let (device, sink) = best(&list, request.selected.as_deref());
            output.set_sink(sink).await.map_err(user_error)?;
            Ok((Found { device, list }, ()))
        }
    }

    fn run(&mut self, (): (), end: DeviceEnd) -> Self::Running {
        let failed = self.output.as_ref().map(|output| output.failed());
        AbortOnDropHandle::new(tokio::spawn(async move {
            let Some(mut failed) = failed else { return };
            // Why the one before stopped does not concern this one.
            failed.mark_unchanged();
            let reason = failure(&mut failed).await;
            end.report(reason).await;
        }))
    }

    async fn close(_: Self::Running) {}

    async fn discard((): ()) {}
}

/// Waits until the output says why its device stopped.
async fn failure(failed: &mut watch::Receiver<Option<confab_media::Error>>) -> UserError {
    while failed.changed().await.is_ok() {
        if let Some(error) = failed.borrow_and_update().clone() {
            return user_error(error);
        }
    }
    std::future::pending().await
}

/// The speaker to play on, the selected one or the next best; and the sink to open for it.
fn best(list: &DeviceList, selected: Option<&str>) -> (Option<Device>, AudioSink) {
    let device = confab_media::choose_device(list, DeviceKind::Speaker, selected).cloned();
    let name = preferred::name(device.as_ref(), selected);
    (device, AudioSink::Speaker(name))
}

/// See the module.
pub struct Speaker {
    slot: DeviceSlot<SpeakerDriver>,
    /// What the person is to know of the device that was opened first.
    notices: Vec<UserError>,
}

impl Speaker {
    /// Starts the mix, and opens the speaker of `sink` or the next best; returns when that works or does not. What it plays is
    /// the far end of the microphone beside it.
    pub async fn open(sink: AudioSink, far_end: &FarEnd) -> Self {
        let output = AudioOutput::start_with_far_end(AudioSink::None, far_end).await;
        let output = output.inspect_err(|error| tracing::error!(%error, "the others are not heard")).ok().map(Arc::new);
        let follows = matches!(sink, AudioSink::Speaker(_));
        let config = SlotConfig { kind: DeviceKind::Speaker, follows, refusal: None, shortest_life: Duration::ZERO };
        let selected = sink.device().map(str::to_owned);
        let devices = WatchedDevices::start(follows);
        let slot = DeviceSlot::new(config, selected, devices, SpeakerDriver { sink, output });
        let mut speaker = Self { slot, notices: Vec::new() };
        speaker.slot.need();
        while speaker.state() == DeviceState::Starting {
            let event = speaker.slot.next().await;
            speaker.notices.extend(speaker.slot.handle(event));
        }
        speaker
    }

    /// Its state.
    pub fn state(&self) -> DeviceState {
        self.slot.state()
    }

    /// What the person is to know of the device that was opened first, once.
    pub fn first_notices(&mut self) -> Vec<UserError> {
        std::mem::take(&mut self.notices)
    }

    /// Changes to another device.
    pub fn select(&mut self, selected: Option<String>, effects: &mut Effects) {
        let before = self.state();
        self.slot.select(selected);
        self.show(&before, effects);
    }

    /// A place in the mix.
    pub fn add_peer(&self) -> Option<PeerAudio> {
        self.slot.driver().output.as_ref().map(|output| output.add_peer())
    }

    /// Plays a short sound, as one more voice of the mix, which is the far end of the microphone; answers when it has ended.
    pub fn play_test_sound(&self, answer: oneshot::Sender<Result<(), UserError>>) {
        // A caller that stopped waiting for the answer is no error.
        match (self.state(), self.add_peer()) {
            (DeviceState::Failed { error }, _) => drop(answer.send(Err(error))),
            (_, None) => drop(answer.send(Err(ErrorCode::SpeakerMissing.into()))),
            (_, Some(place)) => {
                let sound = confab_media::play_test_sound_into(place);
                tokio::spawn(async move { answer.send(sound.await.map_err(user_error)) });
            }
        }
    }

    /// What happens next by itself. Safe to drop before it is done.
    pub async fn next(&mut self) -> SpeakerEvent {
        self.slot.next().await
    }

    /// Takes an event of the slot.
    pub fn handle(&mut self, event: SpeakerEvent, effects: &mut Effects) {
        let before = self.state();
        let notice = self.slot.handle(event);
        self.show(&before, effects);
        effects.device_notices(notice);
    }

    fn show(&self, before: &DeviceState, effects: &mut Effects) {
        if self.state() != *before {
            effects.push(Effect::Me);
        }
    }

    /// Ends the mix and releases the speaker, and returns when that is done.
    pub async fn close(&mut self) {
        self.slot.close().await;
        // Nothing is being opened any more that would use it.
        if let Some(output) = self.slot.driver_mut().output.take().and_then(Arc::into_inner) {
            output.stop().await;
        }
    }
}

/// Plays a short sound on `sink`, or on the next best speaker, and returns when it has ended. Fails as opening it does.
pub async fn play_test_sound(sink: AudioSink) -> Result<(), UserError> {
    let sink = match sink {
        AudioSink::None => sink,
        AudioSink::Speaker(selected) => best(&WatchedDevices::start(true).known().await, selected.as_deref()).1,
    };
    confab_media::play_test_sound(sink).await.map_err(user_error)
}
