//! Devices that are tried outside of a call: the lobby's, and those of the settings. The same devices as in a call, in a
//! stream that nobody gets.

use crate::call::{CallEvents, EVENTS, FRAMES, Rehearsed, TrackFrame};
use crate::own::device::preferred::DeviceChoice;
use crate::own::device::watched::Listing;
use crate::own::devices::Devices;
use crate::own::preview::PreviewSwitch;
use crate::own::send::DeviceEvent;
use crate::own::speaker;
use crate::report::reports::LEVELS;
use crate::{AudioSink, AudioSource, VideoConfig, VideoSource};
use confab_ipc::{Notice, UiEvent, UserError, frame::SELF_TRACK};
use confab_media::{FarEnd, Voice};
use confab_wire::{ctrl::Drawn, media::Processing};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

/// Commands that wait for the rehearsal's task.
const COMMANDS: usize = 16;

enum Command {
    Try(Rehearsed, oneshot::Sender<()>),
    SetDevices(DeviceChoice, oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

/// A rehearsal. Clones are handles of the same one; it ends with [`stop`](Self::stop) or when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    commands: mpsc::Sender<Command>,
    frames: broadcast::Sender<TrackFrame>,
    preview: PreviewSwitch,
    processing: watch::Sender<Processing>,
}

impl Rehearsal {
    /// A rehearsal of these sources in which nothing is tried yet. Its events are `rehearsal`, `levels` and `notice`.
    pub fn start(audio: AudioSource, video: VideoSource, processing: Processing) -> (Self, CallEvents) {
        let (commands, command_rx) = mpsc::channel(COMMANDS);
        let (events, receiver) = mpsc::channel(EVENTS);
        let (frames, _) = broadcast::channel(FRAMES);
        let (told_tx, told) = mpsc::channel(4);
        let preview = PreviewSwitch::default();
        let processing = watch::Sender::new(processing);
        let voice = Voice { processing: processing.subscribe(), far_end: FarEnd::default() };
        let sources = (audio, video, VideoConfig::default());
        let devices = Devices::new(sources, voice, preview.clone(), frames.clone(), told_tx);
        tokio::spawn(Task { devices, told, events }.run(command_rx));
        (Self { commands, frames, preview, processing }, CallEvents::new(receiver))
    }

    /// Changes what is tried. How it does arrives as `rehearsal`.
    pub async fn rehearse(&self, tried: Rehearsed) {
        self.ask(|done| Command::Try(tried, done)).await;
    }

    /// As [`Call::set_devices`](crate::Call::set_devices).
    pub async fn set_devices(&self, choice: DeviceChoice) {
        self.ask(|done| Command::SetDevices(choice, done)).await;
    }

    /// As [`Call::set_processing`](crate::Call::set_processing).
    pub fn set_processing(&self, processing: Processing) {
        self.processing.send_replace(processing);
    }

    /// Ends it; the devices are free when this returns.
    pub async fn stop(&self) {
        self.ask(Command::Stop).await;
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

    /// As [`Call::set_drawn`](crate::Call::set_drawn).
    pub fn set_drawn(&self, handle: u32, drawn: Drawn) {
        if handle == SELF_TRACK {
            self.preview.set_drawn(drawn);
        }
    }

    async fn ask(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        let (done, answer) = oneshot::channel();
        // One that has ended tries nothing any more.
        if self.commands.send(command(done)).await.is_ok() {
            let _ = answer.await;
        }
    }
}

struct Task {
    devices: Devices,
    told: mpsc::Receiver<DeviceEvent>,
    events: mpsc::Sender<UiEvent>,
}

impl Task {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut levels = interval(LEVELS);
        levels.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let stopped = loop {
            let before = self.devices.rehearsal();
            let told = tokio::select! {
                command = commands.recv() => match command {
                    None => break None,
                    Some(Command::Stop(done)) => break Some(done),
                    Some(Command::Try(tried, done)) => {
                        self.devices.rehearse(tried);
                        let _ = done.send(());
                        Vec::new()
                    }
                    Some(Command::SetDevices(choice, done)) => {
                        self.devices.choose(&choice);
                        let _ = done.send(());
                        Vec::new()
                    }
                },
                happened = self.devices.next() => self.devices.take(happened),
                Some(event) = self.told.recv() => self.devices.told(event).into_iter().collect(),
                _ = levels.tick() => {
                    // The next levels come soon.
                    let levels = vec![("self".to_owned(), self.devices.mic_level())];
                    let _ = self.events.try_send(UiEvent::Levels { levels });
                    Vec::new()
                }
            };
            let rehearsal = self.devices.rehearsal();
            if rehearsal != before {
                self.tell(UiEvent::Rehearsal { rehearsal }).await;
            }
            for error in told {
                self.tell(UiEvent::Notice { notice: Notice { urgent: false, error } }).await;
            }
        };
        self.devices.close().await;
        if let Some(done) = stopped {
            let _ = done.send(());
        }
    }

    async fn tell(&self, event: UiEvent) {
        // Nobody listens any more: it is about to end.
        let _ = self.events.send(event).await;
    }
}

/// Plays a short sound on `sink`, or on the next best speaker, and returns when it has ended. Fails as opening it does.
pub async fn play_test_sound(sink: AudioSink) -> Result<(), UserError> {
    let list = Listing::start(matches!(sink, AudioSink::Speaker(_))).known().await;
    let (_, sink) = speaker::best(&list, &sink);
    confab_media::play_chime(sink).await
}
