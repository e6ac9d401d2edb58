//! The codecs in descriptions of the library, which another side of any kind makes necessary.

use super::*;
use crate::addresses::Addresses;
use crate::channel::{ChannelSpec, DataChannelOptions};
use crate::codecs::receivable;
use crate::connection::Connection;
use crate::ice::{IceConfig, IceTransportPolicy};
use crate::sdp::mid_of;
use crate::send::local_stream::LocalStream;
use crate::send::local_track::LocalTrack;
use crate::send::outbound::Outbound;
use confab_wire::media::{Codec, Codec::H264, Codec::Vp8, Codec::Vp9, MediaKind};
use tokio::task::JoinSet;

const PLAYS_H264: Decoders = Decoders { h264: true };
const NO_H264: Decoders = Decoders { h264: false };

/// Payload types of a codec, and what a browser writes about it.
type Written = (&'static str, &'static str);
/// mid, direction and codecs of an m-line.
type MediaSection<'a> = (&'a str, &'a str, &'a [Written]);

const VP8: Written = ("96", "a=rtpmap:96 VP8/90000\r\n");
const AV1: Written = ("45", "a=rtpmap:45 AV1/90000\r\n");
const AVC: Written = (
    "104 103 35",
    "a=rtpmap:104 H264/90000\r\na=fmtp:104 packetization-mode=0;profile-level-id=42e01f\r\n\
    a=rtpmap:103 H264/90000\r\na=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
    a=rtpmap:35 rtx/90000\r\na=fmtp:35 apt=103\r\n",
);

/// The m-line of the data channels in [`sdp`].
const DATA: &[Written] = &[];

/// A description of the other side.
fn sdp(lines: &[MediaSection<'_>]) -> String {
    let mids: String = lines.iter().map(|(mid, ..)| format!(" {mid}")).collect();
    let ice = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:rZpTWxQlDmPLwUpF\r\na=ice-pwd:bBaVfGgrOKoWBXNmXBCiFhpAgCWTDqQO\r\n\
        a=setup:actpass\r\n";
    let mut sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{mids}\r\n\
        a=fingerprint:sha-256 BC:0F:EC:83:EE:AB:09:46:A5:29:A2:2A:86:F5:AC:FC:5B:52:E5:27:43:41:A6:7C:0F:EE:59:D2:F5:E1:7B:39\r\n"
    );
    for (mid, direction, codecs) in lines {
        if *codecs == DATA {
            sdp += &format!(
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{ice}a=mid:{mid}\r\na=sctp-port:5000\r\n"
            );
            continue;
        }
        let formats: Vec<&str> = codecs.iter().map(|codec| codec.0).collect();
        let text: String = codecs.iter().map(|codec| codec.1).collect();
        sdp += &format!("m=video 9 UDP/TLS/RTP/SAVPF {}\r\n{ice}a=mid:{mid}\r\n", formats.join(" "));
        sdp += &format!("a={direction}\r\na=rtcp-mux\r\na=msid:s t{mid}\r\na=ssrc:{mid}7 cname:s\r\n{text}");
    }
    sdp
}

/// Direction and codecs of the m-line `mid`.
fn line(sdp: &str, mid: &str) -> (String, Vec<(u8, Codec)>) {
    let section = sdp.split("\nm=").find(|section| mid_of(section) == Some(mid)).expect("the m-line");
    let directions = ["sendonly", "recvonly", "inactive"].into_iter();
    let has = |wanted: &str| section.lines().any(|line| line.trim_end().strip_prefix("a=") == Some(wanted));
    let found = directions.filter(|direction| has(direction)).collect();
    (found, receivable(section, MediaKind::Video, PLAYS_H264))
}

struct Side {
    connection: Connection,
    library: Library,
    outbound: Outbound,
    tasks: JoinSet<()>,
}

impl Side {
    async fn open(decoders: Decoders) -> Self {
        let ice = IceConfig::new(IceTransportPolicy::default(), Vec::new(), Vec::new());
        let connection = {
            let control = ChannelSpec::negotiated("control", "control".to_owned(), 0, DataChannelOptions::default());
            Connection::open(&ice, decoders, Addresses::read().unwrap(), None, Some(&control)).await.unwrap()
        };
        let library = Library::new(Arc::clone(&connection.pc), decoders);
        Self { connection, library, outbound: Outbound::default(), tasks: JoinSet::new() }
    }

    /// Sends a video of `codec` and offers it; the offer.
    async fn share(&mut self, codec: Codec) -> String {
        let stream = LocalStream::default();
        stream.add_track(&LocalTrack::video(codec));
        let Self { connection, outbound, tasks, .. } = self;
        assert!(outbound.reconcile(connection, vec![stream], crate::options::MediaLines::OneWay, tasks).await);
        self.library.offer(false).await.unwrap()
    }

    async fn answer(&mut self, offer: &str) -> String {
        self.library.take_offer(offer).await.unwrap()
    }
}

#[tokio::test]
async fn h264_alone_is_received_and_never_offered() {
    let mut side = Side::open(PLAYS_H264).await;
    let theirs = ("1", "sendonly", &[AVC][..]);
    assert_eq!(line(&side.answer(&sdp(&[("0", "", DATA), theirs])).await, "1"), ("recvonly".into(), vec![(103, H264)]));

    let offer = side.share(Vp8).await;
    assert_eq!(line(&offer, "1"), ("recvonly".into(), vec![(103, H264)]));
    let own: Vec<Codec> = line(&offer, "2").1.into_iter().map(|(_, codec)| codec).collect();
    assert_eq!(own, [Vp8, Vp9]);
    // A browser names everything that it can receive when it offers our m-line in its turn.
    side.library.take_answer(&sdp(&[("0", "", DATA), theirs, ("2", "recvonly", &[VP8])])).await.unwrap();
    let answer = side.answer(&sdp(&[("0", "", DATA), theirs, ("2", "recvonly", &[VP8, AVC])])).await;
    assert_eq!(line(&answer, "2"), ("sendonly".into(), vec![(96, Vp8)]));
}

#[tokio::test]
async fn nobody_makes_us_send_h264() {
    for codec in [Vp8, H264] {
        let mut side = Side::open(PLAYS_H264).await;
        let offer = side.share(codec).await;
        assert_eq!(line(&offer, "0").1, [(96, Vp8), (98, Vp9)]);
        // The data channels come second in an offer of ours.
        side.library.take_answer(&sdp(&[("0", "recvonly", &[AVC]), ("1", "", DATA)])).await.unwrap();
        let offer = side.library.offer(false).await.unwrap();
        let codecs: Vec<Codec> = line(&offer, "0").1.into_iter().map(|(_, codec)| codec).collect();
        assert_eq!(codecs, [Vp8, Vp9]);
    }
}

#[tokio::test]
async fn what_everybody_decodes_comes_before_h264() {
    let offer = sdp(&[("0", "", DATA), ("1", "sendonly", &[AVC, VP8])]);
    let taken = line(&Side::open(PLAYS_H264).await.answer(&offer).await, "1");
    assert_eq!(taken, ("recvonly".into(), vec![(96, Vp8), (103, H264)]));
    let taken = line(&Side::open(NO_H264).await.answer(&offer).await, "1");
    assert_eq!(taken, ("recvonly".into(), vec![(96, Vp8)]));
}

#[tokio::test]
async fn what_can_not_be_received_is_answered_so_and_spoils_nothing_else() {
    for (decoders, codec) in [(NO_H264, AVC), (NO_H264, AV1), (PLAYS_H264, AV1)] {
        let mut side = Side::open(decoders).await;
        let answer = side.answer(&sdp(&[("0", "", DATA), ("1", "sendonly", &[codec])])).await;
        assert_eq!(line(&answer, "1").0, "inactive", "{codec:?}");
        let (direction, codecs) = line(&side.share(Vp8).await, "2");
        assert_eq!((direction.as_str(), codecs.len()), ("sendonly", 2), "{codec:?}");
        // The same line in a codec of ours.
        let mut side = Side::open(decoders).await;
        side.answer(&sdp(&[("0", "", DATA), ("1", "sendonly", &[codec])])).await;
        let answer = side.answer(&sdp(&[("0", "", DATA), ("1", "sendonly", &[VP8])])).await;
        assert_eq!(line(&answer, "1").0, "recvonly", "{codec:?}");
    }
}
