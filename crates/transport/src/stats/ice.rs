//! Statistics of the path.

use serde::Serialize;

/// `RTCIceCandidateStats` (webrtc-stats section 8.15).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateStats {
    /// Identity within this report.
    pub id: String,
    /// `local-candidate` or `remote-candidate`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When this was read.
    pub timestamp: f64,
    /// The transport.
    pub transport_id: String,
    /// IP address; for a browser's host candidate perhaps its mDNS name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The same under its old name, which rtc.io reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Port.
    pub port: u16,
    /// `udp` or `tcp`.
    pub protocol: String,
    /// `host`, `srflx`, `prflx` or `relay`.
    pub candidate_type: String,
    /// URL of the server it came from, if one did; local candidates only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How the relay is reached: `udp`, `tcp` or `tls`; local relayed candidates only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_protocol: Option<String>,
    /// Foundation (RFC 8445 section 5.1.1.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foundation: Option<String>,
}

/// `RTCIceCandidatePairStats` (webrtc-stats section 8.16).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "candidate-pair", rename_all = "camelCase")]
pub struct CandidatePairStats {
    /// Identity within this report.
    pub id: String,
    /// When this was read.
    pub timestamp: f64,
    /// The transport.
    pub transport_id: String,
    /// The candidate of this side.
    pub local_candidate_id: String,
    /// The candidate of the far end.
    pub remote_candidate_id: String,
    /// `frozen`, `waiting`, `in-progress`, `failed` or `succeeded`.
    pub state: String,
    /// True for a pair that was chosen.
    pub nominated: bool,
    /// True for the pair in use.
    pub selected: bool,
    /// Packets sent on it.
    pub packets_sent: u64,
    /// Packets received on it.
    pub packets_received: u64,
    /// Bytes sent on it.
    pub bytes_sent: u64,
    /// Bytes received on it.
    pub bytes_received: u64,
    /// The latest round trip, once measured: by connectivity checks (RFC 8445 section 7), or by RTCP on the pair in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_round_trip_time: Option<f64>,
    /// Sum of the round trips of connectivity checks.
    pub total_round_trip_time: f64,
    /// Bits per second that the line is taken to carry, for the pair in use, once the far end reports arrivals or sets a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_outgoing_bitrate: Option<f64>,
    /// Connectivity checks sent.
    pub requests_sent: u64,
    /// Connectivity checks received.
    pub requests_received: u64,
    /// Answers to them sent.
    pub responses_sent: u64,
    /// Answers to them received.
    pub responses_received: u64,
}

/// The candidates and the path that was chosen (`socket.getIceCandidateStats` of rtc.io). Its documentation promises the
/// first three fields, its code gives the last two; here are all.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidateStats {
    /// Candidates of this side.
    pub local_candidates: Vec<CandidateStats>,
    /// Candidates of the far end.
    pub remote_candidates: Vec<CandidateStats>,
    /// Pairs of them.
    pub candidate_pairs: Vec<CandidatePairStats>,
    /// Candidates of both sides.
    pub ice_candidate_stats: Vec<CandidateStats>,
    /// The candidates in use, once there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected_ice_candidate_pair_stats: Option<SelectedCandidates>,
}

/// The candidates in use.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SelectedCandidates {
    /// Of this side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_candidate: Option<CandidateStats>,
    /// Of the far end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_candidate: Option<CandidateStats>,
}
