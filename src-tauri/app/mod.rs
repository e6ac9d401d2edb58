//! The state of the app: at most one call, the settings, the embedded server, and the windows that subscribed.
//!
//! One task owns all of it ([`AppTask`]), and [`App`] is its handle. The task waits for nothing but the next thing to do: a disk,
//! a server and a call each have tasks of their own.

mod call_phase;
mod command;
mod device_changes;
mod handle;
#[cfg(test)]
mod hang_tests;
mod join;
mod rehearsal;
mod sources;
mod subscribers;
mod target;
mod task;
#[cfg(test)]
mod test_app;
#[cfg(test)]
mod tests;

pub use handle::App;
pub use join::JoinOptions;
pub use sources::Sources;
pub use subscribers::Listener;
pub use task::AppTask;
