//! The handle of a call.

use crate::command::CallCommand;
use crate::own::devices::{DeviceSelection, Rehearsed};
use crate::own::preview::PreviewSwitch;
use crate::remote::track::ReceivedPictureStats;
use crate::track_frame::TrackFrame;
use confab_ipc::{CallState, CallView, ErrorCode, UserError, frame::SELF_TRACK};
use confab_media::{AudioSource, VideoSource};
use confab_wire::{layers::RenderedSize, media::Processing};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// A call one is in. Clones are handles of the same call; it ends with [`leave`](Call::leave) or when the
/// last handle is gone.
#[derive(Debug, Clone)]
pub struct Call {
    commands: mpsc::Sender<CallCommand>,
    frames: broadcast::Sender<TrackFrame>,
    preview: PreviewSwitch,
    processing: watch::Sender<Processing>,
}

impl Call {
    /// A handle of the task that takes these commands.
    pub(crate) fn new(
        commands: mpsc::Sender<CallCommand>,
        frames: broadcast::Sender<TrackFrame>,
        preview: PreviewSwitch,
        processing: watch::Sender<Processing>,
    ) -> Self {
        Self { commands, frames, preview, processing }
    }

    /// What the window shows of the call; `None` if it ended.
    pub async fn view(&self) -> Option<CallView> {
        self.ask(CallCommand::View).await
    }

    /// Where the call stands.
    pub async fn state(&self) -> CallState {
        self.ask(CallCommand::State).await.unwrap_or(CallState::Idle)
    }

    /// Mutes or unmutes. The outcome arrives as `me`; unmuting tries a failed microphone again.
    pub async fn set_mic(&self, on: bool) {
        self.ask(|done| CallCommand::SetMic(on, done)).await;
    }

    /// Changes what is done to the microphone's sound, at once and without a gap.
    pub fn set_processing(&self, processing: Processing) {
        self.processing.send_replace(processing);
    }

    /// Turns the camera on or off; off releases the device. The outcome arrives as `me`.
    pub async fn set_camera(&self, on: bool) {
        self.ask(|done| CallCommand::SetCamera(on, done)).await;
    }

    /// Changes to other devices while the call goes on: each plays or captures until its successor does. A source that is no
    /// device stays. What is selected and not there is replaced by the next best, until it is plugged in.
    pub async fn set_devices(&self, selection: DeviceSelection) {
        self.ask(|done| CallCommand::SetDevices(selection, done)).await;
    }

    /// Tries devices without sending anything, beside what the others hear and see: a muted microphone for its level, a
    /// camera that is off for its picture among [`frames`](Self::frames). How they do arrives as `rehearsal`.
    pub async fn rehearse(&self, tried: Rehearsed) {
        self.ask(|done| CallCommand::Rehearse(tried, done)).await;
    }

    /// Plays a short sound on the call's speaker and returns when it has ended; the echo canceller knows of it as of all that
    /// the call plays. Errors: that of the speaker if it does not work, [`ErrorCode::NotInCall`].
    pub async fn play_test_sound(&self) -> Result<(), UserError> {
        self.ask(CallCommand::PlayTestSound).await.unwrap_or_else(|| Err(ErrorCode::NotInCall.into()))
    }

    /// Shares a screen, a window or whatever else gives pictures, as a stream beside the camera and in place of what was
    /// shared before. `sound` goes along, [`AudioSource::System`] as a rule; without it the picture is shared nevertheless,
    /// and a notice says why. Returns when it is open: where the system asks a person what to share, when they have chosen.
    /// Errors are those of the source: [`ErrorCode::ScreenMissing`], [`ErrorCode::ShareCancelled`] if the person chose
    /// nothing, and others.
    pub async fn start_share(&self, source: VideoSource, sound: AudioSource) -> Result<(), UserError> {
        let opened = self.ask(|answer| CallCommand::StartShare(source, sound, answer)).await;
        opened.unwrap_or_else(|| Err(ErrorCode::NotInCall.into()))
    }

    /// Stops sharing; without a share it changes nothing.
    pub async fn stop_share(&self) {
        self.ask(CallCommand::StopShare).await;
    }

    /// Changes how loud one hears a participant, in percent: 100 as they send, at most
    /// [`MAX_VOLUME`](confab_ipc::MAX_VOLUME). All they send, and all they will send in this call, also after
    /// they were away. Errors: [`ErrorCode::BadVolume`], [`ErrorCode::ParticipantGone`], [`ErrorCode::NotInCall`].
    pub async fn set_peer_volume(&self, id: String, volume: u16) -> Result<(), UserError> {
        self.ask(|done| CallCommand::SetPeerVolume(id, volume, done)).await.ok_or(ErrorCode::NotInCall)?
    }

    /// Mutes a participant for oneself, or not any more; kept as the volume is. Errors: [`ErrorCode::ParticipantGone`],
    /// [`ErrorCode::NotInCall`].
    pub async fn set_muted_for_me(&self, id: String, muted: bool) -> Result<(), UserError> {
        self.ask(|done| CallCommand::SetMutedForMe(id, muted, done)).await.ok_or(ErrorCode::NotInCall)?
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
        let _ = self.commands.try_send(CallCommand::KeyFrame(handle));
    }

    /// Says at which size the window draws the picture of `handle`, so that no more than that is sent. Until it says so,
    /// and to a peer whose program is not ours, everything is.
    pub fn set_rendered_size(&self, handle: u32, size: RenderedSize) {
        if handle == SELF_TRACK {
            self.preview.set_rendered_size(size);
        } else if self.commands.try_send(CallCommand::RenderedSize(handle, size)).is_err() {
            tracing::warn!(handle, "the size of a picture is not reported: the call is too busy");
        }
    }

    /// Statistics of the received pictures since the last call of this; empty unless `config.decode`.
    pub async fn received_picture_stats(&self) -> Vec<ReceivedPictureStats> {
        self.ask(CallCommand::PictureStats).await.unwrap_or_default()
    }

    /// Leaves. Returns when the devices are released; goodbyes are sent to the others beside it, in three seconds at
    /// most, after which the events of the call end.
    pub async fn leave(&self) {
        self.ask(CallCommand::Leave).await;
    }

    /// Sends a command to a feature; `None` if the call ended.
    pub(crate) async fn feature<T, C: Send + 'static>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> C,
    ) -> Option<T> {
        self.ask(|done| CallCommand::Feature(Box::new(command(done)))).await
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> CallCommand) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.commands.send(command(done)).await.ok()?;
        answer.await.ok()
    }
}
