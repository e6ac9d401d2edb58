//! The embedded server: rooms live in the app itself, for those who can reach this computer.

mod address;
mod embedded;
mod task;

pub use address::{RoomAddress, is_own, own_port};
#[cfg(test)]
pub(crate) use embedded::EmbeddedServer;
pub use task::{Hosting, HostingTask};
