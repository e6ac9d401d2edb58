//! RTCP feedback: requests for key frames, losses, the round-trip time, and the counters of all RTP streams.
//!
//! `rtc` delivers compound RTCP to one track only, has no round-trip time and leaves most of its statistics at zero, so one
//! interceptor next to the wire reads it all for the whole connection.

use crate::bandwidth::Bandwidth;
use crate::meters::{RTX_HEADER_BYTES, RoundTripTime, SenderReports, StreamMeters};
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Sender reports that were sent and may still be answered.
const MAX_SENDER_REPORTS: usize = 64;

/// A sender of one RTP stream, for the feedback that concerns it.
pub trait FeedbackObserver {
    /// The receiver asks for a key frame (PLI, FIR).
    fn key_frame_requested(&self);
    /// The receiver reports the fraction lost of RFC 3550 section 6.4.1, in 1/256.
    fn loss_reported(&self, fraction: u8);
}

/// RTCP feedback and counters of one connection, shared by the [`FeedbackInterceptor`] and the owner of the connection.
#[derive(Debug)]
pub struct Feedback<O> {
    /// Senders by SSRC.
    observers: Mutex<HashMap<u32, Arc<O>>>,
    round_trip: RoundTripTime,
    sender_reports: SenderReports,
    meters: Mutex<StreamMeters>,
    bandwidth: Arc<Bandwidth>,
}

impl<O: FeedbackObserver> Feedback<O> {
    /// For a connection with this bandwidth, which the receiver may limit (REMB).
    pub fn new(bandwidth: Arc<Bandwidth>) -> Self {
        Self {
            observers: Mutex::default(),
            round_trip: RoundTripTime::default(),
            sender_reports: SenderReports::default(),
            meters: Mutex::default(),
            bandwidth,
        }
    }

    /// From now on feedback about `ssrc` goes to `observer`.
    pub fn observe(&self, ssrc: u32, observer: Arc<O>) {
        self.observers().insert(ssrc, observer);
    }

    /// The observer of `ssrc`.
    pub fn observer(&self, ssrc: u32) -> Option<Arc<O>> {
        self.observers().get(&ssrc).cloned()
    }

    /// The latest round-trip time in milliseconds.
    pub fn round_trip_ms(&self) -> Option<f32> {
        self.round_trip.get().map(|round_trip| round_trip.as_secs_f32() * 1_000.0)
    }

    /// Where the latest round-trip time is written.
    pub fn round_trip(&self) -> RoundTripTime {
        self.round_trip.clone()
    }

    /// Where the newest sender reports are written.
    pub fn sender_reports(&self) -> SenderReports {
        self.sender_reports.clone()
    }

    /// The counters of this moment.
    pub fn meters(&self) -> StreamMeters {
        self.metered().clone()
    }

    fn observers(&self) -> MutexGuard<'_, HashMap<u32, Arc<O>>> {
        self.observers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metered(&self) -> MutexGuard<'_, StreamMeters> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key_frame_requested(&self, ssrc: u32) {
        if let Some(observer) = self.observers().get(&ssrc) {
            observer.key_frame_requested();
        }
    }

    fn loss_reported(&self, report: &ReceptionReport) {
        if let Some(observer) = self.observers().get(&report.ssrc) {
            observer.loss_reported(report.fraction_lost);
        }
    }
}

/// The interceptor that fills [`Feedback`]. It changes nothing that passes but retransmissions (RFC 4588), which become the
/// packets that they repeat.
pub struct FeedbackInterceptor<O> {
    feedback: Arc<Feedback<O>>,
    /// Middle 32 bits of the NTP time of the sender reports that were sent, and when they left.
    sent: VecDeque<(u32, Instant)>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl<O: FeedbackObserver> FeedbackInterceptor<O> {
    /// For the connection of `feedback`; its place is next to the wire.
    pub fn new(feedback: Arc<Feedback<O>>) -> Self {
        Self { feedback, sent: VecDeque::new(), reads: VecDeque::new(), writes: VecDeque::new() }
    }

    fn received(&self, packet: &dyn rtcp::Packet, now: Instant) {
        let any = packet.as_any();
        if let Some(request) = any.downcast_ref::<PictureLossIndication>() {
            self.feedback.key_frame_requested(request.media_ssrc);
            if let Some(stream) = self.feedback.metered().outbound.get_mut(&request.media_ssrc) {
                stream.feedback.pli += 1;
            }
        } else if let Some(request) = any.downcast_ref::<FullIntraRequest>() {
            for entry in &request.fir {
                self.feedback.key_frame_requested(entry.ssrc);
                if let Some(stream) = self.feedback.metered().outbound.get_mut(&entry.ssrc) {
                    stream.feedback.fir += 1;
                }
            }
        } else if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            if let Some(stream) = self.feedback.metered().outbound.get_mut(&nack.media_ssrc) {
                stream.feedback.nack += 1;
            }
        } else if let Some(most) = any.downcast_ref::<ReceiverEstimatedMaximumBitrate>() {
            self.feedback.bandwidth.set_remb(most.bitrate);
        } else if let Some(report) = any.downcast_ref::<ReceiverReport>() {
            self.reported(&report.reports, now);
        } else if let Some(report) = any.downcast_ref::<SenderReport>() {
            self.reported(&report.reports, now);
            if let Some(stream) = self.feedback.metered().inbound.get_mut(&report.ssrc) {
                stream.sender_report = Some((report.packet_count.into(), report.octet_count.into()));
                self.feedback.sender_reports.set(report.ssrc, report.ntp_time, report.rtp_time);
            }
        }
    }

    fn reported(&self, reports: &[ReceptionReport], now: Instant) {
        for report in reports {
            let round_trip = self.round_trip(report, now);
            if let Some(round_trip) = round_trip {
                self.feedback.round_trip.set(Duration::from_secs_f64(round_trip));
            }
            self.feedback.loss_reported(report);
            if let Some(stream) = self.feedback.metered().outbound.get_mut(&report.ssrc) {
                stream.reported(report, round_trip);
            }
        }
    }

    /// In seconds. RFC 3550 section 6.4.1: round trip = now − LSR − DLSR, with our own clock instead of NTP's.
    fn round_trip(&self, report: &ReceptionReport, now: Instant) -> Option<f64> {
        let (_, at) = self.sent.iter().rev().find(|(id, _)| *id == report.last_sender_report && *id != 0)?;
        let held = f64::from(report.delay) / 65_536.0;
        // The delay has a resolution of 15 µs, so a loopback can come out as nothing or less.
        Some((now.saturating_duration_since(*at).as_secs_f64() - held).clamp(1e-6, 60.0))
    }

    fn sent(&mut self, packet: &dyn rtcp::Packet, now: Instant) {
        let any = packet.as_any();
        if let Some(report) = any.downcast_ref::<SenderReport>() {
            if self.sent.len() >= MAX_SENDER_REPORTS {
                self.sent.pop_front();
            }
            self.sent.push_back(((report.ntp_time >> 16) as u32, now));
        } else if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            let sequences = nack.nacks.iter().flat_map(|pair| pair.packet_list());
            self.feedback.metered().nack(nack.media_ssrc, sequences);
        } else if let Some(request) = any.downcast_ref::<PictureLossIndication>() {
            if let Some(stream) = self.feedback.metered().inbound.get_mut(&request.media_ssrc) {
                stream.feedback.pli += 1;
            }
        } else if let Some(request) = any.downcast_ref::<FullIntraRequest>() {
            for entry in &request.fir {
                if let Some(stream) = self.feedback.metered().inbound.get_mut(&entry.ssrc) {
                    stream.feedback.fir += 1;
                }
            }
        }
    }
}

impl<O: FeedbackObserver> Protocol<TaggedPacket, TaggedPacket, ()> for FeedbackInterceptor<O> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        match &mut packet.message.packet {
            Packet::Rtp(rtp) => {
                let original = self.feedback.metered().receive(rtp, packet.now);
                if let Some((ssrc, payload_type)) = original {
                    restore(rtp, ssrc, payload_type);
                }
            }
            Packet::Rtcp(parts) => {
                for part in parts {
                    self.received(part.as_ref(), packet.now);
                }
            }
            _ => {}
        }
        self.reads.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        match &packet.message.packet {
            Packet::Rtp(rtp) => self.feedback.metered().send(rtp, packet.now),
            Packet::Rtcp(parts) => {
                for part in parts {
                    self.sent(part.as_ref(), packet.now);
                }
            }
            _ => {}
        }
        self.writes.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }
}

/// Makes the original packet of a retransmission (RFC 4588 section 4). `rtc` would do so only behind its NACK
/// generator, which would then ask for the same packet again and again.
fn restore(packet: &mut rtp::Packet, ssrc: u32, payload_type: u8) {
    if packet.payload.len() > RTX_HEADER_BYTES {
        let sequence = packet.payload.split_to(RTX_HEADER_BYTES);
        let header = &mut packet.header;
        (header.ssrc, header.payload_type) = (ssrc, payload_type);
        header.sequence_number = u16::from_be_bytes([sequence[0], sequence[1]]);
    }
}

impl<O: FeedbackObserver + Send + Sync + 'static> Interceptor for FeedbackInterceptor<O> {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.feedback.metered().bind_outbound(info, true);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.feedback.metered().bind_outbound(info, false);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.feedback.metered().bind_inbound(info, true);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.feedback.metered().bind_inbound(info, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::interceptor::AttributedPacket;
    use rtc::shared::TransportContext;

    struct NoSender;

    impl FeedbackObserver for NoSender {
        fn key_frame_requested(&self) {}

        fn loss_reported(&self, _: u8) {}
    }

    #[test]
    fn a_peer_that_says_what_it_can_receive_gets_no_more() {
        let bandwidth = Arc::new(Bandwidth::default());
        let mut interceptor = FeedbackInterceptor::new(Arc::new(Feedback::<NoSender>::new(Arc::clone(&bandwidth))));
        let mut said = |bitrate: f32| {
            let estimate = ReceiverEstimatedMaximumBitrate { sender_ssrc: 1, bitrate, ssrcs: vec![2] };
            let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(estimate)]));
            let transport = TransportContext::default();
            interceptor.handle_read(TaggedPacket { now: Instant::now(), transport, message }).unwrap();
            bandwidth.estimate()
        };
        assert_eq!(said(f32::NAN), u32::MAX, "it says nothing");
        assert_eq!(said(0.0), u32::MAX);
        assert_eq!(said(300_000.0), 300_000);
        assert_eq!(said(900_000.0), 900_000);
        assert_eq!(said(1.0), 100_000, "sound and a small picture remain");
        assert_eq!(bandwidth.available(), Some(100_000.0));
    }
}
