//! Numbers about one peer connection.

use super::connection::Connection;
use confab_protocol::ipc::PeerState;
use rtc::peer_connection::transport::RTCIceCandidateType;
use std::time::Instant;
use webrtc::peer_connection::{RTCStatsReport, RTCStatsReportEntry, StatsSelector};

/// Numbers about one peer connection, since its beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerReport {
    /// Peer id.
    pub id: String,
    /// State of the connection.
    pub state: PeerState,
    /// Round-trip time in milliseconds, from receiver reports (RFC 3550 section 6.4.1); before the first one, from ICE.
    pub rtt_ms: Option<f32>,
    /// Path: `host`, `srflx`, `prflx` or `relay`, the worse of both ends; empty until known.
    pub path: String,
    /// Bytes received on the selected path.
    pub bytes_received: u64,
    /// Bytes sent on the selected path.
    pub bytes_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
}

/// Reads the numbers.
pub(crate) async fn report(id: &str, state: PeerState, connection: &Connection) -> PeerReport {
    let stats = connection.pc.get_stats(Instant::now(), StatsSelector::None).await;
    let selected = stats
        .transport()
        .and_then(|transport| {
            stats.candidate_pairs().find(|pair| pair.stats.id == transport.selected_candidate_pair_id)
        })
        .or_else(|| stats.candidate_pairs().find(|pair| pair.nominated));
    let (mut path, mut ice_round_trip) = (String::new(), None);
    if let Some(pair) = selected {
        // The pair names the bare ids of the ICE agent, the report keeps the candidates under longer ones.
        let local = format!("RTCLocalIceCandidate_{}", pair.local_candidate_id);
        let remote = format!("RTCRemoteIceCandidate_{}", pair.remote_candidate_id);
        let ends = [local, remote].into_iter().filter_map(|end| candidate_type(&stats, &end));
        let worse = ends.max_by_key(|kind| badness(*kind));
        path = worse.map(name).unwrap_or_default().to_owned();
        ice_round_trip = Some(pair.current_round_trip_time as f32 * 1_000.0).filter(|rtt| *rtt > 0.0);
    }
    let (mut packets_received, mut packets_lost) = (0, 0);
    for stream in stats.inbound_rtp_streams() {
        packets_received += stream.received_rtp_stream_stats.packets_received;
        packets_lost += u64::try_from(stream.received_rtp_stream_stats.packets_lost).unwrap_or(0);
    }
    PeerReport {
        id: id.to_owned(),
        state,
        rtt_ms: connection.feedback.round_trip_ms().or(ice_round_trip),
        path,
        bytes_received: stats.transport().map_or(0, |transport| transport.bytes_received),
        bytes_sent: stats.transport().map_or(0, |transport| transport.bytes_sent),
        packets_received,
        packets_lost,
    }
}

fn candidate_type(stats: &RTCStatsReport, id: &str) -> Option<RTCIceCandidateType> {
    match stats.get(id)? {
        RTCStatsReportEntry::LocalCandidate(candidate) | RTCStatsReportEntry::RemoteCandidate(candidate) => {
            Some(candidate.candidate_type)
        }
        _ => None,
    }
}

fn badness(kind: RTCIceCandidateType) -> u8 {
    match kind {
        RTCIceCandidateType::Relay => 3,
        RTCIceCandidateType::Srflx => 2,
        RTCIceCandidateType::Prflx => 1,
        _ => 0,
    }
}

fn name(kind: RTCIceCandidateType) -> &'static str {
    match kind {
        RTCIceCandidateType::Host => "host",
        RTCIceCandidateType::Srflx => "srflx",
        RTCIceCandidateType::Prflx => "prflx",
        RTCIceCandidateType::Relay => "relay",
        _ => "",
    }
}
