//! What the program logs.

use std::io::IsTerminal;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Libraries that log what passes through them: names of rooms, descriptions with ICE passwords, tokens.
const SEE_MESSAGES: &[&str] = &["socketioxide", "engineioxide", "tungstenite", "tokio_tungstenite"];
/// Libraries that log the addresses of requests, in which names of rooms are, when they are asked for details.
const SEE_REQUESTS: &[&str] = &["hyper", "hyper_util", "axum", "tower", "tower_http"];

/// Logs to standard error what RUST_LOG asks for, in colours only where somebody looks at them.
pub fn start() -> Result<(), String> {
    let wish = std::env::var("RUST_LOG").ok().filter(|wish| !wish.trim().is_empty());
    let asked = match wish {
        Some(wish) => EnvFilter::try_new(&wish).map_err(|error| format!("RUST_LOG is {wish:?}: {error}"))?,
        None => EnvFilter::new("info"),
    };
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
        .with_writer(std::io::stderr)
        .with_filter(asked.and(filter_fn(may_be_logged)));
    tracing_subscriber::registry().with(log).init();
    Ok(())
}

/// False for what holds a secret of somebody else, however much detail is asked for.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let library = metadata.target().split("::").next().unwrap_or_default();
    !SEE_MESSAGES.contains(&library) && (!SEE_REQUESTS.contains(&library) || *metadata.level() <= Level::INFO)
}
