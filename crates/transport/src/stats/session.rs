//! The numbers people want to see.

use super::report::PeerStats;
use super::rtp::{CodecStats, InboundRtpStats, OutboundRtpStats};
use serde::Serialize;

/// The summary of a connection (`socket.getSessionStats` of rtc.io): what its documentation promises and what its code
/// adds. Sums go over all streams, as documented; rtc.io's code gives those of the last stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStats {
    /// When this was read, in milliseconds since 1970.
    pub timestamp: f64,
    /// Round trip in milliseconds, once measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt: Option<f64>,
    /// Mean interarrival jitter of the streams that are received, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    /// RTP packets that the path lost on the way here.
    pub packets_lost: i64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP payload bytes sent.
    pub bytes_sent: u64,
    /// RTP payload bytes received.
    pub bytes_received: u64,
    /// One for each stream that is received.
    #[serde(rename = "inboundRTP")]
    pub inbound_rtp: Vec<InboundRtpStats>,
    /// One for each stream that is sent.
    #[serde(rename = "outboundRTP")]
    pub outbound_rtp: Vec<OutboundRtpStats>,
    /// Codecs of these streams.
    pub codecs: Vec<CodecStats>,
    /// Name of the codec of the last stream that is sent, like `VP8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec_name: Option<String>,
    /// Address of this side on the path in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_address: Option<String>,
    /// Address of the far end on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_address: Option<String>,
}

impl From<PeerStats> for SessionStats {
    fn from(stats: PeerStats) -> Self {
        // rtc.io takes RTCP's measure where there is one.
        let reported = stats.remote_inbound_rtp.iter().filter_map(|remote| remote.round_trip_time).next_back();
        let rtt = reported.or_else(|| stats.selected_pair()?.current_round_trip_time).map(|seconds| seconds * 1_000.0);
        let selected = stats.selected_candidates().unwrap_or_default();
        let received = stats.inbound_rtp.len() as f64;
        let jitter: f64 = stats.inbound_rtp.iter().map(|stream| stream.jitter).sum();
        let codec_name = stats.outbound_rtp.last().and_then(|stream| {
            let codec = stats.codec.iter().find(|codec| codec.id == stream.codec_id)?;
            Some(codec.mime_type.rsplit('/').next()?.to_owned())
        });
        Self {
            timestamp: stats.peer_connection.first().map_or(0.0, |connection| connection.timestamp),
            rtt,
            jitter: (received > 0.0).then(|| jitter / received * 1_000.0),
            packets_lost: stats.inbound_rtp.iter().map(|stream| stream.packets_lost).sum(),
            packets_sent: stats.outbound_rtp.iter().map(|stream| stream.packets_sent).sum(),
            packets_received: stats.inbound_rtp.iter().map(|stream| stream.packets_received).sum(),
            bytes_sent: stats.outbound_rtp.iter().map(|stream| stream.bytes_sent).sum(),
            bytes_received: stats.inbound_rtp.iter().map(|stream| stream.bytes_received).sum(),
            codec_name,
            local_address: selected.local_candidate.and_then(|candidate| candidate.address),
            remote_address: selected.remote_candidate.and_then(|candidate| candidate.address),
            inbound_rtp: stats.inbound_rtp,
            outbound_rtp: stats.outbound_rtp,
            codecs: stats.codec,
        }
    }
}
