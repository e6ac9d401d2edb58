//! What the handle of a call asks of its task. None of it waits for a peer, the server, a device or the reader of the events.

use crate::own::devices::{DeviceSelection, Rehearsed};
use crate::own::share::sharing::ShareAnswer;
use crate::remote::track::ReceivedPictureStats;
use confab_ipc::{CallState, CallView, UserError};
use confab_media::{AudioSource, VideoSource};
use confab_wire::layers::RenderedSize;
use std::any::Any;
use tokio::sync::oneshot;

/// A command of one feature, which knows its type.
pub type FeatureCommand = Box<dyn Any + Send>;

/// See the module.
#[derive(Debug)]
pub enum CallCommand {
    View(oneshot::Sender<CallView>),
    State(oneshot::Sender<CallState>),
    SetMic(bool, oneshot::Sender<()>),
    SetCamera(bool, oneshot::Sender<()>),
    SetDevices(DeviceSelection, oneshot::Sender<()>),
    Rehearse(Rehearsed, oneshot::Sender<()>),
    PlayTestSound(oneshot::Sender<Result<(), UserError>>),
    StartShare(VideoSource, AudioSource, ShareAnswer),
    StopShare(oneshot::Sender<()>),
    SetPeerVolume(String, u16, oneshot::Sender<Result<(), UserError>>),
    SetMutedForMe(String, bool, oneshot::Sender<Result<(), UserError>>),
    PictureStats(oneshot::Sender<Vec<ReceivedPictureStats>>),
    KeyFrame(u32),
    RenderedSize(u32, RenderedSize),
    Feature(FeatureCommand),
    Leave(oneshot::Sender<()>),
}
