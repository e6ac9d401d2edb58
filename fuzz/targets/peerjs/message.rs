#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    confab_peerjs::fuzzing::message(text);
});
