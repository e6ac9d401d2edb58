//! A call as people know it: a roster with tiles, microphone, camera and shared screen, chat, state, statistics.
//!
//! The crate composes the engine (`confab-rtcio`) with media (`confab-media`); neither knows the other. One task, the
//! [`task`], owns the call. A [`Call`] is a cheap handle that sends it commands; what happens comes out as the
//! [`UiEvent`](confab_ipc::UiEvent)s that the window draws and `confab-peer` prints.

mod call;
mod config;
mod feature;
mod own;
mod remote;
mod report;
mod room;
mod task;

pub use call::{Call, CallEvents, Rehearsed, TrackFrame};
pub use confab_media::{
    AudioSink, AudioSource, DeviceWatch, ScreenSelector, VideoConfig, VideoSource, can_share_sound,
    devices as list_devices, list_screens,
};
pub use config::{CallConfig, recording_path};
pub use own::device::preferred::DeviceChoice;
pub use own::rehearsal::{Rehearsal, play_test_sound};
pub use remote::received_pictures::SeenPicture;
pub use remote::track::Probe;
pub use room::session::peek_room;
