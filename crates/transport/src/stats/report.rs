//! The whole report.

use super::ice::{CandidatePairStats, CandidateStats};
use super::rtp::{CodecStats, InboundRtpStats, OutboundRtpStats, RemoteInboundRtpStats};
use serde::Serialize;

/// Everything known about one peer connection, grouped by W3C type (`socket.getStats` of rtc.io). Serialized it is an
/// object with the types as keys and lists of reports as values; rtc.io wraps each report once more, as
/// `{ report, description }`, where the description repeats the type.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PeerStats {
    /// RTP streams that are received.
    pub inbound_rtp: Vec<InboundRtpStats>,
    /// RTP streams that are sent.
    pub outbound_rtp: Vec<OutboundRtpStats>,
    /// What the far end reports about the streams that are sent.
    pub remote_inbound_rtp: Vec<RemoteInboundRtpStats>,
    /// Codecs of these streams.
    pub codec: Vec<CodecStats>,
    /// Pairs of candidates that were tried.
    pub candidate_pair: Vec<CandidatePairStats>,
    /// Candidates of this side.
    pub local_candidate: Vec<CandidateStats>,
    /// Candidates of the far end.
    pub remote_candidate: Vec<CandidateStats>,
    /// The one transport that everything is bundled on.
    pub transport: Vec<TransportStats>,
    /// Data channels, the control channel among them.
    pub data_channel: Vec<DataChannelStats>,
    /// The connection itself.
    pub peer_connection: Vec<PeerConnectionStats>,
}

/// `RTCTransportStats` (webrtc-stats section 8.14).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "transport", rename_all = "camelCase")]
pub struct TransportStats {
    /// Identity within this report.
    pub id: String,
    /// When this was read.
    pub timestamp: f64,
    /// Packets sent on the selected pair.
    pub packets_sent: u64,
    /// Packets received on it.
    pub packets_received: u64,
    /// Bytes sent on it.
    pub bytes_sent: u64,
    /// Bytes received on it.
    pub bytes_received: u64,
    /// `controlling` or `controlled`.
    pub ice_role: String,
    /// User name fragment of this side's ICE credentials; a restart changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ice_local_username_fragment: Option<String>,
    /// State of ICE.
    pub ice_state: String,
    /// State of DTLS.
    pub dtls_state: String,
    /// `client` or `server`.
    pub dtls_role: String,
    /// Cipher of SRTP, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srtp_cipher: Option<String>,
    /// The pair of candidates in use, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected_candidate_pair_id: Option<String>,
    /// How often it changed.
    pub selected_candidate_pair_changes: u32,
}

/// `RTCDataChannelStats` (webrtc-stats section 8.13).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "data-channel", rename_all = "camelCase")]
pub struct DataChannelStats {
    /// Identity within this report.
    pub id: String,
    /// When this was read.
    pub timestamp: f64,
    /// Label.
    pub label: String,
    /// SCTP stream.
    pub data_channel_identifier: u16,
    /// `connecting`, `open`, `closing` or `closed`.
    pub state: String,
    /// Messages sent.
    pub messages_sent: u32,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// Messages received.
    pub messages_received: u32,
    /// Bytes in them.
    pub bytes_received: u64,
}

/// `RTCPeerConnectionStats` (webrtc-stats section 8.12).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "peer-connection", rename_all = "camelCase")]
pub struct PeerConnectionStats {
    /// Identity within this report.
    pub id: String,
    /// When this was read.
    pub timestamp: f64,
    /// Channels that were ever open.
    pub data_channels_opened: u32,
    /// Those of them that were closed.
    pub data_channels_closed: u32,
}
