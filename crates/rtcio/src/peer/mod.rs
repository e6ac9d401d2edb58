//! One peer as rtc.io knows it: a task between its connections ([`confab_transport`]) and the application.

mod ctrl;
mod handle;
mod stream_events;
mod task;

pub(crate) use handle::{Command, Handle};
#[cfg(feature = "fuzzing")]
pub(crate) use stream_events::StreamEvents;
pub(crate) use task::peer;
