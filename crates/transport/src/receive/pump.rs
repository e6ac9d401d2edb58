//! From RTP packets to the application: one task for each incoming RTP stream.

use super::remote_track::{RemoteTrack, Sink};
use confab_rtp::meters::{ReceiveStatistics, RoundTripTime, SenderReports};
use confab_rtp::reassembly::Reassembler;
use confab_wire::media::{AUDIO_CLOCK_HZ, AudioPacket, EncodedFrame, VIDEO_CLOCK_HZ};
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
pub(crate) struct RemoteClock {
    pub(crate) round_trip: RoundTripTime,
    pub(crate) reports: SenderReports,
}

/// Reads `source` to its end and feeds what the m-line stands for at the moment. An m-line can turn inactive and active
/// again while its RTP stream goes on: then the sink changes.
pub(crate) async fn pump(source: Arc<dyn TrackRemote>, mut sinks: watch::Receiver<Option<Sink>>, clock: RemoteClock) {
    loop {
        let sink = sinks.borrow_and_update().clone();
        let more = match sink {
            Some(Sink::Video(track, frames)) => pump_video(&source, &mut sinks, &track, frames, &clock).await,
            Some(Sink::Audio(track, packets)) => pump_audio(&source, &mut sinks, &track, packets, &clock.reports).await,
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
    let mut statistics = ReceiveStatistics::new(AUDIO_CLOCK_HZ);
    let mut ssrc = None;
    loop {
        let event = tokio::select! {
            biased;
            changed = sinks.changed() => return changed.is_ok(),
            event = source.poll() => event,
        };
        match event {
            Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                count(&packet, &mut statistics, track);
                if ssrc.replace(packet.header.ssrc) != Some(packet.header.ssrc) {
                    track.set_reports(reports.clock_of(packet.header.ssrc, AUDIO_CLOCK_HZ));
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
    clock: &RemoteClock,
) -> bool {
    let mut statistics = ReceiveStatistics::new(VIDEO_CLOCK_HZ);
    let mut reassembler = Reassembler::default();
    let mut ssrc = None;
    let mut payload_type = None;
    let mut asked: Option<Instant> = None;
    let mut wanted = false;
    loop {
        let now = Instant::now();
        if let Some(round_trip) = clock.round_trip.get() {
            reassembler.set_round_trip(round_trip);
        }
        while let Some(frame) = reassembler.pop(now.into_std()) {
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
        let wake = [reassembler.deadline().map(Instant::from_std), ask_again.filter(|at| *at > now)]
            .into_iter()
            .flatten()
            .min();
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
                count(&packet, &mut statistics, track);
                let header = &packet.header;
                if ssrc.replace(header.ssrc) != Some(header.ssrc) {
                    track.set_reports(clock.reports.clock_of(header.ssrc, VIDEO_CLOCK_HZ));
                }
                if payload_type.replace(header.payload_type) != Some(header.payload_type) {
                    reassembler.set_codec(track.codec_of(header.payload_type));
                }
                let arrived = Instant::now().into_std();
                reassembler.push(header.sequence_number, header.timestamp, header.marker, &packet.payload, arrived);
            }
            Some(TrackRemoteEvent::OnEnded) | None => return false,
            Some(_) => {}
        }
    }
}

/// Counts a packet of a track.
fn count(packet: &rtp::Packet, statistics: &mut ReceiveStatistics, track: &RemoteTrack) {
    statistics.receive(&packet.header, Instant::now().into_std());
    let counters = &track.inner.counters;
    counters.packets.fetch_add(1, Ordering::Relaxed);
    counters.bytes.fetch_add(packet.payload.len() as u64, Ordering::Relaxed);
    counters.lost.store(statistics.lost(), Ordering::Relaxed);
    counters.jitter.store((statistics.jitter_ms() as f32).to_bits(), Ordering::Relaxed);
}
