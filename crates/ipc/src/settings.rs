//! What is remembered between two starts.

use confab_wire::{
    limits,
    media::Processing,
    name,
    room::{RoomLink, Token, parse_server},
};
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
    /// Token for that server, if it asks for one.
    pub server_token: Option<String>,
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
            server_token: None,
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

impl Settings {
    /// Rooms that are remembered; the oldest go first.
    pub const RECENT_ROOMS: usize = 8;

    /// Brings settings, from a file that people may edit or from the user interface, into bounds: what is not good falls away.
    #[must_use]
    pub fn bounded(self) -> Self {
        let mut recent: Vec<RecentRoom> = Vec::new();
        for room in self.recent {
            let Ok(link) = room.link.parse::<RoomLink>().map(|link| link.to_string()) else { continue };
            if recent.len() < Self::RECENT_ROOMS && recent.iter().all(|known| known.link != link) {
                recent.push(RecentRoom { link, at: room.at });
            }
        }
        let device = |id: Option<String>| id.filter(|id| limits::is_clean(id, limits::ID_BYTES));
        Self {
            name: name::parse(&self.name).unwrap_or_default(),
            server: self.server.and_then(|server| parse_server(&server).ok()).map(|server| server.to_string()),
            server_token: self.server_token.and_then(|text| Token::new(&text)).map(|token| token.as_str().to_owned()),
            recent,
            microphone: device(self.microphone),
            speaker: device(self.speaker),
            camera: device(self.camera),
            ..self
        }
    }
}
