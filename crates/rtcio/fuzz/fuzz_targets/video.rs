//! RTP payloads of a video track in any order.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| confab_rtcio::fuzzing::video(data));
