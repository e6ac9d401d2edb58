//! One m-line of ours: a transceiver that sends, its RTP stream and what feeds it.

use super::forwarder::{Feed, Forwarder};
use super::local_stream::LocalStream;
use super::local_track::LocalTrack;
use super::sender_feedback::SenderFeedback;
use crate::codecs;
use crate::connection::Connection;
use crate::options::MediaLines;
use confab_rtp::layers::ReceiverConstraints;
use confab_rtp::packetization::OutgoingFormat;
use confab_wire::{layers::RenderedSize, media::Codec};
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::sdp::extmap::AUDIO_LEVEL_URI;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use tokio::task::JoinSet;
use webrtc::error::Result;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit, RtpTransceiver};

pub(crate) struct Slot {
    /// MediaStream id of the stream that has it, or had it last.
    pub(crate) msid: String,
    /// Track id in its `a=msid`. For life: a browser's receiver keeps the first one it saw.
    pub(crate) msid_track: String,
    /// What it sends. For life: the library binds retransmission to it with the first negotiation.
    pub(crate) codec: Codec,
    ssrc: u32,
    rtx_ssrc: u32,
    transceiver: Arc<dyn RtpTransceiver>,
    feed: watch::Sender<Feed>,
    wants: watch::Sender<ReceiverConstraints>,
    /// It was said that the peer does not take the codec.
    refused: AtomicBool,
}

impl Slot {
    /// A new m-line.
    pub(crate) async fn open(
        connection: &Connection,
        stream: &LocalStream,
        codec: Codec,
        msid_track: String,
        lines: MediaLines,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self> {
        let (ssrc, rtx_ssrc) = (rand::random::<u32>().max(1), rand::random::<u32>().max(1));
        let rtp = Arc::new(TrackLocalStaticRTP::new(media(stream.msid(), &msid_track, codec, ssrc, rtx_ssrc)));
        let direction = match lines {
            MediaLines::OneWay => RTCRtpTransceiverDirection::Sendonly,
            MediaLines::BothWays => RTCRtpTransceiverDirection::Sendrecv,
        };
        let init = RTCRtpTransceiverInit { direction, ..RTCRtpTransceiverInit::default() };
        let local: Arc<dyn TrackLocal> = Arc::clone(&rtp) as Arc<dyn TrackLocal>;
        let transceiver = connection.pc.add_transceiver_from_track(local, Some(init)).await?;
        let sender_feedback = Arc::new(SenderFeedback::default());
        connection.feedback.observe(ssrc, Arc::clone(&sender_feedback));
        let (feed, feeds) = watch::channel(Feed::default());
        let (wants, wanted) = watch::channel(ReceiverConstraints::default());
        let bandwidth = Arc::clone(&connection.bandwidth);
        tasks.spawn(Forwarder { feeds, wants: wanted, sender_feedback, bandwidth, rtp, ssrc }.run());
        let (msid, refused) = (stream.msid().to_owned(), AtomicBool::new(false));
        let slot = Self { msid, msid_track, codec, ssrc, rtx_ssrc, transceiver, feed, wants, refused };
        slot.prefer(stream).await?;
        Ok(slot)
    }

    /// Gives the m-line to another stream: its msid stands in the next description (RFC 8829 section 5.2.2).
    ///
    /// The library's `replace_track` changes what the descriptions say and leaves the bound track alone, which is just
    /// what is wanted: the forwarder goes on with the same RTP stream.
    pub(crate) async fn take(&mut self, stream: &LocalStream) -> Result<()> {
        // First, for the library knows no sender of an m-line that does not send.
        self.transceiver.set_direction(RTCRtpTransceiverDirection::Sendonly).await?;
        if let Some(sender) = self.transceiver.sender().await? {
            let media = media(stream.msid(), &self.msid_track, self.codec, self.ssrc, self.rtx_ssrc);
            sender.replace_track(Arc::new(TrackLocalStaticRTP::new(media))).await?;
        }
        self.msid = stream.msid().to_owned();
        self.prefer(stream).await
    }

    /// Puts the codecs of the m-line into the order of the stream.
    async fn prefer(&self, stream: &LocalStream) -> Result<()> {
        let mut known = Vec::new();
        for codec in codecs::offered(self.codec.kind(), stream.codec_preferences()) {
            // The library refuses what an earlier description of the peer left out.
            if self.transceiver.set_codec_preferences(vec![codec.clone()]).await.is_ok() {
                known.push(codec);
            }
        }
        self.transceiver.set_codec_preferences(known).await
    }

    pub(crate) fn set(&self, track: Option<LocalTrack>) {
        if track.is_none() {
            // For the other side the next one is another track, of which it has said nothing.
            self.change_wants(|wants| wants.rendered_size = None);
        }
        self.feed.send_modify(|feed| feed.track = track);
    }

    pub(crate) fn track(&self) -> Option<LocalTrack> {
        self.feed.borrow().track.clone()
    }

    /// How many bits per second it may send.
    pub(crate) fn set_bitrate(&self, bitrate: u32) {
        self.change_wants(|wants| wants.bitrate = bitrate);
    }

    /// True if it is the m-line `mid`.
    pub(crate) async fn is_at(&self, mid: &str) -> bool {
        matches!(self.transceiver.mid().await, Ok(Some(own)) if own == mid)
    }

    /// How the peer draws what is sent. A word about what was sent before comes too late.
    pub(crate) fn set_rendered_size(&self, size: RenderedSize) {
        if self.feed.borrow().track.is_some() {
            self.change_wants(|wants| wants.rendered_size = Some(size));
        }
    }

    fn change_wants(&self, change: impl FnOnce(&mut ReceiverConstraints)) {
        self.wants.send_if_modified(|wants| {
            let before = *wants;
            change(wants);
            *wants != before
        });
    }

    /// Makes the m-line send exactly while it has a track. Whether the other side sends on it is the other side's matter.
    /// True if the other side must be told.
    pub(crate) async fn aim(&self) -> Result<bool> {
        use RTCRtpTransceiverDirection::{Inactive, Recvonly, Sendonly, Sendrecv};
        let sends = self.feed.borrow().track.is_some();
        let wanted = match (self.transceiver.direction().await?, sends) {
            (Sendonly | Sendrecv, true) | (Recvonly | Inactive, false) => return Ok(false),
            (Recvonly, true) => Sendrecv,
            (_, true) => Sendonly,
            (Sendrecv, false) => Recvonly,
            (_, false) => Inactive,
        };
        self.transceiver.set_direction(wanted).await?;
        Ok(true)
    }

    /// True if it is idle and the other side knows.
    pub(crate) async fn is_free(&self) -> bool {
        use RTCRtpTransceiverDirection::{Inactive, Recvonly};
        self.feed.borrow().track.is_none()
            && matches!(self.transceiver.current_direction().await, Ok(Inactive | Recvonly))
    }

    /// Lets the forwarder send if it may.
    pub(crate) async fn refresh(&self, connected: bool) {
        let format = if connected { self.format().await } else { None };
        self.feed.send_if_modified(|feed| std::mem::replace(&mut feed.format, format) != format);
    }

    /// What was negotiated, if the m-line sends.
    async fn format(&self) -> Option<OutgoingFormat> {
        let direction = self.transceiver.current_direction().await.ok()?;
        if !matches!(direction, RTCRtpTransceiverDirection::Sendonly | RTCRtpTransceiverDirection::Sendrecv) {
            return None;
        }
        let parameters = self.transceiver.sender().await.ok()??.get_parameters().await.ok()?.rtp_parameters;
        let payload_type = codecs::payload_type(self.codec, &parameters.codecs);
        let refused = payload_type.is_none();
        if refused && !self.refused.load(Ordering::Relaxed) {
            tracing::warn!(codec = ?self.codec, "the peer does not take the codec of a track; it is not sent");
        }
        self.refused.store(refused, Ordering::Relaxed);
        let extension = parameters.header_extensions.iter().find(|extension| extension.uri == AUDIO_LEVEL_URI);
        let audio_level = extension.and_then(|extension| u8::try_from(extension.id).ok());
        Some(OutgoingFormat { payload_type: payload_type?, audio_level })
    }
}

/// What the library is to write about the RTP stream.
fn media(msid: &str, msid_track: &str, codec: Codec, ssrc: u32, rtx_ssrc: u32) -> MediaStreamTrack {
    let rtx = (codec != Codec::Opus).then_some(RTCRtpRtxParameters { ssrc: rtx_ssrc });
    let kind = if codec == Codec::Opus { RtpCodecKind::Audio } else { RtpCodecKind::Video };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), rtx, ..RTCRtpCodingParameters::default() },
        codec: codecs::rtp_codec(codec),
        ..RTCRtpEncodingParameters::default()
    };
    let id = msid_track.to_owned();
    MediaStreamTrack::new(msid.to_owned(), id.clone(), id, kind, vec![encoding])
}
