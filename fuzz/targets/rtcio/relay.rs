//! What the relay reads on the way to a signaling server: packets of the connection, and answers of proxies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        confab_rtcio::fuzzing::server_packet(text);
    }
    RUNTIME.block_on(confab_rtcio::fuzzing::proxy_answer(data));
});
