//! The commands of the app's task, as its handle sends them.

use super::join::JoinOptions;
use super::subscribers::Listener;
use crate::settings::Save;
use confab_call::{AudioSink, DeviceLists, DeviceSelection, Rehearsal};
use confab_ipc::{Settings, Snapshot, UiEvent, UserError};
use confab_wire::{media::Decoders, room::RoomLink};
use tokio::sync::oneshot;

/// Where the answer to a command goes. A receiver that is gone is no error: `send` is not checked.
pub type Answer<T> = oneshot::Sender<T>;

/// Settings that took effect.
#[derive(Debug)]
pub struct Saved {
    /// As they are now.
    pub settings: Settings,
    /// The devices that follow from them.
    pub selection: DeviceSelection,
    /// Their way to the disk.
    pub save: Save,
}

/// One command.
pub enum Command {
    Subscribe(String, Decoders, Listener, Answer<Snapshot>),
    Start(String, JoinOptions, Answer<Result<(), UserError>>),
    Join(RoomLink, String, JoinOptions, Answer<Result<(), UserError>>),
    Leave(Answer<()>),
    Settings(Answer<Settings>),
    SaveSettings(Settings, Answer<Result<Saved, UserError>>),
    /// The rehearsal outside of a call: started if wished; none in a call.
    Rehearsal(bool, Answer<Option<Rehearsal>>),
    StopRehearsal(Answer<Option<Rehearsal>>),
    Speaker(Answer<AudioSink>),
    WatchDevices(DeviceLists),
    Emit(Box<UiEvent>),
    WindowLost(String),
    Close(Answer<()>),
}
