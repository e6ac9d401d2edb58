//! Between the backend and the user interface: one tagged enum of events, a snapshot, settings.
//!
//! A user interface that (re)loads asks for a [`Snapshot`] and is whole; after it, [`UiEvent`]s arrive in order.

use crate::UserError;
use crate::call::{ChatMessage, MediaState};
use crate::media::{MediaKind, Processing};
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
    /// Microphone; its level comes in [`UiEvent::Levels`] under the id `self`.
    pub microphone: DeviceState,
    /// Camera; its picture comes as [`crate::frame::SELF_TRACK`].
    pub camera: DeviceState,
}

/// Kind of what one can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ShareKind {
    /// A whole screen.
    Screen,
    /// One window.
    Window,
    /// Whatever is chosen in a dialog of the system, which opens then.
    System,
}

/// Something that one can share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ShareSource {
    /// Names it in the command that shares it.
    pub id: String,
    /// Screen, window, or the system's choice.
    pub kind: ShareKind,
    /// Title of the window, or name of the screen.
    pub title: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What it shows, as a `data:` URL of a small picture; null if it can't be had.
    pub thumbnail: Option<String>,
}

/// What one can share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct ShareChoice {
    /// Screens first, then windows.
    pub sources: Vec<ShareSource>,
    /// True if the computer's sound can go along.
    pub sound: bool,
}

/// What one shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ShareView {
    /// Title of the window, or name of the screen.
    pub title: String,
    /// How the capture stands; never `off`.
    pub capture: DeviceState,
    /// True while the window is minimized: the others see its last picture.
    pub paused: bool,
    /// The computer's sound goes along.
    pub sound: bool,
}

/// Who is in a room that one is not in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct RoomPeek {
    /// How many.
    pub count: u32,
    /// Their names, in the order in which they came; fewer than `count` where some are not told.
    pub names: Vec<String>,
}

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

/// Everything the user interface shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Snapshot {
    /// Where the call stands.
    pub state: CallState,
    /// The call; null when idle.
    pub call: Option<CallView>,
    /// Remembered settings.
    pub settings: Settings,
    /// Version of the app.
    pub version: String,
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

/// Something a person should know that is not the answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Notice {
    /// True for what needs attention (announced assertively).
    pub urgent: bool,
    /// What happened and what to do.
    pub error: UserError,
}

/// An event for the user interface. Names follow rtc.io where it has one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum UiEvent {
    /// Everything at once: at subscription and when a call begins.
    Snapshot {
        /// The new state.
        snapshot: Box<Snapshot>,
    },
    /// The call's state changed. `idle` ends it.
    CallState {
        /// New state.
        state: CallState,
    },
    /// Someone is in the room; a connection is being made.
    PeerConnecting {
        /// Them.
        participant: Participant,
    },
    /// `ctrl` to a peer is open.
    PeerConnect {
        /// Them.
        participant: Participant,
    },
    /// A peer's connection became healthy or unhealthy.
    PeerState {
        /// Peer id.
        id: String,
        /// New state.
        state: PeerState,
    },
    /// A peer is gone.
    PeerDisconnect {
        /// Peer id.
        id: String,
    },
    /// A remote track arrives.
    TrackAdded {
        /// Peer id.
        id: String,
        /// The track.
        track: TrackView,
    },
    /// A remote track ended.
    TrackRemoved {
        /// Peer id.
        id: String,
        /// Its handle.
        handle: u32,
    },
    /// Something else about a participant changed.
    ParticipantChanged {
        /// Them.
        participant: Participant,
    },
    /// A participant's microphone or camera changed.
    MediaState {
        /// Peer id.
        id: String,
        /// New state.
        media: MediaState,
    },
    /// Own devices, name or id changed.
    Me {
        /// New state.
        me: SelfView,
    },
    /// A chat message; inserted by `at`, ignored if its id is known.
    Chat {
        /// The message.
        message: ChatMessage,
    },
    /// Audio levels of everyone who is audible, and oneself under the id `self`; ten times a second. The sound of a shared
    /// screen is nobody's.
    Levels {
        /// Pairs of peer id and RMS level, 0 to 1 of full scale.
        levels: Vec<(String, f32)>,
    },
    /// Someone else speaks than before.
    ActiveSpeaker {
        /// Peer id; null if it is oneself, or if who spoke last has left.
        id: Option<String>,
    },
    /// One speaks into a muted microphone.
    SpeakingWhileMuted,
    /// A device that is tried changed.
    Rehearsal {
        /// New state.
        rehearsal: RehearsalView,
    },
    /// Devices were plugged in or out, or the system prefers others; told while someone looks at the list.
    Devices {
        /// What there is.
        devices: DeviceList,
    },
    /// Statistics, once a second.
    Stats {
        /// One entry a peer.
        peers: Vec<PeerStats>,
    },
    /// Something to say.
    Notice {
        /// It.
        notice: Notice,
    },
    /// Settings changed.
    Settings {
        /// New settings.
        settings: Settings,
    },
    /// The app was asked to open a link (`confab://…`, command line); the user interface joins it when a name is known.
    OpenLink {
        /// A valid room link.
        link: String,
    },
}
