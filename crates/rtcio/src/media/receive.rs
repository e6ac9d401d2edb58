//! From RTP packets to the application: one task for each incoming RTP stream.

use super::reassembly::Reassembler;
use super::remote::{RemoteTrack, Sink};
use super::round_trip::RoundTrip;
use super::sender_clock::SenderReports;
use confab_wire::media::{AUDIO_CLOCK_HZ, AudioPacket, EncodedFrame, MediaKind, VIDEO_CLOCK_HZ};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

/// Shortest time between two requests for a key frame.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(300);

/// What the far end told of its side, as the connection learns it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) round_trip: RoundTrip,
    pub(crate) reports: SenderReports,
}

/// Reads `source` to its end and feeds what the m-line stands for at the moment. An m-line can turn inactive and active
/// again while its RTP stream goes on: then the sink changes.
pub(crate) async fn pump(source: Arc<dyn TrackRemote>, mut sinks: watch::Receiver<Option<Sink>>, told: Told) {
    loop {
        let sink = sinks.borrow_and_update().clone();
        let more = match sink {
            Some(Sink::Video(track, frames)) => pump_video(&source, &mut sinks, &track, frames, &told).await,
            Some(Sink::Audio(track, packets)) => pump_audio(&source, &mut sinks, &track, packets, &told.reports).await,
            None => tokio::select! {
                changed = sinks.changed() => changed.is_ok(),
                event = source.poll() => event.is_some(),
            },
        };
        if !more {
            return;
        }
    }
}

/// False when the source has ended.
async fn pump_audio(
    source: &Arc<dyn TrackRemote>,
    sinks: &mut watch::Receiver<Option<Sink>>,
    track: &RemoteTrack,
    packets: mpsc::Sender<AudioPacket>,
    reports: &SenderReports,
) -> bool {
    let mut meter = Meter::new(AUDIO_CLOCK_HZ);
    let mut ssrc = None;
    loop {
        let event = tokio::select! {
            biased;
            changed = sinks.changed() => return changed.is_ok(),
            event = source.poll() => event,
        };
        match event {
            Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                meter.count(&packet, track);
                if ssrc.replace(packet.header.ssrc) != Some(packet.header.ssrc) {
                    track.set_reports(reports.about(packet.header.ssrc, AUDIO_CLOCK_HZ));
                }
                if packet.payload.is_empty() {
                    continue;
                }
                let packet = AudioPacket {
                    data: packet.payload,
                    timestamp: packet.header.timestamp,
                    sequence: packet.header.sequence_number,
                    level: track.level_of(&packet.header),
                };
                // Full: the application does not read, or not fast enough for real time. The newest is dropped.
                packets.try_send(packet).ok();
            }
            Some(TrackRemoteEvent::OnEnded) | None => return false,
            Some(_) => {}
        }
    }
}

/// False when the source has ended.
async fn pump_video(
    source: &Arc<dyn TrackRemote>,
    sinks: &mut watch::Receiver<Option<Sink>>,
    track: &RemoteTrack,
    frames: mpsc::Sender<EncodedFrame>,
    told: &Told,
) -> bool {
    let mut meter = Meter::new(VIDEO_CLOCK_HZ);
    let mut reassembler = Reassembler::default();
    let mut ssrc = None;
    let mut payload_type = None;
    let mut asked: Option<Instant> = None;
    let mut wanted = false;
    loop {
        let now = Instant::now();
        if let Some(round_trip) = told.round_trip.get() {
            reassembler.set_round_trip(round_trip);
        }
        while let Some(frame) = reassembler.pop(now) {
            if let Err(TrySendError::Full(_)) = frames.try_send(frame) {
                reassembler.break_chain();
            }
        }
        let taken = track.inner.taken.load(Ordering::Acquire);
        if (wanted || (reassembler.needs_key_frame() && taken))
            && let Some(media_ssrc) = ssrc
            && asked.is_none_or(|asked| asked + KEY_FRAME_INTERVAL <= now)
        {
            (asked, wanted) = (Some(now), false);
            // Before the first frame an unknown sender may still be on its way to its first key frame; asking is cheap.
            let request = PictureLossIndication { sender_ssrc: 0, media_ssrc };
            if let Err(error) = source.write_rtcp(vec![Box::new(request)]).await {
                tracing::debug!(%error, "a key frame could not be asked for");
            }
        }
        let ask_again = asked.filter(|_| wanted || reassembler.needs_key_frame()).map(|at| at + KEY_FRAME_INTERVAL);
        let wake = [reassembler.deadline(), ask_again.filter(|at| *at > now)].into_iter().flatten().min();
        let event = tokio::select! {
            biased;
            changed = sinks.changed() => return changed.is_ok(),
            () = track.inner.key_frame_wanted.notified() => {
                wanted = true;
                continue;
            }
            event = source.poll() => event,
            () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => continue,
        };
        match event {
            Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                meter.count(&packet, track);
                let header = &packet.header;
                if ssrc.replace(header.ssrc) != Some(header.ssrc) {
                    track.set_reports(told.reports.about(header.ssrc, VIDEO_CLOCK_HZ));
                }
                if payload_type.replace(header.payload_type) != Some(header.payload_type) {
                    reassembler.set_codec(track.codec_of(header.payload_type));
                }
                let arrived = Instant::now();
                reassembler.push(header.sequence_number, header.timestamp, header.marker, &packet.payload, arrived);
            }
            Some(TrackRemoteEvent::OnEnded) | None => return false,
            Some(_) => {}
        }
    }
}

/// Counts packets, losses and jitter (RFC 3550 appendix A.3 and A.8).
struct Meter {
    clock_hz: u32,
    first: Option<i64>,
    highest: i64,
    received: u64,
    transit: Option<f64>,
    jitter: f64,
    started: Instant,
}

impl Meter {
    fn new(clock_hz: u32) -> Self {
        Self { clock_hz, first: None, highest: 0, received: 0, transit: None, jitter: 0.0, started: Instant::now() }
    }

    fn count(&mut self, packet: &rtp::Packet, track: &RemoteTrack) {
        let sequence = packet.header.sequence_number;
        let extended = match self.first {
            None => {
                self.first = Some(i64::from(sequence));
                i64::from(sequence)
            }
            Some(_) => self.highest + i64::from(sequence.wrapping_sub(self.highest as u16) as i16),
        };
        if self.first == Some(extended) || extended > self.highest {
            self.highest = extended;
            self.measure_jitter(packet.header.timestamp);
        }
        self.received += 1;
        let expected = self.first.map_or(0, |first| (self.highest - first + 1).max(0) as u64);
        let counters = &track.inner.counters;
        counters.packets.fetch_add(1, Ordering::Relaxed);
        counters.bytes.fetch_add(packet.payload.len() as u64, Ordering::Relaxed);
        counters.lost.store(expected.saturating_sub(self.received), Ordering::Relaxed);
        counters.jitter.store((self.jitter as f32).to_bits(), Ordering::Relaxed);
    }

    /// Keeps `jitter` in milliseconds.
    fn measure_jitter(&mut self, timestamp: u32) {
        let arrival = self.started.elapsed().as_secs_f64() * 1_000.0;
        let transit = arrival - f64::from(timestamp) * 1_000.0 / f64::from(self.clock_hz);
        if let Some(last) = self.transit.replace(transit) {
            let difference = (transit - last).abs();
            // A step of minutes is a wrap or a new clock, not jitter.
            if difference < 60_000.0 {
                self.jitter += (difference - self.jitter) / 16.0;
            }
        }
    }
}

/// The kind by its name in SDP.
pub(crate) fn kind_of(media: &str) -> Option<MediaKind> {
    match media {
        "audio" => Some(MediaKind::Audio),
        "video" => Some(MediaKind::Video),
        _ => None,
    }
}
