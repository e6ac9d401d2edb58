//! Own devices: which there are, how they do.

use crate::error::UserError;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// State of an own device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum DeviceState {
    /// Off by choice; the device is released.
    Off,
    /// Being opened.
    Starting,
    /// Working.
    On,
    /// Wanted, but there is none or it does not work.
    Failed {
        /// What happened and what to do.
        error: UserError,
    },
}

/// Kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// Hears.
    Microphone,
    /// Plays.
    Speaker,
    /// Sees.
    Camera,
}

/// A device that one can choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Device {
    /// What the system knows it by; the same after it was unplugged and plugged in again.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// The devices there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DeviceList {
    /// Microphones.
    pub microphones: Vec<Device>,
    /// Speakers and headphones.
    pub speakers: Vec<Device>,
    /// Cameras.
    pub cameras: Vec<Device>,
    /// Id of the microphone that the system prefers; null if there is none.
    pub default_microphone: Option<String>,
    /// Id of the speaker that the system prefers; null if there is none.
    pub default_speaker: Option<String>,
    /// Id of the camera that is taken if none is chosen; null if there is none.
    pub default_camera: Option<String>,
}

/// How the devices do that one tries without sending anything: in the lobby, and in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RehearsalView {
    /// Microphone; its level comes in [`crate::UiEvent::Levels`] under the id `self`.
    pub microphone: DeviceState,
    /// Camera; its picture comes as [`crate::frame::SELF_TRACK`].
    pub camera: DeviceState,
}
