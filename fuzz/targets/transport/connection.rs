//! Descriptions and candidates into a real connection: the library must refuse what it cannot use, never panic.
//!
//! Texts end with a line `---`. The first line of each says what it is: `offer`, `answer`, or a candidate itself.
#![no_main]

use confab_wire::limits;
use confab_wire::signaling::{Description, Signal};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

fuzz_target!(|text: &str| {
    if text.len() > limits::SDP_BYTES {
        return;
    }
    let signals = text
        .split("---\n")
        .take(8)
        .map(|text| match text.split_once('\n') {
            Some((kind @ ("offer" | "answer"), sdp)) => {
                Signal::Description(Description { kind: kind.to_owned(), sdp: sdp.to_owned() })
            }
            _ => confab_transport::fuzzing::candidate(text.trim_end_matches('\n')),
        })
        .collect();
    RUNTIME.block_on(confab_transport::fuzzing::connection(signals));
});
