//! RTCP that concerns the application: requests for key frames, and the round-trip time.
//!
//! The core delivers compound RTCP to one track only and has no round-trip time, so one interceptor next to the wire
//! reads both for the whole connection.

use crate::media::local::LocalTrack;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Sender reports of ours that may still be answered.
const REPORTS: usize = 64;

/// What the interceptor knows and finds out; shared with the peer's task.
#[derive(Debug, Default)]
pub(crate) struct Feedback {
    /// Which track of ours is sent under which SSRC.
    senders: Mutex<HashMap<u32, LocalTrack>>,
    /// Round-trip time in microseconds; 0 until measured.
    round_trip: AtomicU32,
}

impl Feedback {
    /// From now on `ssrc` carries `track`, or nothing.
    pub(crate) fn route(&self, ssrc: u32, track: Option<LocalTrack>) {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        match track {
            Some(track) => senders.insert(ssrc, track),
            None => senders.remove(&ssrc),
        };
    }

    /// The latest round-trip time in milliseconds.
    pub(crate) fn round_trip_ms(&self) -> Option<f32> {
        match self.round_trip.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(micros as f32 / 1_000.0),
        }
    }

    fn key_frame_requested(&self, ssrc: u32) {
        let senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(track) = senders.get(&ssrc) {
            track.request_key_frame();
        }
    }
}

/// The interceptor. It changes nothing that passes.
pub(crate) struct FeedbackTap {
    feedback: Arc<Feedback>,
    /// Middle 32 bits of the NTP time of our sender reports, and when they left.
    sent: VecDeque<(u32, Instant)>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl FeedbackTap {
    pub(crate) fn new(feedback: Arc<Feedback>) -> Self {
        Self { feedback, sent: VecDeque::new(), reads: VecDeque::new(), writes: VecDeque::new() }
    }

    fn received(&self, packet: &dyn rtcp::Packet, now: Instant) {
        let any = packet.as_any();
        if let Some(request) = any.downcast_ref::<PictureLossIndication>() {
            self.feedback.key_frame_requested(request.media_ssrc);
        } else if let Some(request) = any.downcast_ref::<FullIntraRequest>() {
            for entry in &request.fir {
                self.feedback.key_frame_requested(entry.ssrc);
            }
        } else if let Some(report) = any.downcast_ref::<ReceiverReport>() {
            self.measure(&report.reports, now);
        } else if let Some(report) = any.downcast_ref::<SenderReport>() {
            self.measure(&report.reports, now);
        }
    }

    /// RFC 3550 section 6.4.1: round trip = now − LSR − DLSR, with our own clock instead of NTP's.
    fn measure(&self, reports: &[ReceptionReport], now: Instant) {
        for report in reports {
            let sent = self.sent.iter().rev().find(|(id, _)| *id == report.last_sender_report && *id != 0);
            if let Some((_, at)) = sent {
                let held = f64::from(report.delay) / 65_536.0;
                let round_trip = now.saturating_duration_since(*at).as_secs_f64() - held;
                // The delay has a resolution of 15 µs, so a loopback can come out as nothing or less.
                let micros = (round_trip * 1e6).clamp(1.0, 60e6) as u32;
                self.feedback.round_trip.store(micros, Ordering::Relaxed);
            }
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for FeedbackTap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(parts) = &packet.message.packet {
            for part in parts {
                self.received(part.as_ref(), packet.now);
            }
        }
        self.reads.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(parts) = &packet.message.packet {
            for report in parts.iter().filter_map(|part| part.as_any().downcast_ref::<SenderReport>()) {
                if self.sent.len() >= REPORTS {
                    self.sent.pop_front();
                }
                self.sent.push_back(((report.ntp_time >> 16) as u32, packet.now));
            }
        }
        self.writes.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }
}

impl Interceptor for FeedbackTap {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
