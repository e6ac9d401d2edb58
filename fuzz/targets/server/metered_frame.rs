//! Frames of Metered clients, as the server takes them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| confab_server::fuzzing::metered_frame(text));
