//! Y4M files: any bytes are refused or played, in a loop, without an end.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| confab_media::fuzzing::pictures_file(data));
