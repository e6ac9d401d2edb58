//! TypeScript declarations of everything the user interface sees, generated from the Rust types, and its limits.

use crate::frame;
use crate::limits::LIMITS;
use confab_wire::{call, media, signaling};
use ts_rs::{Config, TS};

const HEAD: &str = "// Generated from crates/ipc by `make types`. Do not edit.\n";

/// The text of `ui/src/backend/limits.ts`.
pub fn limits() -> String {
    let mut out = format!("{HEAD}\nexport const limits = {{\n");
    for (name, value, meaning) in LIMITS {
        out.push_str(&format!("  /** {meaning} */\n  {name}: {value},\n"));
    }
    out.push_str("} as const;\n");
    out
}

/// The text of `ui/src/backend/types.ts`.
pub fn declarations() -> String {
    let config = Config::default();
    let mut out = HEAD.to_owned();
    let mut add = |declaration: String| {
        out.push_str("\nexport ");
        out.push_str(&declaration);
        out.push('\n');
    };
    macro_rules! all { ($($ty:ty),+ $(,)?) => { $(add(<$ty as TS>::decl(&config));)+ } }
    all!(
        crate::ErrorCode,
        crate::ErrorReason,
        crate::UserError,
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
        crate::RoomTarget,
        crate::Opening,
        crate::RecentRoom,
        crate::Settings,
        crate::Snapshot,
        crate::PeerStats,
        crate::Notice,
        crate::UiEvent,
    );
    out
}
