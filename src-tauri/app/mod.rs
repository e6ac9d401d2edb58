//! The state of the app: at most one call, the settings, the embedded server, and the windows that subscribed.

mod device_changes;
mod device_test;
mod sources;
mod subscribers;
mod task;

pub use sources::{JoinOptions, Sources};
pub use subscribers::Listener;
pub use task::{App, AppTask};
