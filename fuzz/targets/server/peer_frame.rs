//! Frames of PeerJS clients, as the PeerServer takes them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| confab_server::fuzzing::peer_frame(bytes));
