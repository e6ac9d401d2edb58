//! What a peer's descriptions and stream events make of its tracks and streams. A line `---` ends a text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let texts: Vec<&str> = text.split("---\n").take(16).collect();
    confab_transport::fuzzing::descriptions(&texts);
    confab_rtcio::fuzzing::stream_events(&texts);
});
