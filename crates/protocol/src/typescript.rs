//! TypeScript declarations of everything the user interface sees, generated from the Rust types.

use crate::{call, error, frame, ipc, media};
use ts_rs::{Config, TS};

/// The text of `ui/src/backend/types.ts`.
pub fn declarations() -> String {
    let config = Config::default();
    let mut out = String::from("// Generated from crates/protocol by `make types`. Do not edit.\n");
    let mut add = |declaration: String| {
        out.push_str("\nexport ");
        out.push_str(&declaration);
        out.push('\n');
    };
    macro_rules! all { ($($ty:ty),+ $(,)?) => { $(add(<$ty as TS>::decl(&config));)+ } }
    all!(
        error::ErrorCode,
        error::UserError,
        media::MediaKind,
        media::Codec,
        media::Decoders,
        media::Processing,
        call::MediaState,
        call::ChatMessage,
        frame::MediaRequest,
        ipc::CallState,
        ipc::PeerState,
        ipc::TrackView,
        ipc::Participant,
        ipc::DeviceState,
        ipc::DeviceKind,
        ipc::Device,
        ipc::DeviceList,
        ipc::RehearsalView,
        ipc::ShareKind,
        ipc::ShareSource,
        ipc::ShareChoice,
        ipc::ShareView,
        ipc::RoomPeek,
        ipc::SelfView,
        ipc::CallView,
        ipc::RecentRoom,
        ipc::Settings,
        ipc::Snapshot,
        ipc::PeerStats,
        ipc::Notice,
        ipc::UiEvent,
    );
    out
}
