//! Whether a connection is well, and what is done when it is not.

mod connection_rate;
pub(crate) mod healing;
mod watchdog;

pub use connection_rate::ConnectionRate;
pub use watchdog::Watchdog;
pub(crate) use watchdog::{Health, Watch};
