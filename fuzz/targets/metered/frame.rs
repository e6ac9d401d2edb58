//! Frames of a Metered server and the signals inside: ignored or read, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| confab_metered::fuzzing::frame(text));
