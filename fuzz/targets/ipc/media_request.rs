//! Requests of the window over the media socket.
#![no_main]

use confab_ipc::frame::MediaRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(request) = serde_json::from_str::<MediaRequest>(text) {
        let written = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<MediaRequest>(&written).unwrap(), request);
    }
});
