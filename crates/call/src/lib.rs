//! A call as people know it: participants with tiles, microphone, camera and shared screen, chat, state, statistics.
//!
//! The crate composes the connections of `confab-rtcio` with `confab-media`; neither knows the other. A [`Call`] is a cheap
//! handle that sends commands to one task; what happens comes out as the [`UiEvent`](confab_ipc::UiEvent)s that the window
//! draws and `confab-peer` prints.
//!
//! The task (`task`) only selects what happens next and hands it to the component that it concerns. A component owns its state,
//! knows no other, and asks for everything else by effects (`effect`), which the task carries out:
//!
//! - `room`: who is in it and how the connection to each stands; messages to peers; joining again after an outage.
//! - `own`: microphone, camera and speaker, each a slot with a state machine (`own::device`); what one shares; the preview.
//! - `remote`: the tracks of the others, their playout delay and volume, who speaks.
//! - `feature`: what people do beside hearing and seeing each other: chat, media state, speech into a muted microphone.
//!   `feature::hooks` says how to add one.
//! - `report`: levels, statistics, and the queue of events.
//!
//! # The way of a mute
//!
//! [`Call::set_mic`] → `command` → `task` → `own::devices` → `own::microphone`, which mutes the capture at once: nothing more is
//! sent. The effect `Me` makes the task tell the window (`report::event_queue`) and the features, of which
//! `feature::media_state` asks for a message to all peers, which `room::messenger` sends. The answer waits for none of that.
//!
//! # The way of a chat message
//!
//! Out: [`Call::send_chat`] → `command` → `task` → `feature::registry` → `feature::chat`, which keeps it in its history
//! and asks for an event and a message. In: `Event::Message` of the connection → `task` → `feature::registry` →
//! `feature::chat`, which parses it, keeps it and asks for an event. Who comes later gets the history by `peer_came`.
//!
//! # The way of a frame
//!
//! Out: the capture that `own::camera` opened encodes what `own::preview` and the peers want together; each frame goes into the
//! track of the own stream, and to the window. In: `Event::TrackAdded` → `remote::tracks` → `remote::track`, whose
//! `remote::video` takes each frame, lets it wait for its playout delay, and gives it to [`Call::frames`], the recording and the
//! decoder. Neither passes the task.
//!
//! # What waits, and what is dropped
//!
//! Commands wait for nothing but the commands before them. Levels and statistics are dropped if the events are read too slowly;
//! messages to peers if none is taken for many seconds; frames if a window lags.

mod call;
mod command;
mod config;
mod device_lists;
mod effect;
mod errors;
mod feature;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod join;
mod logging;
mod own;
mod remote;
mod report;
#[cfg(test)]
mod responsiveness_tests;
mod room;
mod source_files;
mod task;
mod track_frame;

pub use call::Call;
pub use confab_media::{
    AudioSink, AudioSource, ScreenSelector, VideoConfig, VideoSource, can_share_sound, sound_environment,
};
pub use config::{CallConfig, recording_path};
pub use device_lists::{DeviceLists, list_devices, list_screens};
pub use logging::is_logged;
pub use own::devices::{DeviceSelection, Rehearsed};
pub use own::rehearsal::Rehearsal;
pub use own::speaker::play_test_sound;
pub use remote::received_pictures::ReceivedPicture;
pub use remote::track::ReceivedPictureStats;
pub use report::event_queue::CallEvents;
pub use room::session::{peek_room, probe_server};
pub use source_files::check_files;
pub use track_frame::TrackFrame;
