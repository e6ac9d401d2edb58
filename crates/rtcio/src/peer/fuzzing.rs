//! What a hostile peer can reach, for [`crate::fuzzing`].

use super::connection::{Connection, candidate_init};
use super::inbound::{Change, Inbound};
use super::sdp;
use crate::IceTransportPolicy;
use crate::addresses::Addresses;
use crate::ice::IceConfig;
use confab_wire::{limits, media::Decoders, signaling::Signal};
use std::collections::HashSet;
use webrtc::peer_connection::RTCSessionDescription;

/// As much as possible is received.
const DECODERS: Decoders = Decoders { h264: true };

pub(crate) fn inbound(texts: &[&str]) {
    let mut inbound = Inbound::new("peer".to_owned(), DECODERS);
    let mut tracks = HashSet::new();
    let mut follow = |changes: Vec<Change>| {
        for change in changes {
            match change {
                Change::Added { track, stream, .. } => {
                    assert!(stream.msid.len() <= limits::ID_BYTES + 8 && track.id().len() <= limits::ID_BYTES);
                    tracks.insert((stream.msid, track.id().to_owned()));
                }
                Change::Removed { track, stream } => {
                    tracks.remove(&(stream.msid, track.id().to_owned()));
                }
                Change::Query { msid } => assert!(msid.len() <= limits::ID_BYTES),
            }
        }
        assert!(tracks.len() <= limits::TRACKS_PER_PEER);
    };
    for text in texts {
        match serde_json::from_str(text).map(|data| Signal::parse(&data)) {
            Ok(Ok(Signal::StreamEvents { mid, events })) => {
                inbound.told(&mid, events);
            }
            _ => {
                sdp::fingerprint(text);
                follow(inbound.described(text));
            }
        }
        assert!(inbound.unknown().len() <= limits::STREAMS_PER_PEER);
    }
    follow(inbound.clear());
}

pub(crate) async fn connection(signals: Vec<Signal>) {
    let ice = IceConfig::new(IceTransportPolicy::default(), Vec::new(), Vec::new());
    let Ok(connection) = Connection::open(&ice, DECODERS, Addresses::default()).await else { return };
    let pc = &connection.pc;
    for signal in signals {
        match signal {
            Signal::Description(description) if description.kind == "offer" => {
                let Ok(offer) = RTCSessionDescription::offer(description.sdp) else { continue };
                if pc.set_remote_description(offer).await.is_err() {
                    continue;
                }
                if let Ok(answer) = pc.create_answer(None).await {
                    sdp::sending_media(&answer.sdp, DECODERS);
                    pc.set_local_description(answer).await.ok();
                }
            }
            Signal::Description(description) => {
                if pc.pending_local_description().await.is_none()
                    && let Ok(offer) = pc.create_offer(None).await
                {
                    pc.set_local_description(offer).await.ok();
                }
                let Ok(answer) = RTCSessionDescription::answer(description.sdp) else { continue };
                pc.set_remote_description(answer).await.ok();
            }
            Signal::Candidate(candidate) => {
                pc.add_ice_candidate(candidate_init(candidate)).await.ok();
            }
            Signal::StreamQuery { .. } | Signal::StreamEvents { .. } => {}
        }
    }
    pc.close().await.ok();
}
