//! WAV files: any bytes are refused or played, in a loop, without an end and without rubbish.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| confab_media::fuzzing::sound_file(data));
