//! RTP payloads of an H.264 track in any order.
#![no_main]

use confab_wire::media::Codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| confab_rtp::fuzzing::video(Codec::H264, data));
