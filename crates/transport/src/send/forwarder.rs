//! From a local track to one peer's RTP stream.

use super::local_track::LocalTrack;
use super::sender_feedback::{SenderFeedback, Sending};
use confab_rtp::bandwidth::{BACKLOG_LIMIT, Bandwidth};
use confab_rtp::layers::{ReceiverConstraints, ReceiverLayers};
use confab_rtp::packetization::{OutgoingFormat, OutgoingStream};
use confab_wire::media::{AUDIO_CLOCK_HZ, MediaKind, VIDEO_CLOCK_HZ};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

/// What a forwarder sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Feed {
    pub(crate) track: Option<LocalTrack>,
    /// `None` while the m-line does not send.
    pub(crate) format: Option<OutgoingFormat>,
}

/// Sends to one m-line.
pub(crate) struct Forwarder {
    pub(crate) feeds: watch::Receiver<Feed>,
    pub(crate) wants: watch::Receiver<ReceiverConstraints>,
    pub(crate) sender_feedback: Arc<SenderFeedback>,
    pub(crate) bandwidth: Arc<Bandwidth>,
    pub(crate) rtp: Arc<TrackLocalStaticRTP>,
    pub(crate) ssrc: u32,
}

impl Forwarder {
    /// Sends what the feed says, until the m-line or the connection is gone.
    pub(crate) async fn run(mut self) {
        let mut stream = OutgoingStream::new(self.ssrc, rand::random());
        loop {
            let feed = self.feeds.borrow_and_update().clone();
            let goes_on = match (feed.track, feed.format) {
                (Some(track), Some(format)) => self.forward(&track, format, &mut stream).await,
                _ => self.feeds.changed().await.is_ok(),
            };
            self.sender_feedback.set_sending(None);
            self.bandwidth.set_need(self.ssrc, 0);
            self.bandwidth.change_feed(self.ssrc);
            if !goes_on {
                return;
            }
        }
    }

    /// Sends one track until the feed changes. False if nothing can be sent any more.
    async fn forward(&mut self, track: &LocalTrack, format: OutgoingFormat, stream: &mut OutgoingStream) -> bool {
        let video = track.kind() == MediaKind::Video;
        let clock_hz = if video { VIDEO_CLOCK_HZ } else { AUDIO_CLOCK_HZ };
        let mut subscription = track.subscribe(*self.wants.borrow_and_update());
        let mut fraction_lost = self.sender_feedback.fraction_lost();
        let mut fresh = true;
        loop {
            if video {
                let layers = subscription.layers(self.bandwidth.backlog() > BACKLOG_LIMIT);
                let ReceiverLayers { selection, current, needed_bitrate } = layers;
                let target = self.wants.borrow().bitrate.min(track.max_bitrate());
                self.sender_feedback.set_sending(Some(Sending { target, choice: selection, current }));
                self.bandwidth.set_need(self.ssrc, needed_bitrate);
            }
            let packets = tokio::select! {
                biased;
                changed = self.feeds.changed() => return changed.is_ok(),
                changed = self.wants.changed() => {
                    subscription.set_constraints(*self.wants.borrow_and_update());
                    if changed.is_ok() { continue } else { return false }
                }
                () = self.sender_feedback.key_frame_wanted() => {
                    subscription.request_key_frame();
                    continue;
                }
                Ok(()) = fraction_lost.changed(), if !video => {
                    subscription.report_loss(*fraction_lost.borrow_and_update());
                    continue;
                }
                packets = subscription.packets.recv() => packets,
            };
            // The subscription holds the track, which holds the sender.
            let Some(packets) = packets else { return false };
            let now = Instant::now();
            if std::mem::take(&mut fresh) {
                self.bandwidth.change_feed(self.ssrc);
                stream.switch_source(packets.timestamp, clock_hz, now);
            }
            for packet in stream.packets(&packets, track.codec(), format, now) {
                if let Err(error) = self.rtp.write_rtp(packet).await {
                    tracing::debug!(%error, "a packet can't be sent any more");
                    return false;
                }
            }
        }
    }
}
