//! The handle of a call.

use crate::own::preview::PreviewSwitch;
use crate::own::share::sharing::Answer;
use crate::own::speaker;
use crate::remote::track::Probe;
use crate::room::session::Session;
use crate::task::Actor;
use crate::{AudioSource, CallConfig, DeviceChoice, VideoSource};
use confab_ipc::{CallState, CallView, ErrorCode, UiEvent, UserError, frame::SELF_TRACK};
use confab_media::{FarEnd, Voice};
use confab_wire::{
    call::is_chat_text,
    ctrl::Drawn,
    media::{EncodedFrame, Processing},
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Commands that wait for the call's task.
const COMMANDS: usize = 64;
/// Events that wait for their reader. Levels and statistics are dropped when it is full, everything else waits.
pub(crate) const EVENTS: usize = 1024;
/// Encoded frames that wait for a reader of [`Call::frames`]; a reader that lags loses the oldest.
pub(crate) const FRAMES: usize = 256;

/// An encoded frame of one track, for a window that decodes and draws it.
#[derive(Debug, Clone)]
pub struct TrackFrame {
    /// The track's handle; [`SELF_TRACK`](confab_ipc::frame::SELF_TRACK) is the own preview.
    pub handle: u32,
    /// The frame.
    pub frame: EncodedFrame,
}

/// Devices that are tried without being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rehearsed {
    /// For its level.
    pub microphone: bool,
    /// For its picture.
    pub camera: bool,
}

/// What the handle asks of the call's task.
#[derive(Debug)]
pub(crate) enum Command {
    View(oneshot::Sender<CallView>),
    State(oneshot::Sender<CallState>),
    SetMic(bool, oneshot::Sender<()>),
    SetCamera(bool, oneshot::Sender<()>),
    SetDevices(DeviceChoice, oneshot::Sender<()>),
    Rehearse(Rehearsed, oneshot::Sender<()>),
    PlayTestSound(Answer),
    StartShare(VideoSource, AudioSource, Answer),
    StopShare(oneshot::Sender<()>),
    SendChat(String, oneshot::Sender<()>),
    SetPeerVolume(String, u16, oneshot::Sender<Result<(), UserError>>),
    SetMutedForMe(String, bool, oneshot::Sender<Result<(), UserError>>),
    Probes(oneshot::Sender<Vec<Probe>>),
    KeyFrame(u32),
    Drawn(u32, Drawn),
    Leave(oneshot::Sender<()>),
}

/// A call one is in. Clones are handles of the same call; it ends with [`leave`](Call::leave) or when the
/// last handle is gone.
#[derive(Debug, Clone)]
pub struct Call {
    commands: mpsc::Sender<Command>,
    frames: broadcast::Sender<TrackFrame>,
    preview: PreviewSwitch,
    processing: watch::Sender<Processing>,
}

/// The events of a call or a rehearsal, in order.
#[derive(Debug)]
pub struct CallEvents {
    events: mpsc::Receiver<UiEvent>,
}

impl CallEvents {
    pub(crate) fn new(events: mpsc::Receiver<UiEvent>) -> Self {
        Self { events }
    }

    /// The next event; `None` after the call ended (its last event is `call-state` `idle`).
    pub async fn recv(&mut self) -> Option<UiEvent> {
        self.events.recv().await
    }
}

impl Call {
    /// Joins the room of `config.link` and opens the devices. A device that fails is a state in the view, not an error
    /// here; the errors are those of reaching the server and the room.
    pub async fn join(config: CallConfig) -> Result<(Call, CallEvents), UserError> {
        config.check()?;
        let far_end = FarEnd::default();
        let (session, output) = tokio::join!(Session::open(&config), speaker::open(&config.speaker, &far_end));
        let session = session?;
        let (commands, command_rx) = mpsc::channel(COMMANDS);
        let (event_tx, events) = mpsc::channel(EVENTS);
        let (frames, _) = broadcast::channel(FRAMES);
        let preview = PreviewSwitch::default();
        let processing = watch::Sender::new(config.processing);
        let voice = Voice { processing: processing.subscribe(), far_end };
        let actor = Actor::new(config, session, output, voice, event_tx, frames.clone(), preview.clone()).await;
        tokio::spawn(actor.run(command_rx));
        Ok((Call { commands, frames, preview, processing }, CallEvents::new(events)))
    }

    /// What the window shows of the call; `None` if it ended.
    pub async fn view(&self) -> Option<CallView> {
        self.ask(Command::View).await
    }

    /// Where the call stands.
    pub async fn state(&self) -> CallState {
        self.ask(Command::State).await.unwrap_or(CallState::Idle)
    }

    /// Mutes or unmutes. The outcome arrives as `me`; unmuting tries a failed microphone again.
    pub async fn set_mic(&self, on: bool) {
        self.ask(|done| Command::SetMic(on, done)).await;
    }

    /// Changes what is done to the microphone's sound, at once and without a gap.
    pub fn set_processing(&self, processing: Processing) {
        self.processing.send_replace(processing);
    }

    /// Turns the camera on or off; off releases the device. The outcome arrives as `me`.
    pub async fn set_camera(&self, on: bool) {
        self.ask(|done| Command::SetCamera(on, done)).await;
    }

    /// Changes to other devices while the call goes on: each plays or captures until its successor does. A source that is no
    /// device stays. What is chosen and not there is replaced by the next best, until it is plugged in.
    pub async fn set_devices(&self, choice: DeviceChoice) {
        self.ask(|done| Command::SetDevices(choice, done)).await;
    }

    /// Tries devices without sending anything, beside what the others hear and see: a muted microphone for its level, a
    /// camera that is off for its picture among [`frames`](Self::frames). How they do arrives as `rehearsal`.
    pub async fn rehearse(&self, tried: Rehearsed) {
        self.ask(|done| Command::Rehearse(tried, done)).await;
    }

    /// Plays a short sound on the call's speaker and returns when it has ended; the echo canceller knows of it as of all that
    /// the call plays. Errors: that of the speaker if it does not work, [`ErrorCode::NotInCall`].
    pub async fn play_test_sound(&self) -> Result<(), UserError> {
        self.ask(Command::PlayTestSound).await.unwrap_or_else(|| Err(ErrorCode::NotInCall.into()))
    }

    /// Shares a screen, a window or whatever else gives pictures, as a stream beside the camera and in place of what was
    /// shared before. `sound` goes along, [`AudioSource::System`] as a rule; without it the picture is shared nevertheless,
    /// and a notice says why. Returns when it is open: where the system asks a person what to share, when they have chosen.
    /// Errors are those of the source: [`ErrorCode::ScreenMissing`], [`ErrorCode::ShareCancelled`] if the person chose
    /// nothing, and others.
    pub async fn start_share(&self, source: VideoSource, sound: AudioSource) -> Result<(), UserError> {
        let opened = self.ask(|answer| Command::StartShare(source, sound, answer)).await;
        opened.unwrap_or_else(|| Err(ErrorCode::NotInCall.into()))
    }

    /// Stops sharing; without a share it changes nothing.
    pub async fn stop_share(&self) {
        self.ask(Command::StopShare).await;
    }

    /// Sends a chat message to everyone. Errors: [`ErrorCode::ChatText`], [`ErrorCode::NotInCall`].
    pub async fn send_chat(&self, text: String) -> Result<(), UserError> {
        if !is_chat_text(&text) {
            return Err(ErrorCode::ChatText.into());
        }
        self.ask(|done| Command::SendChat(text, done)).await.ok_or_else(|| ErrorCode::NotInCall.into())
    }

    /// Changes how loud one hears a participant, in percent: 100 as they send, at most
    /// [`MAX_VOLUME`](confab_ipc::MAX_VOLUME). All they send, and all they will send in this call, also after
    /// they were away. Errors: [`ErrorCode::BadVolume`], [`ErrorCode::ParticipantGone`], [`ErrorCode::NotInCall`].
    pub async fn set_peer_volume(&self, id: String, volume: u16) -> Result<(), UserError> {
        self.ask(|done| Command::SetPeerVolume(id, volume, done)).await.ok_or(ErrorCode::NotInCall)?
    }

    /// Mutes a participant for oneself, or not any more; kept as the volume is. Errors: [`ErrorCode::ParticipantGone`],
    /// [`ErrorCode::NotInCall`].
    pub async fn set_muted_for_me(&self, id: String, muted: bool) -> Result<(), UserError> {
        self.ask(|done| Command::SetMutedForMe(id, muted, done)).await.ok_or(ErrorCode::NotInCall)?
    }

    /// Encoded frames of all tracks from now on, own preview included, for a window to draw. Bounded: a slow reader
    /// sees `Lagged` and has to ask for key frames.
    pub fn frames(&self) -> broadcast::Receiver<TrackFrame> {
        let frames = self.frames.subscribe();
        self.preview.request_key_frame();
        frames
    }

    /// Asks the sender of `handle` for a key frame. Many requests in a short time are one.
    pub fn request_key_frame(&self, handle: u32) {
        // A full queue means that the call is busy; the decoder asks again.
        let _ = self.commands.try_send(Command::KeyFrame(handle));
    }

    /// Says at which size the window draws the picture of `handle`, so that no more than that is sent. Until it says so,
    /// and to a peer whose program is not ours, everything is.
    pub fn set_drawn(&self, handle: u32, drawn: Drawn) {
        if handle == SELF_TRACK {
            self.preview.set_drawn(drawn);
        } else if self.commands.try_send(Command::Drawn(handle, drawn)).is_err() {
            tracing::warn!(handle, "the size of a picture is not told: the call is too busy");
        }
    }

    /// What the backend saw in the received pictures since the last look; empty unless `config.decode`.
    pub async fn probes(&self) -> Vec<Probe> {
        self.ask(Command::Probes).await.unwrap_or_default()
    }

    /// Leaves: others notice at once, devices are released. Returns when that is done.
    pub async fn leave(&self) {
        self.ask(Command::Leave).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.commands.send(command(done)).await.ok()?;
        answer.await.ok()
    }
}
