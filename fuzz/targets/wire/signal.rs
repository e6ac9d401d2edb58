//! Everything that comes from a signaling server or through it, as JSON.
#![no_main]

use confab_wire::limits;
use confab_wire::signaling::{IceServer, InitOffer, JoinReply, JoinRoom, Member, PeerRef, Refusal, RefusalCode, Relayed, Signal};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    if let Ok(signal) = Signal::parse(&value) {
        match &signal {
            Signal::Description(description) => assert!(description.sdp.len() <= limits::SDP_BYTES),
            Signal::Candidate(candidate) => assert!(candidate.candidate.len() <= limits::CANDIDATE_BYTES),
            Signal::StreamQuery { mid } => assert!(mid.len() <= limits::ID_BYTES),
            Signal::StreamEvents { mid, events } => {
                assert!(mid.len() <= limits::ID_BYTES && events.len() <= limits::EVENTS_PER_STREAM);
            }
        }
        // What was understood is said in the same way.
        assert_eq!(Signal::parse(&signal.to_value()), Ok(signal));
    }
    Relayed::deserialize(&value).ok();
    InitOffer::deserialize(&value).ok();
    PeerRef::deserialize(&value).ok();
    Member::deserialize(&value).ok();
    JoinRoom::deserialize(&value).ok();
    if let Ok(JoinReply::Welcome(welcome)) = JoinReply::deserialize(&value) {
        assert!(IceServer::sanitize(welcome.ice_servers).len() <= limits::ICE_SERVERS);
    }
    if let Ok(refusal) = Refusal::deserialize(&value) {
        assert!(refusal.params.len() <= limits::REFUSAL_PARAMS);
        assert!(refusal.detail.as_ref().is_none_or(|detail| detail.chars().count() <= limits::REFUSAL_CHARS));
        if refusal.code != RefusalCode::Unknown {
            assert_eq!(Refusal::deserialize(&serde_json::to_value(&refusal).unwrap()).unwrap(), refusal);
        }
    }
});
