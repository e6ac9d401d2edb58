//! The log: to standard error, `RUST_LOG` decides.

use std::io::{self, IsTerminal};
use tracing_subscriber::{EnvFilter, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

/// The transport libraries (`rtc`, `rtc_dtls`, …, `webrtc`) and the sound server's client call errors what belongs to a normal
/// connection and its end; what matters of it reaches the log as ours.
const DEFAULT: &str = "warn,confab=info,rtc=off,webrtc=off,pulseaudio=off";

/// Starts logging.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .finish()
        .with(filter_fn(confab_call::is_logged))
        .try_init();
    if let Err(error) = started {
        eprintln!("confab: no log: {error}");
    }
}
