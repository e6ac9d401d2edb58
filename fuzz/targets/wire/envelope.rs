//! Text frames on `ctrl` and on named channels.
#![no_main]

use confab_wire::ctrl::{Envelope, is_reserved};
use confab_wire::limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(envelope) = Envelope::parse(text) {
        assert!(!is_reserved(&envelope.event) && envelope.event.len() <= limits::EVENT_NAME_BYTES);
        let again = serde_json::to_string(&envelope).expect("an envelope is JSON");
        assert_eq!(Envelope::parse(&again), Ok(envelope));
    }
});
