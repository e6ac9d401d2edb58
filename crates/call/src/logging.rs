//! What may be in a log.

use tracing::{Level, Metadata};

/// False for what libraries of others log to find mistakes of their own: descriptions with passwords of ICE, addresses, what is sent
/// and received. For a filter of whole programs: `RUST_LOG=debug` is what people are asked to send.
pub fn is_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with("confab")
}
