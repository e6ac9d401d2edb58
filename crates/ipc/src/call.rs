//! The call as the user interface shows it: its state, the people in it, what they send.

use crate::device::DeviceState;
use crate::share::ShareView;
use confab_wire::{
    call::{ChatMessage, MediaState},
    media::MediaKind,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Where the call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum CallState {
    /// No call.
    #[default]
    Idle,
    /// Reaching the server and the room.
    Joining,
    /// Inside, signaling connected.
    InCall,
    /// Inside, signaling lost; peers go on.
    ServerLost,
}

/// State of the connection to one participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum PeerState {
    /// Known to be in the room, no connection yet.
    Connecting,
    /// Connected.
    Connected,
    /// Was connected, is being repaired.
    Reconnecting,
    /// In the room for a while, and no connection can be made. It is still tried.
    Unreachable,
}

/// A remote track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TrackView {
    /// Handle on the media socket, unique within the life of the app, never [`crate::frame::SELF_TRACK`].
    pub handle: u32,
    /// Audio or video.
    pub kind: MediaKind,
    /// Id of the stream it belongs to.
    pub stream: String,
    /// Event that carried the stream (`camera`, `screen`); empty while not known.
    pub event: String,
    /// Name of the codec in which it would come (as in `a=rtpmap`), if none that is offered can be received: nothing comes.
    pub refused: Option<String>,
}

/// Someone else in the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Peer id.
    pub id: String,
    /// Display name; "Guest" if none was given.
    pub name: String,
    /// Connection state.
    pub state: PeerState,
    /// Microphone and camera, as the participant says; null until it says.
    pub media: Option<MediaState>,
    /// Tracks that arrive.
    pub tracks: Vec<TrackView>,
    /// How loud one hears them, in percent: 100 as they send, 0 silent, at most [`MAX_VOLUME`].
    pub volume: u16,
    /// Muted by oneself, for oneself.
    pub muted_for_me: bool,
}

/// Greatest volume of a participant, in percent.
pub const MAX_VOLUME: u16 = 400;

/// Volume of a participant whom nobody made louder or quieter, in percent.
pub const FULL_VOLUME: u16 = 100;

/// Oneself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SelfView {
    /// Own peer id; null until the server has told it.
    pub id: Option<String>,
    /// Own name.
    pub name: String,
    /// Microphone.
    pub mic: DeviceState,
    /// Camera.
    pub camera: DeviceState,
    /// Speaker.
    pub speaker: DeviceState,
    /// What one shares; null while nothing.
    pub share: Option<ShareView>,
}

/// The call one is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// Link to share.
    pub link: String,
    /// The room's name.
    pub room: String,
    /// Oneself.
    pub me: SelfView,
    /// The others, in the order in which they came.
    pub participants: Vec<Participant>,
    /// Messages so far, oldest first.
    pub chat: Vec<ChatMessage>,
    /// Peer id of who speaks or spoke last; null before anyone did, and if that was oneself.
    pub active_speaker: Option<String>,
}

/// Numbers about one participant, each second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PeerStats {
    /// Peer id.
    pub id: String,
    /// Video frames decoded so far (headless) or handed to the window.
    #[ts(type = "number")]
    pub frames: u64,
    /// Width of the last picture in pixels.
    pub width: u16,
    /// Height of the last picture in pixels.
    pub height: u16,
    /// Frames per second over the last second.
    pub fps: f32,
    /// Received media in bit/s over the last second.
    #[ts(type = "number")]
    pub bitrate: u64,
    /// Round-trip time in milliseconds; null until measured.
    pub rtt_ms: Option<f32>,
    /// Share of packets lost so far, 0 to 1.
    pub loss: f32,
    /// Audio level as RMS, 0 to 1 of full scale.
    pub audio_level: f32,
    /// Path to the peer: `host`, `srflx`, `prflx` or `relay`, the worse of both ends; empty until known.
    pub connection: String,
}
