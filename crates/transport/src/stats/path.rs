//! The path of a connection, as the library reports it.

use rtc::peer_connection::transport::RTCIceCandidateType;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use webrtc::peer_connection::{PeerConnection, RTCStatsReport, RTCStatsReportEntry, StatsSelector};

/// Id of the candidate pair that carries everything.
pub(super) fn pair_in_use(library: &RTCStatsReport) -> Option<&str> {
    let known = library.transport().map(|transport| transport.selected_candidate_pair_id.as_str());
    known
        .filter(|id| library.candidate_pairs().any(|pair| pair.stats.id == **id))
        .or_else(|| Some(library.candidate_pairs().find(|pair| pair.nominated)?.stats.id.as_str()))
}

/// The round trip of the latest ICE check on the path in use; `None` until one was answered.
pub(crate) async fn round_trip(pc: &dyn PeerConnection) -> Option<Duration> {
    let library = pc.get_stats(Instant::now(), StatsSelector::None).await;
    let in_use = pair_in_use(&library)?;
    let pair = library.candidate_pairs().find(|pair| pair.stats.id == in_use)?;
    Some(Duration::from_secs_f64(pair.current_round_trip_time)).filter(|round_trip| !round_trip.is_zero())
}

/// The address of this machine on the path in use. `None` until there is a path, and where the library does not tell: of a
/// relay, and of a local socket that stands for one.
pub(crate) async fn local_address(pc: &dyn PeerConnection) -> Option<IpAddr> {
    let library = pc.get_stats(Instant::now(), StatsSelector::None).await;
    let in_use = pair_in_use(&library)?;
    let pair = library.candidate_pairs().find(|pair| pair.stats.id == in_use)?;
    let id = local_id(&pair.local_candidate_id);
    let candidate = library.iter().find_map(|entry| match entry {
        RTCStatsReportEntry::LocalCandidate(candidate) if candidate.stats.id == id => Some(candidate),
        _ => None,
    })?;
    match candidate.candidate_type {
        RTCIceCandidateType::Host => candidate.address.as_deref()?.parse().ok(),
        // The address as others see it; its own is the one beside it (RFC 8445 section 5.1.1).
        RTCIceCandidateType::Srflx | RTCIceCandidateType::Prflx => candidate.related_address.parse().ok(),
        _ => None,
    }
}

/// The pair names the bare ids of the ICE agent, the report keeps the candidates under longer ones.
pub(super) fn local_id(bare: &str) -> String {
    format!("RTCLocalIceCandidate_{bare}")
}
