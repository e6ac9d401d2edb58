//! What is sent to one peer: a sendonly transceiver for each track of each stream.
//!
//! The library's `replace_track` never binds the new track, so a transceiver keeps one local RTP track for life and a
//! forwarder switches what feeds it. That is also the swap without negotiation that the protocol wants.

use super::feedback::Feedback;
use crate::media::local::{LocalTrack, Packets};
use crate::media::stream::RtcioStream;
use confab_protocol::media::{AUDIO_CLOCK_HZ, Codec, MediaKind, VIDEO_CLOCK_HZ};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8};
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;
use webrtc::error::Result;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit, RtpTransceiver};

/// What a forwarder sends.
#[derive(Debug, Clone, Default)]
struct Feed {
    track: Option<LocalTrack>,
    /// Payload type of the negotiated codec; `None` while the m-line does not send.
    payload_type: Option<u8>,
}

struct Slot {
    msid: String,
    kind: MediaKind,
    ssrc: u32,
    transceiver: Arc<dyn RtpTransceiver>,
    feed: watch::Sender<Feed>,
}

/// The sending side of one peer.
#[derive(Default)]
pub(crate) struct Outbound {
    /// Streams this peer has; a stream that is untracked stays with those who have it.
    streams: Vec<RtcioStream>,
    slots: Vec<Slot>,
}

/// One step towards what is wanted. Indices are those of the slots before the first step.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Feed the slot from the wanted track at this index: no negotiation.
    Swap(usize, usize),
    /// The same, and the m-line sends again.
    Revive(usize, usize),
    /// The m-line turns inactive.
    Idle(usize),
    /// A new m-line for the wanted track.
    Add(usize),
}

/// A slot or a wish, as the plan sees it: stream, kind, track.
type Place<'a> = (&'a str, MediaKind, Option<&'a str>);

/// How to get from `slots` to `wanted`. Tracks stay where they are; then swaps of the same stream and kind; then idle
/// m-lines are used again; then new ones.
fn plan(slots: &[Place<'_>], wanted: &[Place<'_>]) -> Vec<Step> {
    let mut taken: Vec<bool> = wanted.iter().map(|wish| slots.contains(wish)).collect();
    let mut steps = Vec::new();
    let next_for = |slot: &Place<'_>, taken: &mut Vec<bool>| {
        let free =
            wanted.iter().zip(taken.iter()).position(|(wish, taken)| !taken && wish.0 == slot.0 && wish.1 == slot.1);
        if let Some(index) = free {
            taken[index] = true;
        }
        free
    };
    for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.2.is_some() && !wanted.contains(slot)) {
        steps.push(match next_for(slot, &mut taken) {
            Some(wish) => Step::Swap(index, wish),
            None => Step::Idle(index),
        });
    }
    for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.2.is_none()) {
        if let Some(wish) = next_for(slot, &mut taken) {
            steps.push(Step::Revive(index, wish));
        }
    }
    steps.extend(taken.iter().enumerate().filter(|(_, taken)| !**taken).map(|(index, _)| Step::Add(index)));
    steps
}

impl Outbound {
    /// Makes the transceivers match the streams. True if the other side must be told.
    pub(crate) async fn reconcile(
        &mut self,
        pc: &Arc<dyn PeerConnection>,
        registered: Vec<RtcioStream>,
        feedback: &Feedback,
        tasks: &mut JoinSet<()>,
    ) -> Result<bool> {
        for stream in registered {
            if !self.streams.iter().any(|known| known.id() == stream.id()) {
                self.streams.push(stream);
            }
        }
        let wanted: Vec<(String, LocalTrack)> = self
            .streams
            .iter()
            .flat_map(|stream| stream.tracks().into_iter().map(|track| (stream.msid().to_owned(), track)))
            .collect();
        let steps = {
            let now: Vec<Option<LocalTrack>> = self.slots.iter().map(|slot| slot.feed.borrow().track.clone()).collect();
            let slots: Vec<Place<'_>> = self
                .slots
                .iter()
                .zip(&now)
                .map(|(slot, track)| (slot.msid.as_str(), slot.kind, track.as_ref().map(LocalTrack::id)))
                .collect();
            let wishes: Vec<Place<'_>> =
                wanted.iter().map(|(msid, track)| (msid.as_str(), track.kind(), Some(track.id()))).collect();
            plan(&slots, &wishes)
        };
        let mut negotiate = false;
        for step in steps {
            match step {
                Step::Swap(slot, wish) | Step::Revive(slot, wish) => {
                    self.slots[slot].set(Some(wanted[wish].1.clone()), feedback);
                }
                Step::Idle(slot) => self.slots[slot].set(None, feedback),
                Step::Add(wish) => {
                    let (msid, track) = &wanted[wish];
                    let slot = Slot::open(pc, msid, track, tasks).await?;
                    slot.set(Some(track.clone()), feedback);
                    self.slots.push(slot);
                    negotiate = true;
                }
            }
        }
        // Also those of which nothing is wanted anew: the library forgets that an m-line is to send when the other side,
        // which does not know of it yet, offers it as inactive.
        for slot in &self.slots {
            negotiate |= slot.aim().await?;
        }
        Ok(negotiate)
    }

    /// After a negotiation or a change of the connection: lets those send that may.
    pub(crate) async fn refresh(&self, connected: bool) {
        for slot in &self.slots {
            let payload_type = if connected { slot.payload_type().await } else { None };
            slot.feed.send_if_modified(|feed| std::mem::replace(&mut feed.payload_type, payload_type) != payload_type);
        }
    }

    /// True if the peer was given the stream.
    pub(crate) fn has_stream(&self, msid: &str) -> bool {
        self.streams.iter().any(|stream| stream.msid() == msid)
    }
}

impl Slot {
    async fn open(
        pc: &Arc<dyn PeerConnection>,
        msid: &str,
        track: &LocalTrack,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self> {
        let ssrc = rand::random::<u32>().max(1);
        let (kind, codec) = match track.codec() {
            Codec::Opus => {
                (RtpCodecKind::Audio, codec(MIME_TYPE_OPUS, AUDIO_CLOCK_HZ, 2, "minptime=10;useinbandfec=1"))
            }
            _ => (RtpCodecKind::Video, codec(MIME_TYPE_VP8, VIDEO_CLOCK_HZ, 0, "")),
        };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..RTCRtpCodingParameters::default() },
            codec,
            ..RTCRtpEncodingParameters::default()
        };
        let id = Uuid::new_v4().to_string();
        let media = MediaStreamTrack::new(msid.to_owned(), id.clone(), id, kind, vec![encoding]);
        let rtp = Arc::new(TrackLocalStaticRTP::new(media));
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            ..RTCRtpTransceiverInit::default()
        };
        let local: Arc<dyn TrackLocal> = Arc::clone(&rtp) as Arc<dyn TrackLocal>;
        let transceiver = pc.add_transceiver_from_track(local, Some(init)).await?;
        let (feed, feeds) = watch::channel(Feed::default());
        tasks.spawn(forward(feeds, rtp, ssrc));
        Ok(Self { msid: msid.to_owned(), kind: track.kind(), ssrc, transceiver, feed })
    }

    fn set(&self, track: Option<LocalTrack>, feedback: &Feedback) {
        feedback.route(self.ssrc, track.clone());
        self.feed.send_modify(|feed| feed.track = track);
    }

    /// Makes the m-line send exactly while it has a track. Whether the other side sends on it is the other side's matter.
    /// True if the other side must be told.
    async fn aim(&self) -> Result<bool> {
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

    /// The negotiated payload type, if the m-line sends.
    async fn payload_type(&self) -> Option<u8> {
        let direction = self.transceiver.current_direction().await.ok()?;
        if !matches!(direction, RTCRtpTransceiverDirection::Sendonly | RTCRtpTransceiverDirection::Sendrecv) {
            return None;
        }
        let parameters = self.transceiver.sender().await.ok()??.get_parameters().await.ok()?;
        let mime = if self.kind == MediaKind::Video { MIME_TYPE_VP8 } else { MIME_TYPE_OPUS };
        let codecs = parameters.rtp_parameters.codecs;
        codecs.iter().find(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(mime)).map(|codec| codec.payload_type)
    }
}

fn codec(mime: &str, clock_rate: u32, channels: u16, fmtp: &str) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// Sends what the feed says. The sequence counter is this peer's own and stands still while nothing is sent, so that no
/// gap asks for retransmissions.
async fn forward(mut feeds: watch::Receiver<Feed>, rtp: Arc<TrackLocalStaticRTP>, ssrc: u32) {
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
    use MediaKind::{Audio, Video};

    #[test]
    fn tracks_that_are_there_stay() {
        let places = [("s", Video, Some("v")), ("s", Audio, Some("a"))];
        assert!(plan(&places, &places).is_empty());
    }

    #[test]
    fn new_tracks_get_new_lines() {
        assert_eq!(plan(&[], &[("s", Video, Some("v")), ("s", Audio, Some("a"))]), [Step::Add(0), Step::Add(1)]);
    }

    #[test]
    fn a_swap_of_one_kind_needs_no_line() {
        assert_eq!(plan(&[("s", Video, Some("v"))], &[("s", Video, Some("w"))]), [Step::Swap(0, 0)]);
        assert_eq!(plan(&[("s", Video, Some("v"))], &[("s", Audio, Some("a"))]), [Step::Idle(0), Step::Add(0)]);
        assert_eq!(plan(&[("s", Video, Some("v"))], &[("t", Video, Some("w"))]), [Step::Idle(0), Step::Add(0)]);
    }

    #[test]
    fn an_idle_line_of_the_same_stream_is_used_again() {
        assert_eq!(plan(&[("s", Video, None)], &[("s", Video, Some("v"))]), [Step::Revive(0, 0)]);
        assert_eq!(plan(&[("t", Video, None)], &[("s", Video, Some("v"))]), [Step::Add(0)]);
        assert!(plan(&[("s", Video, None)], &[]).is_empty());
    }

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
