//! Microphones and speakers of the system's sound server.

pub(crate) mod callback;
#[cfg(target_os = "linux")]
pub(crate) mod cookie;
pub(crate) mod direction;
pub(crate) mod host;
pub(crate) mod latency;
pub(crate) mod list;
pub(crate) mod opening;
#[cfg(target_os = "linux")]
pub(crate) mod pulse;
#[cfg(target_os = "linux")]
pub(crate) mod pulse_events;
pub(crate) mod stream;
