//! Chat of peers: messages, histories, and what is made of them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| confab_call::fuzzing::chat(text));
