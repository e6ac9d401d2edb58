//! A call as people know it: a roster with tiles, microphone, camera and shared screen, chat, state, statistics.
//!
//! The crate composes the engine (`confab-rtcio`) with media (`confab-media`); neither knows the other. One task, the
//! [`actor`], owns the call. A [`Call`] is a cheap handle that sends it commands; what happens comes out as the
//! [`UiEvent`](confab_ipc::UiEvent)s that the window draws and `confab-peer` prints.

mod active_speaker;
mod actor;
mod call;
mod change;
mod chat;
mod choice;
mod config;
mod devices;
mod hearing;
mod held;
mod incoming;
mod lip_sync;
mod listing;
mod members;
mod muted_speech;
mod opening;
mod outgoing;
mod peers;
mod place;
mod preview;
mod rehearsal;
mod roster;
mod seen;
mod session;
mod share;
mod share_sound;
mod speaker;
mod sync;
mod telling;

pub use call::{Call, CallEvents, Rehearsed, TrackFrame};
pub use choice::DeviceChoice;
pub use confab_media::{
    AudioSink, AudioSource, DeviceWatch, ScreenSelector, VideoConfig, VideoSource, can_share_sound,
    devices as list_devices, list_screens,
};
pub use config::{CallConfig, recording_path};
pub use incoming::Probe;
pub use rehearsal::{Rehearsal, play_test_sound};
pub use seen::SeenPicture;
pub use session::peek_room;
