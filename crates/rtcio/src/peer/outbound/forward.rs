//! From a local track to one peer's RTP stream.

use crate::media::local::{LocalTrack, Packets};
use confab_protocol::media::{AUDIO_CLOCK_HZ, MediaKind, VIDEO_CLOCK_HZ};
use rtc::rtp;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

/// What a forwarder sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Feed {
    pub(crate) track: Option<LocalTrack>,
    /// Payload type of the negotiated codec; `None` while the m-line does not send.
    pub(crate) payload_type: Option<u8>,
}

/// Sends what the feed says. The sequence counter is this peer's own and stands still while nothing is sent, so that no
/// gap asks for retransmissions.
pub(crate) async fn forward(mut feeds: watch::Receiver<Feed>, rtp: Arc<TrackLocalStaticRTP>, ssrc: u32) {
    let mut line = Line { sequence: rand::random(), last: None, offset: 0 };
    loop {
        let feed = feeds.borrow_and_update().clone();
        let (Some(track), Some(payload_type)) = (feed.track, feed.payload_type) else {
            if feeds.changed().await.is_err() {
                return;
            }
            continue;
        };
        let clock_hz = if track.kind() == MediaKind::Video { VIDEO_CLOCK_HZ } else { AUDIO_CLOCK_HZ };
        let mut subscription = track.subscribe();
        let mut fresh = true;
        loop {
            let packets = tokio::select! {
                biased;
                changed = feeds.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                packets = subscription.packets.recv() => packets,
            };
            let Some(packets) = packets else { break };
            if std::mem::take(&mut fresh) {
                line.join(packets.timestamp, clock_hz);
            }
            if !line.send(&rtp, ssrc, payload_type, track.kind(), &packets).await {
                return;
            }
        }
    }
}

/// Sequence numbers and timestamps of one RTP stream.
struct Line {
    sequence: u16,
    /// The last timestamp sent, and when.
    last: Option<(u32, Instant)>,
    /// What is added to the source's timestamps.
    offset: u32,
}

impl Line {
    /// Another source begins: its timestamps go on where the last one's ended, plus the time between.
    fn join(&mut self, timestamp: u32, clock_hz: u32) {
        if let Some((last, at)) = self.last {
            let passed = (at.elapsed().as_secs_f64() * f64::from(clock_hz)) as u64 as u32;
            self.offset = last.wrapping_add(passed.max(1)).wrapping_sub(timestamp);
        }
    }

    /// False if the connection is gone.
    async fn send(
        &mut self,
        rtp: &TrackLocalStaticRTP,
        ssrc: u32,
        payload_type: u8,
        kind: MediaKind,
        packets: &Packets,
    ) -> bool {
        let timestamp = packets.timestamp.wrapping_add(self.offset);
        self.last = Some((timestamp, Instant::now()));
        let count = packets.payloads.len();
        for (index, payload) in packets.payloads.iter().enumerate() {
            let header = rtp::Header {
                version: 2,
                // The marker ends a picture (RFC 7741 section 4.1); in audio it would begin a talkspurt.
                marker: kind == MediaKind::Video && index + 1 == count,
                payload_type,
                sequence_number: self.sequence,
                timestamp,
                ssrc,
                ..rtp::Header::default()
            };
            self.sequence = self.sequence.wrapping_add(1);
            if let Err(error) = rtp.write_rtp(rtp::Packet { header, payload: payload.clone() }).await {
                tracing::debug!(%error, "a packet can't be sent any more");
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_go_on_when_the_source_changes() {
        let mut line = Line { sequence: 0, last: None, offset: 0 };
        line.join(7, VIDEO_CLOCK_HZ);
        assert_eq!(line.offset, 0);
        line.last = Some((u32::MAX, Instant::now()));
        line.join(500, VIDEO_CLOCK_HZ);
        let next = 500u32.wrapping_add(line.offset);
        assert!(next < VIDEO_CLOCK_HZ, "{next}");
    }
}
