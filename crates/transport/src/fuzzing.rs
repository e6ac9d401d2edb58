//! Ways for `fuzz/` into what is private here: each takes what a remote could have sent. Not part of the API.

use crate::addresses::Addresses;
use crate::channel::{ChannelSpec, DataChannelOptions};
use crate::connection::{Connection, candidate_init};
use crate::ice::{IceConfig, IceTransportPolicy};
use crate::receive::inbound::{Change, Inbound};
use crate::sdp;
use confab_wire::signaling::{Candidate, Signal};
use confab_wire::{limits, media::Decoders};
use std::collections::HashSet;
use webrtc::peer_connection::RTCSessionDescription;

/// As much as possible is received.
const DECODERS: Decoders = Decoders { h264: true };

/// Descriptions of one remote, one after the other.
pub fn descriptions(texts: &[&str]) {
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
                Change::Undescribed { msid } => assert!(msid.len() <= limits::ID_BYTES),
            }
        }
        assert!(tracks.len() <= limits::TRACKS_PER_PEER);
    };
    for text in texts {
        sdp::fingerprint(text);
        follow(inbound.described(text));
    }
    follow(inbound.clear());
}

/// A candidate alone, to a connection that has a remote description.
pub fn candidate(text: &str) -> Signal {
    Signal::Candidate(Candidate {
        candidate: text.to_owned(),
        sdp_mid: None,
        sdp_m_line_index: Some(0),
        username_fragment: None,
    })
}

/// Signals of one remote, in order, applied to a real connection as its task does it.
pub async fn connection(signals: Vec<Signal>) {
    let ice = IceConfig::new(IceTransportPolicy::default(), Vec::new(), Vec::new());
    let control = ChannelSpec::negotiated("control", "control".to_owned(), 0, DataChannelOptions::default());
    let opened = Connection::open(&ice, DECODERS, Addresses::default(), None, Some(&control)).await;
    let Ok(connection) = opened else { return };
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
