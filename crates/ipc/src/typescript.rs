//! TypeScript declarations of everything the user interface sees, generated from the Rust types.

use crate::frame;
use confab_wire::{call, error, media, signaling};
use ts_rs::{Config, TS};

/// The text of `ui/src/backend/types.ts`.
pub fn declarations() -> String {
    let config = Config::default();
    let mut out = String::from("// Generated from crates/ipc by `make types`. Do not edit.\n");
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
        crate::CallState,
        crate::PeerState,
        crate::TrackView,
        crate::Participant,
        crate::DeviceState,
        crate::DeviceKind,
        crate::Device,
        crate::DeviceList,
        crate::RehearsalView,
        crate::ShareKind,
        crate::ShareSource,
        crate::ShareChoice,
        crate::ShareView,
        signaling::RoomPeek,
        crate::SelfView,
        crate::CallView,
        crate::RecentRoom,
        crate::Settings,
        crate::Snapshot,
        crate::PeerStats,
        crate::Notice,
        crate::UiEvent,
    );
    out
}
