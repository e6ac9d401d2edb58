//! RTP payloads of an Opus track in any order: jitter buffer, decoder, concealment.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| confab_media::fuzzing::sound(data));
