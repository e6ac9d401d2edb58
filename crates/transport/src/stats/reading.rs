//! Numbers about one peer connection: what the library knows about the path, and what was counted at the wire.

use super::ice::{CandidatePairStats, CandidateStats};
use super::path::{local_id, pair_in_use};
use super::report::{DataChannelStats, PeerConnectionStats, PeerStats, TransportStats};
use super::rtp::{CodecStats, InboundRtpStats, OutboundRtpStats, RemoteInboundRtpStats};
use crate::connection::Connection;
use crate::event::ConnectionState;
use crate::sdp;
use confab_rtp::meters::{FrameCounter, StreamCodec, StreamMeters};
use confab_wire::layers::SpatialLayer;
use rtc::statistics::stats::ice_candidate::RTCIceCandidateStats;
use rtc::statistics::stats::ice_candidate_pair::RTCStatsIceCandidatePairState;
use std::collections::HashMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use webrtc::peer_connection::{RTCStatsReport, RTCStatsReportEntry, StatsSelector};

/// Numbers about one peer connection, since its beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerReport {
    /// Peer id.
    pub id: String,
    /// State of the connection.
    pub state: ConnectionState,
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
    /// Nothing waits for an offer or an answer.
    pub is_stable: bool,
    /// Audio and video m-lines in the newest description of ours that both sides agreed on, idle ones included.
    pub media_lines: usize,
}

/// Reads the summary.
pub(crate) async fn report(id: &str, state: ConnectionState, at_rest: bool, connection: &Connection) -> PeerReport {
    let stats = read(connection).await;
    let path = stats.selected_candidates().map(|ends| {
        let ends = [ends.local_candidate, ends.remote_candidate].into_iter().flatten();
        ends.map(|end| end.candidate_type).max_by_key(|kind| badness(kind)).unwrap_or_default()
    });
    let ice_round_trip = stats.selected_pair().and_then(|pair| pair.current_round_trip_time);
    let transport = stats.transport.first();
    let description = connection.pc.current_local_description().await.map(|description| description.sdp);
    // Both are null exactly in the signaling state `stable` (W3C webrtc-pc section 4.4.1.1).
    let pending = connection.pc.pending_local_description().await.is_some()
        || connection.pc.pending_remote_description().await.is_some();
    let is_stable = at_rest && !pending;
    let media_lines = description.map_or(0, |sdp| sdp.matches("\nm=audio").count() + sdp.matches("\nm=video").count());
    PeerReport {
        id: id.to_owned(),
        state,
        rtt_ms: connection.feedback.round_trip_ms().or(ice_round_trip.map(|seconds| seconds as f32 * 1_000.0)),
        path: path.unwrap_or_default(),
        bytes_received: transport.map_or(0, |transport| transport.bytes_received),
        bytes_sent: transport.map_or(0, |transport| transport.bytes_sent),
        packets_received: stats.inbound_rtp.iter().map(|stream| stream.packets_received).sum(),
        packets_lost: stats.inbound_rtp.iter().map(|stream| u64::try_from(stream.packets_lost).unwrap_or(0)).sum(),
        is_stable,
        media_lines,
    }
}

fn badness(kind: &str) -> u8 {
    match kind {
        "relay" => 3,
        "srflx" => 2,
        "prflx" => 1,
        _ => 0,
    }
}

/// Reads everything.
pub(crate) async fn read(connection: &Connection) -> PeerStats {
    let now = Instant::now();
    let library = connection.pc.get_stats(now, StatsSelector::None).await;
    let local = connection.pc.current_local_description().await.map(|description| description.sdp).unwrap_or_default();
    let reading = Reading { now, timestamp: milliseconds(SystemTime::now()), library, local, connection };
    let mut stats = PeerStats::default();
    reading.path(&mut stats);
    reading.channels(&mut stats);
    reading.streams(&connection.feedback.meters(), &mut stats);
    stats
}

/// Milliseconds since 1970.
fn milliseconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1_000.0
}

/// One moment.
struct Reading<'a> {
    now: Instant,
    timestamp: f64,
    library: RTCStatsReport,
    /// The newest description of ours that both sides agreed on.
    local: String,
    connection: &'a Connection,
}

/// There is one, as everything is bundled.
const TRANSPORT: &str = "RTCTransport_0";

impl Reading<'_> {
    fn path(&self, stats: &mut PeerStats) {
        let timestamp = self.timestamp;
        let transport = self.library.transport();
        let in_use = pair_in_use(&self.library);
        for entry in self.library.iter() {
            match entry {
                RTCStatsReportEntry::LocalCandidate(candidate) => {
                    stats.local_candidate.push(self.candidate(candidate, "local-candidate"));
                }
                RTCStatsReportEntry::RemoteCandidate(candidate) => {
                    stats.remote_candidate.push(self.candidate(candidate, "remote-candidate"));
                }
                _ => {}
            }
        }
        for pair in self.library.candidate_pairs() {
            let selected = Some(pair.stats.id.as_str()) == in_use;
            let checked = Some(pair.current_round_trip_time).filter(|seconds| *seconds > 0.0);
            let measured = self.connection.feedback.round_trip_ms().map(|ms| f64::from(ms) / 1_000.0);
            stats.candidate_pair.push(CandidatePairStats {
                id: pair.stats.id.clone(),
                timestamp,
                transport_id: TRANSPORT.to_owned(),
                local_candidate_id: local_id(&pair.local_candidate_id),
                remote_candidate_id: format!("RTCRemoteIceCandidate_{}", pair.remote_candidate_id),
                state: pair_state(pair.state).to_owned(),
                nominated: pair.nominated,
                selected,
                packets_sent: pair.packets_sent,
                packets_received: pair.packets_received,
                bytes_sent: pair.bytes_sent,
                bytes_received: pair.bytes_received,
                current_round_trip_time: checked.or(measured.filter(|_| selected)),
                total_round_trip_time: pair.total_round_trip_time,
                available_outgoing_bitrate: self.connection.bandwidth.available().filter(|_| selected),
                requests_sent: pair.requests_sent,
                requests_received: pair.requests_received,
                responses_sent: pair.responses_sent,
                responses_received: pair.responses_received,
            });
        }
        stats.transport.extend(transport.map(|transport| TransportStats {
            id: TRANSPORT.to_owned(),
            timestamp,
            packets_sent: transport.packets_sent,
            packets_received: transport.packets_received,
            bytes_sent: transport.bytes_sent,
            bytes_received: transport.bytes_received,
            ice_role: transport.ice_role.to_string(),
            ice_local_username_fragment: sdp::ice_ufrag(&self.local).map(str::to_owned),
            ice_state: transport.ice_state.to_string(),
            dtls_state: transport.dtls_state.to_string(),
            dtls_role: transport.dtls_role.to_string(),
            srtp_cipher: some(&transport.srtp_cipher),
            selected_candidate_pair_id: in_use.map(str::to_owned),
            selected_candidate_pair_changes: transport.selected_candidate_pair_changes,
        }));
    }

    fn candidate(&self, candidate: &RTCIceCandidateStats, kind: &str) -> CandidateStats {
        // The library knows a local socket only.
        let (url, relay_protocol) = match self.connection.relayed_by(&candidate.url) {
            Some((url, protocol)) => (Some(url), Some(protocol.to_owned())),
            None => (some(&candidate.url), None),
        };
        let address = candidate.address.clone().filter(|address| !address.is_empty());
        CandidateStats {
            id: candidate.stats.id.clone(),
            kind: kind.to_owned(),
            timestamp: self.timestamp,
            transport_id: TRANSPORT.to_owned(),
            ip: address.clone(),
            address,
            port: candidate.port,
            protocol: candidate.protocol.to_lowercase(),
            candidate_type: candidate.candidate_type.to_string(),
            url,
            relay_protocol,
            foundation: some(&candidate.foundation),
        }
    }

    fn channels(&self, stats: &mut PeerStats) {
        let timestamp = self.timestamp;
        stats.data_channel.extend(self.library.data_channels().map(|channel| DataChannelStats {
            id: channel.stats.id.clone(),
            timestamp,
            label: channel.label.clone(),
            data_channel_identifier: channel.data_channel_identifier,
            state: channel.state.to_string(),
            messages_sent: channel.messages_sent,
            bytes_sent: channel.bytes_sent,
            messages_received: channel.messages_received,
            bytes_received: channel.bytes_received,
        }));
        stats.peer_connection.push(PeerConnectionStats {
            id: "RTCPeerConnection".to_owned(),
            timestamp,
            data_channels_opened: self.library.peer_connection().map_or(0, |pc| pc.data_channels_opened),
            data_channels_closed: self.library.peer_connection().map_or(0, |pc| pc.data_channels_closed),
        });
    }

    fn streams(&self, meters: &StreamMeters, stats: &mut PeerStats) {
        let timestamp = self.timestamp;
        // What the library knows of a stream: its m-line and its track.
        let mut places: HashMap<u32, (String, String)> = HashMap::new();
        for stream in self.library.inbound_rtp_streams() {
            let ssrc = stream.received_rtp_stream_stats.rtp_stream_stats.ssrc;
            places.insert(ssrc, (stream.mid.clone(), stream.track_identifier.clone()));
        }
        for stream in self.library.outbound_rtp_streams() {
            let ssrc = stream.sent_rtp_stream_stats.rtp_stream_stats.ssrc;
            places.insert(ssrc, (stream.mid.clone(), String::new()));
        }
        let place = |ssrc: u32| places.get(&ssrc).map(|(mid, track)| (some(mid), some(track))).unwrap_or_default();
        let mut inbound: Vec<_> = meters.inbound.iter().filter(|(_, stream)| stream.packets.count > 0).collect();
        inbound.sort_by_key(|(ssrc, _)| **ssrc);
        for (&ssrc, stream) in inbound {
            let (mid, track_identifier) = place(ssrc);
            let pictures = Some(&stream.frames).filter(|_| stream.codec.is_video());
            let codec_id = self.codec(&stream.codec, "Inbound", stats);
            let since_last = stream.last_packet.map(|at| self.now.saturating_duration_since(at));
            stats.inbound_rtp.push(InboundRtpStats {
                id: format!("RTCInboundRTPStream_{ssrc}"),
                timestamp,
                ssrc,
                kind: kind(&stream.codec).to_owned(),
                transport_id: TRANSPORT.to_owned(),
                codec_id,
                mid,
                track_identifier,
                packets_received: stream.packets.count,
                bytes_received: stream.packets.bytes,
                header_bytes_received: stream.packets.header_bytes,
                packets_lost: stream.lost(),
                jitter: stream.jitter,
                last_packet_received_timestamp: since_last.map(|since| timestamp - since.as_secs_f64() * 1_000.0),
                retransmitted_packets_received: stream.retransmitted.count,
                retransmitted_bytes_received: stream.retransmitted.bytes,
                nack_count: stream.feedback.nack,
                pli_count: pictures.map(|_| stream.feedback.pli),
                fir_count: pictures.map(|_| stream.feedback.fir),
                frames_received: pictures.map(|pictures| pictures.complete),
                key_frames_received: pictures.map(|pictures| pictures.key),
                frames_per_second: pictures.map(|pictures| pictures.rate(self.now)),
                frame_width: width(pictures),
                frame_height: height(pictures),
            });
        }
        let mut outbound: Vec<_> = meters.outbound.iter().filter(|(_, stream)| stream.packets.count > 0).collect();
        outbound.sort_by_key(|(ssrc, _)| **ssrc);
        for (&ssrc, stream) in outbound {
            let pictures = Some(&stream.frames).filter(|_| stream.codec.is_video());
            let codec_id = self.codec(&stream.codec, "Outbound", stats);
            let (id, remote_id) = (format!("RTCOutboundRTPStream_{ssrc}"), format!("RTCRemoteInboundRTPStream_{ssrc}"));
            stats.remote_inbound_rtp.extend(stream.report.map(|report| RemoteInboundRtpStats {
                id: remote_id.clone(),
                timestamp,
                ssrc,
                kind: kind(&stream.codec).to_owned(),
                transport_id: TRANSPORT.to_owned(),
                codec_id: codec_id.clone(),
                local_id: id.clone(),
                packets_lost: report.packets_lost,
                fraction_lost: report.fraction_lost,
                jitter: report.jitter,
                round_trip_time: report.round_trip,
                total_round_trip_time: report.round_trips,
                round_trip_time_measurements: report.measurements,
            }));
            let sending = self.connection.feedback.observer(ssrc).and_then(|sender| sender.sending());
            stats.outbound_rtp.push(OutboundRtpStats {
                id,
                timestamp,
                ssrc,
                kind: kind(&stream.codec).to_owned(),
                transport_id: TRANSPORT.to_owned(),
                codec_id,
                mid: place(ssrc).0,
                remote_id: stream.report.map(|_| remote_id),
                packets_sent: stream.packets.count,
                bytes_sent: stream.packets.bytes,
                header_bytes_sent: stream.packets.header_bytes,
                retransmitted_packets_sent: stream.retransmitted.count,
                retransmitted_bytes_sent: stream.retransmitted.bytes,
                nack_count: stream.feedback.nack,
                pli_count: pictures.map(|_| stream.feedback.pli),
                fir_count: pictures.map(|_| stream.feedback.fir),
                frames_sent: pictures.map(|pictures| pictures.complete),
                key_frames_encoded: pictures.map(|pictures| pictures.key),
                frames_per_second: pictures.map(|pictures| pictures.rate(self.now)),
                frame_width: width(pictures),
                frame_height: height(pictures),
                target_bitrate: sending.map(|sending| sending.target),
                quality_limitation_reason: sending.map(|sending| sending.choice.reason.name().to_owned()),
                layer: sending.map(|sending| sending.current.map_or("none", SpatialLayer::name).to_owned()),
                temporal_layers: sending.map(|sending| sending.choice.temporal + 1),
            });
        }
    }

    /// Id of the codec, which is reported once for each direction.
    fn codec(&self, codec: &StreamCodec, direction: &str, stats: &mut PeerStats) -> String {
        let id = format!("RTCCodec_{direction}_{}", codec.payload_type);
        if !stats.codec.iter().any(|known| known.id == id) {
            stats.codec.push(CodecStats {
                id: id.clone(),
                timestamp: self.timestamp,
                transport_id: TRANSPORT.to_owned(),
                payload_type: codec.payload_type,
                mime_type: codec.mime_type.clone(),
                clock_rate: codec.clock_rate,
                channels: Some(codec.channels).filter(|channels| *channels > 0),
                sdp_fmtp_line: some(&codec.sdp_fmtp_line),
            });
        }
        id
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn kind(codec: &StreamCodec) -> &'static str {
    if codec.is_video() { "video" } else { "audio" }
}

fn width(pictures: Option<&FrameCounter>) -> Option<u32> {
    Some(pictures?.size?.0.into())
}

fn height(pictures: Option<&FrameCounter>) -> Option<u32> {
    Some(pictures?.size?.1.into())
}

/// W3C has no word for a pair that nothing is known of; it waits.
fn pair_state(state: RTCStatsIceCandidatePairState) -> &'static str {
    match state {
        RTCStatsIceCandidatePairState::Frozen => "frozen",
        RTCStatsIceCandidatePairState::InProgress => "in-progress",
        RTCStatsIceCandidatePairState::Failed => "failed",
        RTCStatsIceCandidatePairState::Succeeded => "succeeded",
        _ => "waiting",
    }
}
