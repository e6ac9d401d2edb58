//! Statistics of RTP streams.

use serde::Serialize;

/// `RTCInboundRtpStreamStats` (webrtc-stats section 8.4): a stream that is received, as it came off the wire. Decoding is
/// the application's, so what W3C counts after the decoder is not here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "inbound-rtp", rename_all = "camelCase")]
pub struct InboundRtpStats {
    /// Identity within this report.
    pub id: String,
    /// When this was read.
    pub timestamp: f64,
    /// RTP synchronization source.
    pub ssrc: u32,
    /// `audio` or `video`.
    pub kind: String,
    /// The transport.
    pub transport_id: String,
    /// The codec.
    pub codec_id: String,
    /// The m-line, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    /// [`crate::receive::remote_track::RemoteTrack::id`], once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track_identifier: Option<String>,
    /// Packets of this SSRC.
    pub packets_received: u64,
    /// Payload bytes in them.
    pub bytes_received: u64,
    /// Header bytes in them.
    pub header_bytes_received: u64,
    /// Packets that the path lost, also those that came when they were asked for again. Negative if more were doubled.
    pub packets_lost: i64,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter: f64,
    /// When the last packet came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_packet_received_timestamp: Option<f64>,
    /// Packets that came because they were asked for again.
    pub retransmitted_packets_received: u64,
    /// Payload bytes in them.
    pub retransmitted_bytes_received: u64,
    /// NACK packets sent (RFC 4585 section 6.2.1).
    pub nack_count: u64,
    /// Picture loss indications sent (RFC 4585 section 6.3.1). Video only, like everything that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pli_count: Option<u64>,
    /// Full intra requests sent (RFC 5104 section 4.3.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fir_count: Option<u64>,
    /// Frames whose last packet came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_received: Option<u64>,
    /// Key frames that began to come. W3C counts them behind the decoder only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_frames_received: Option<u64>,
    /// Frames in the last second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_per_second: Option<f64>,
    /// Width of the latest key frame in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_width: Option<u32>,
    /// Its height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_height: Option<u32>,
}

/// `RTCOutboundRtpStreamStats` (webrtc-stats section 8.6): a stream that is sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "outbound-rtp", rename_all = "camelCase")]
pub struct OutboundRtpStats {
    /// Identity within this report.
    pub id: String,
    /// When this was read.
    pub timestamp: f64,
    /// RTP synchronization source.
    pub ssrc: u32,
    /// `audio` or `video`.
    pub kind: String,
    /// The transport.
    pub transport_id: String,
    /// The codec.
    pub codec_id: String,
    /// The m-line, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    /// What the far end reports, once it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// Packets sent, also again.
    pub packets_sent: u64,
    /// Payload bytes in them.
    pub bytes_sent: u64,
    /// Header bytes in them.
    pub header_bytes_sent: u64,
    /// Packets sent again.
    pub retransmitted_packets_sent: u64,
    /// Payload bytes in them.
    pub retransmitted_bytes_sent: u64,
    /// NACK packets received.
    pub nack_count: u64,
    /// Picture loss indications received. Video only, like everything that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pli_count: Option<u64>,
    /// Full intra requests received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fir_count: Option<u64>,
    /// Frames sent. The encoder is shared by all peers; this is what this one got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_sent: Option<u64>,
    /// Key frames among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_frames_encoded: Option<u64>,
    /// Frames in the last second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_per_second: Option<f64>,
    /// Width of the latest key frame in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_width: Option<u32>,
    /// Its height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_height: Option<u32>,
    /// Bits per second that the stream may have at present. Absent, like everything that follows, while nothing is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_bitrate: Option<u32>,
    /// What keeps it from more: `none`, `cpu`, `bandwidth`, or `other`, which is that the peer draws it small or not at
    /// all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_limitation_reason: Option<String>,
    /// Ours: the layer of the ladder that the peer gets, `full`, `half`, `quarter`, or `none` while it waits for a key
    /// frame or draws nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Ours: the temporal layers of it that the peer gets, 1 to 3; each halves the frame rate of the one above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporal_layers: Option<u8>,
}

/// `RTCRemoteInboundRtpStreamStats` (webrtc-stats section 8.5): the far end's receiver reports (RFC 3550 section 6.4.2)
/// about a stream that is sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "remote-inbound-rtp", rename_all = "camelCase")]
pub struct RemoteInboundRtpStats {
    /// Identity within this report.
    pub id: String,
    /// When this was read.
    pub timestamp: f64,
    /// RTP synchronization source.
    pub ssrc: u32,
    /// `audio` or `video`.
    pub kind: String,
    /// The transport.
    pub transport_id: String,
    /// The codec.
    pub codec_id: String,
    /// The stream it is about.
    pub local_id: String,
    /// Packets lost since the beginning, as the far end counts.
    pub packets_lost: i64,
    /// Share of packets lost between its last two reports, from 0 to 1.
    pub fraction_lost: f64,
    /// Interarrival jitter at the far end.
    pub jitter: f64,
    /// Round trip, once measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_time: Option<f64>,
    /// Sum of all round trips measured.
    pub total_round_trip_time: f64,
    /// Their number.
    pub round_trip_time_measurements: u64,
}

/// `RTCCodecStats` (webrtc-stats section 8.2).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "codec", rename_all = "camelCase")]
pub struct CodecStats {
    /// Identity within this report.
    pub id: String,
    /// When this was read.
    pub timestamp: f64,
    /// The transport.
    pub transport_id: String,
    /// RTP payload type.
    pub payload_type: u8,
    /// `video/VP8`, `audio/opus`.
    pub mime_type: String,
    /// Ticks of the RTP clock in a second.
    pub clock_rate: u32,
    /// Channels of audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u16>,
    /// Its `a=fmtp`, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp_fmtp_line: Option<String>,
}
