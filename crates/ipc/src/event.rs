//! What the backend tells the user interface: everything at once, then each change.

use crate::call::{CallState, CallView, Participant, PeerState, PeerStats, SelfView, TrackView};
use crate::device::{DeviceList, RehearsalView};
use crate::error::UserError;
use crate::room::Opening;
use crate::settings::Settings;
use confab_wire::call::{ChatMessage, MediaState};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

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
    /// A chat message. Messages are kept in the order in which they came, whatever their `at`. One whose author and id are known
    /// is ignored, unless the known one was told by somebody else: it takes that one's place, at the end.
    Chat {
        /// The message.
        message: ChatMessage,
        /// Index before which it stands, if it is from before one came or was away; otherwise it is the newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        place: Option<usize>,
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
    /// The app was asked to open a link (`confab://…`, command line): the person decides.
    OpenLink {
        /// It.
        opening: Opening,
    },
}
