//! The own microphone: its slot, and how a microphone is opened and sent.

use crate::errors::user_error;
use crate::own::device::capture::RunningCapture;
use crate::own::device::machine::SlotConfig;
use crate::own::device::preferred;
use crate::own::device::request::{Found, OpenRequest};
use crate::own::device::slot::{DeviceDriver, DeviceEnd, DeviceSlot, Opened, SlotEvent};
use crate::own::device::watched::WatchedDevices;
use crate::own::send::carry_sound;
use confab_ipc::{DeviceState, ErrorCode, UserError};
use confab_media::{AudioCapture, AudioSource, DeviceKind, MicrophoneProcessing};
use confab_rtcio::{LocalTrack, RtcioStream};
use confab_wire::media::AudioPacket;
use std::time::Duration;
use tokio::sync::mpsc;

/// A microphone that ends this soon is broken.
const SHORTEST_LIFE: Duration = Duration::from_secs(2);

/// An open microphone and its packets.
pub type OpenedMicrophone = (AudioCapture, mpsc::Receiver<AudioPacket>);

/// What happens to the microphone by itself.
pub type MicrophoneEvent = SlotEvent<OpenedMicrophone>;

/// How a microphone is opened, and where its sound goes.
pub struct MicrophoneDriver {
    source: AudioSource,
    microphone_processing: MicrophoneProcessing,
    stream: RtcioStream,
    /// In the stream once there was sound: another microphone goes on in it, without a negotiation.
    track: Option<LocalTrack>,
    muted: bool,
}

impl DeviceDriver for MicrophoneDriver {
    type Opened = OpenedMicrophone;
    type Running = RunningCapture<AudioCapture>;

    fn open(
        &mut self,
        request: OpenRequest,
        devices: WatchedDevices,
    ) -> impl Future<Output = Opened<OpenedMicrophone>> + Send + 'static {
        let (source, microphone_processing) = (self.source.clone(), self.microphone_processing.clone());
        async move {
            let (found, source) = match source {
                AudioSource::Mic(_) => {
                    let list = if request.refresh { devices.look_for_sound().await } else { devices.known().await };
                    let selected = request.selected.as_deref();
                    let device = confab_media::choose_device(&list, DeviceKind::Microphone, selected).cloned();
                    let name = preferred::name(device.as_ref(), selected);
                    (Found { device, list }, AudioSource::Mic(name))
                }
                source => (Found::default(), source),
            };
            Ok((found, AudioCapture::start_processed(source, microphone_processing).await.map_err(user_error)?))
        }
    }

    fn run(&mut self, (capture, packets): OpenedMicrophone, end: DeviceEnd) -> Self::Running {
        capture.set_muted(self.muted);
        let track = self.track.get_or_insert_with(LocalTrack::audio).clone();
        self.stream.add_track(&track);
        let task = carry_sound(&capture, packets, track, |reason| end.report(reason));
        RunningCapture::new(capture, task)
    }

    fn close(running: Self::Running) -> impl Future<Output = ()> + Send + 'static {
        running.stop()
    }

    fn discard((capture, _): OpenedMicrophone) -> impl Future<Output = ()> + Send + 'static {
        capture.stop()
    }
}

/// See the module.
pub struct Microphone {
    slot: DeviceSlot<MicrophoneDriver>,
    /// The others are to hear it.
    on: bool,
    /// It is tried without being sent.
    tried: bool,
    /// It is one of a call: muted, it stays open, to say when somebody speaks into it.
    stays: bool,
}

impl Microphone {
    /// Nothing is opened yet. Its sound goes into `stream`.
    pub fn new(
        source: AudioSource,
        microphone_processing: MicrophoneProcessing,
        stream: RtcioStream,
        devices: WatchedDevices,
    ) -> Self {
        let config = SlotConfig {
            kind: DeviceKind::Microphone,
            follows: matches!(source, AudioSource::Mic(_)),
            refusal: (source == AudioSource::None).then(|| ErrorCode::MicrophoneMissing.into()),
            shortest_life: SHORTEST_LIFE,
        };
        let selected = source.device().map(str::to_owned);
        let driver = MicrophoneDriver { source, microphone_processing, stream, track: None, muted: true };
        let slot = DeviceSlot::new(config, selected, devices, driver);
        Self { slot, on: false, tried: false, stays: false }
    }

    /// Its state for the call.
    pub fn state(&self) -> DeviceState {
        if self.on { self.slot.state() } else { DeviceState::Off }
    }

    /// Its state for who tries it.
    pub fn tried_state(&self) -> DeviceState {
        if self.tried { self.slot.state() } else { DeviceState::Off }
    }

    /// Its level, muted or not: RMS, 0 to 1.
    pub fn level(&self) -> f32 {
        self.slot.running().map_or(0.0, |running| running.capture().level())
    }

    /// True while somebody speaks into it, muted or not.
    pub fn voice_active(&self) -> bool {
        self.slot.running().is_some_and(|running| running.capture().voice_active())
    }

    /// Mutes at once, or unmutes. Opens the microphone if it is not open: who is muted is to know when they speak.
    pub fn set_on(&mut self, on: bool) {
        self.on = on;
        self.stays = true;
        self.slot.driver_mut().muted = !on;
        match self.slot.running() {
            Some(running) => running.capture().set_muted(!on),
            None => self.slot.need(),
        }
    }

    /// Tries it for its level, without sending it, or does so no more.
    pub fn set_tried(&mut self, tried: bool) {
        self.tried = tried;
        if tried {
            self.slot.need();
        } else if !self.stays && !self.on {
            self.slot.release();
        }
    }

    /// Changes to another device.
    pub fn select(&mut self, selected: Option<String>) {
        self.slot.select(selected);
    }

    /// What happens next by itself. Safe to drop before it is done.
    pub async fn next(&mut self) -> MicrophoneEvent {
        self.slot.next().await
    }

    /// Takes an event of the slot. Returns what to notify the person of.
    pub fn handle(&mut self, event: MicrophoneEvent) -> Option<UserError> {
        self.slot.handle(event)
    }

    /// Releases it, also while it is being opened, and returns when that is done.
    pub async fn close(&mut self) {
        self.slot.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_media::FarEnd;
    use confab_wire::media::Processing;
    use tokio::sync::watch;

    fn microphone() -> Microphone {
        let processing = watch::Sender::new(Processing::default()).subscribe();
        let microphone_processing = MicrophoneProcessing { processing, far_end: FarEnd::default() };
        let devices = WatchedDevices::start(false);
        Microphone::new(AudioSource::Tone(440.0), microphone_processing, RtcioStream::new(), devices)
    }

    #[tokio::test]
    async fn a_microphone_that_is_tried_no_more_while_it_opens_is_waited_for() {
        let mut microphone = microphone();
        microphone.set_tried(true);
        let event = microphone.next().await;
        let SlotEvent::Opened(Ok((_, (capture, _)))) = &event else { panic!("it does not open") };
        let ended = capture.failed();
        microphone.set_tried(false);
        assert!(microphone.handle(event).is_none());
        microphone.close().await;
        // Its thread had the other end.
        assert!(ended.has_changed().is_err());
    }

    #[tokio::test]
    async fn a_mute_reaches_the_microphone_at_once_and_it_stays_open() {
        let mut microphone = microphone();
        microphone.set_on(true);
        let event = microphone.next().await;
        microphone.handle(event);
        assert_eq!(microphone.state(), DeviceState::On);
        microphone.set_on(false);
        assert_eq!(microphone.state(), DeviceState::Off);
        assert!(microphone.slot.running().is_some_and(|running| running.capture().is_muted()));
        microphone.close().await;
    }
}
