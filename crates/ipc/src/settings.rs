//! What is remembered between two starts.

use confab_wire::media::Processing;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A room one was in before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RecentRoom {
    /// Its link.
    pub link: String,
    /// When one last joined, in milliseconds since 1970.
    #[ts(type = "number")]
    pub at: u64,
}

/// What is remembered between two starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Own display name.
    pub name: String,
    /// Server for calls one starts; null means the embedded one.
    pub server: Option<String>,
    /// Rooms one was in, newest first.
    pub recent: Vec<RecentRoom>,
    /// Id of the microphone; null follows the system's default.
    pub microphone: Option<String>,
    /// Id of the speaker; null follows the system's default.
    pub speaker: Option<String>,
    /// Id of the camera; null takes the first one.
    pub camera: Option<String>,
    /// What is done to the microphone's sound.
    pub processing: Processing,
    /// Calls begin with the microphone on.
    pub mic_on: bool,
    /// Calls begin with the camera on.
    pub camera_on: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            server: None,
            recent: Vec::new(),
            microphone: None,
            speaker: None,
            camera: None,
            processing: Processing::default(),
            mic_on: true,
            camera_on: true,
        }
    }
}
