//! Devices that are tried outside of a call: the lobby's, and those of the settings. The same devices as in a call, in a
//! stream that nobody gets.

use crate::effect::{Effect, Effects};
use crate::own::camera::OwnWindow;
use crate::own::devices::{DeviceSelection, OwnDevices, OwnSources, Rehearsed};
use crate::own::preview::PreviewSwitch;
use crate::report::event_queue::{CallEvents, EventQueue, event_queue};
use crate::report::levels::{LEVELS_INTERVAL, OWN_LEVEL};
use crate::track_frame::{FRAMES, TrackFrame};
use confab_ipc::{UiEvent, frame::SELF_TRACK};
use confab_media::{AudioSource, FarEnd, MicrophoneProcessing, VideoConfig, VideoSource};
use confab_wire::{layers::RenderedSize, media::Processing};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

/// Commands that wait for the rehearsal's task.
const COMMANDS: usize = 16;

enum RehearsalCommand {
    Try(Rehearsed, oneshot::Sender<()>),
    SetDevices(DeviceSelection, oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

/// A rehearsal. Clones are handles of the same one; it ends with [`stop`](Self::stop) or when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    commands: mpsc::Sender<RehearsalCommand>,
    frames: broadcast::Sender<TrackFrame>,
    preview: PreviewSwitch,
    processing: watch::Sender<Processing>,
}

impl Rehearsal {
    /// A rehearsal of these sources in which nothing is tried yet. Its events are `rehearsal`, `levels` and `notice`.
    pub fn start(audio: AudioSource, video: VideoSource, processing: Processing) -> (Self, CallEvents) {
        let (commands, command_rx) = mpsc::channel(COMMANDS);
        let (events, receiver) = event_queue();
        let (frames, _) = broadcast::channel(FRAMES);
        let preview = PreviewSwitch::default();
        let processing = watch::Sender::new(processing);
        let microphone_processing =
            MicrophoneProcessing { processing: processing.subscribe(), far_end: FarEnd::default() };
        let sources = OwnSources { audio, video, video_config: VideoConfig::default() };
        let window = OwnWindow { preview: preview.clone(), frames: frames.clone() };
        let devices = OwnDevices::new(sources, microphone_processing, window);
        tokio::spawn(RehearsalTask { devices, events }.run(command_rx));
        (Self { commands, frames, preview, processing }, receiver)
    }

    /// Changes what is tried. How it does arrives as `rehearsal`.
    pub async fn rehearse(&self, tried: Rehearsed) {
        self.ask(|done| RehearsalCommand::Try(tried, done)).await;
    }

    /// As [`Call::set_devices`](crate::Call::set_devices).
    pub async fn set_devices(&self, selection: DeviceSelection) {
        self.ask(|done| RehearsalCommand::SetDevices(selection, done)).await;
    }

    /// As [`Call::set_processing`](crate::Call::set_processing).
    pub fn set_processing(&self, processing: Processing) {
        self.processing.send_replace(processing);
    }

    /// Ends it; the devices are free when this returns.
    pub async fn stop(&self) {
        self.ask(RehearsalCommand::Stop).await;
    }

    /// Frames of the camera from now on, under [`SELF_TRACK`]; as [`Call::frames`](crate::Call::frames).
    pub fn frames(&self) -> broadcast::Receiver<TrackFrame> {
        let frames = self.frames.subscribe();
        self.preview.request_key_frame();
        frames
    }

    /// As [`Call::request_key_frame`](crate::Call::request_key_frame).
    pub fn request_key_frame(&self, handle: u32) {
        if handle == SELF_TRACK {
            self.preview.request_key_frame();
        }
    }

    /// As [`Call::set_rendered_size`](crate::Call::set_rendered_size).
    pub fn set_rendered_size(&self, handle: u32, drawn: RenderedSize) {
        if handle == SELF_TRACK {
            self.preview.set_rendered_size(drawn);
        }
    }

    async fn ask(&self, command: impl FnOnce(oneshot::Sender<()>) -> RehearsalCommand) {
        let (done, answer) = oneshot::channel();
        // One that has ended tries nothing any more.
        if self.commands.send(command(done)).await.is_ok() {
            let _ = answer.await;
        }
    }
}

struct RehearsalTask {
    devices: OwnDevices,
    events: EventQueue,
}

impl RehearsalTask {
    async fn run(mut self, mut commands: mpsc::Receiver<RehearsalCommand>) {
        let mut levels = interval(LEVELS_INTERVAL);
        levels.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let stopped = loop {
            let mut effects = Effects::default();
            let mut done = None;
            tokio::select! {
                command = commands.recv() => match command {
                    None => break None,
                    Some(RehearsalCommand::Stop(done)) => break Some(done),
                    Some(RehearsalCommand::Try(tried, answer)) => {
                        self.devices.rehearse(tried, &mut effects);
                        done = Some(answer);
                    }
                    Some(RehearsalCommand::SetDevices(selection, answer)) => {
                        self.devices.select(&selection, &mut effects);
                        done = Some(answer);
                    }
                },
                event = self.devices.next() => {
                    if let Some(error) = self.devices.handle(event, &mut effects) {
                        effects.notice(false, error);
                    }
                }
                _ = levels.tick() => {
                    let levels = vec![(OWN_LEVEL.to_owned(), self.devices.microphone_level())];
                    effects.event(UiEvent::Levels { levels });
                }
                () = self.events.deliver() => {}
            }
            for effect in effects {
                // There are no peers, and oneself is not shown.
                if let Effect::Event(event) = effect {
                    self.events.push(*event);
                }
            }
            if let Some(done) = done {
                let _ = done.send(());
            }
        };
        self.devices.close().await;
        if let Some(done) = stopped {
            let _ = done.send(());
        }
        self.events.finish().await;
    }
}
