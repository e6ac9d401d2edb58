//! Statistics against what is known to be true.

use crate::common::{Camera, Member, PATIENCE, pair, server, sound, watch_frames};
use confab_rtcio::{
    AudioPacket, Codec, IceServer, IceTransportPolicy, LocalTrack, PeerStats, RtcioStream, SessionStats, Socket,
};
use confab_testkit::turn::{CREDENTIAL, TurnServer, USER};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, interval, sleep_until, timeout};
use url::Url;

/// Asks for statistics until they satisfy `matches`.
async fn stats_when(member: &Member, peer: &str, what: &str, matches: impl Fn(&PeerStats) -> bool) -> PeerStats {
    let mut latest = None;
    let mut ticks = interval(Duration::from_millis(100));
    let found = timeout(PATIENCE, async {
        loop {
            ticks.tick().await;
            let stats = member.socket.get_stats(peer).await.expect("a known peer");
            if matches(&stats) {
                return stats;
            }
            latest = Some(stats);
        }
    });
    found.await.unwrap_or_else(|_| panic!("no {what} in {latest:#?}"))
}

async fn share(member: &Member, track: &LocalTrack) -> RtcioStream {
    let stream = RtcioStream::new();
    stream.add_track(track);
    let args = vec![json!({ "stream": stream.placeholder() })];
    member.socket.emit_stream("camera", args, &stream).await.unwrap();
    stream
}

fn microphone(track: &LocalTrack) -> JoinHandle<()> {
    let track = track.clone();
    tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(20));
        for number in 0u32.. {
            ticks.tick().await;
            track.write_audio(AudioPacket { data: sound(number), timestamp: number * 960, sequence: 0, level: None });
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_known_size_and_rate_is_reported_as_it_is() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "stats").await;
    let (video, audio) = (LocalTrack::video(Codec::Vp8), LocalTrack::audio());
    let stream = share(&ann, &video).await;
    stream.add_track(&audio);
    let _camera = Camera::start(&video, 2_000);
    let microphone = microphone(&audio);
    let track = ben.track(&ann.id).await;
    ben.track(&ann.id).await;
    watch_frames(&track, 2_000, 10).await;

    let is_full = |stats: &PeerStats| {
        let video = stats.inbound_rtp.iter().find(|stream| stream.kind == "video");
        stats.inbound_rtp.len() == 2 && video.is_some_and(|video| video.frames_per_second > Some(25.0))
    };
    let received = stats_when(&ben, &ann.id, "30 frames a second", is_full).await;
    let video_in = received.inbound_rtp.iter().find(|stream| stream.kind == "video").unwrap();
    assert_eq!((video_in.frame_width, video_in.frame_height), (Some(640), Some(360)));
    assert!(video_in.frames_per_second < Some(34.0), "{video_in:?}");
    // Frames of 2,000 bytes are two packets with a descriptor each, key frames are four times as large.
    let (frames, keys) = (video_in.frames_received.unwrap(), video_in.key_frames_received.unwrap());
    assert!(frames > 20 && (1..frames).contains(&keys), "{video_in:?}");
    let least = (frames - keys) * 2_000 + keys * 8_000;
    assert!((least..least + 12_000).contains(&video_in.bytes_received), "{video_in:?}");
    assert_eq!(video_in.packets_lost, 0);
    assert!(video_in.jitter < 0.05 && video_in.pli_count >= Some(1), "{video_in:?}");
    assert_eq!(video_in.track_identifier.as_deref(), Some(track.id()));
    let audio_in = received.inbound_rtp.iter().find(|stream| stream.kind == "audio").unwrap();
    // Each packet holds five bytes.
    assert_eq!(audio_in.bytes_received, audio_in.packets_received * 5);
    assert_eq!(audio_in.frames_per_second, None);

    let reported = |stats: &PeerStats| {
        stats.remote_inbound_rtp.len() == 2 && stats.remote_inbound_rtp.iter().all(|r| r.round_trip_time.is_some())
    };
    let sent = stats_when(&ann, &ben.id, "reports of the far end", reported).await;
    let video_out = sent.outbound_rtp.iter().find(|stream| stream.kind == "video").unwrap();
    assert_eq!((video_out.frame_width, video_out.frame_height), (Some(640), Some(360)));
    assert_eq!(video_out.ssrc, video_in.ssrc);
    assert!(video_out.pli_count >= Some(1) && video_out.frames_sent > Some(20), "{video_out:?}");
    let remote = sent.remote_inbound_rtp.iter().find(|remote| remote.local_id == video_out.id).unwrap();
    assert!(remote.packets_lost == 0 && remote.fraction_lost == 0.0, "{remote:?}");
    assert!(remote.round_trip_time < Some(0.5) && remote.jitter < 0.05, "{remote:?}");

    assert_session(SessionStats::from(received), &sent, &ann, &ben).await;
    microphone.abort();
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

async fn assert_session(ours: SessionStats, sent: &PeerStats, ann: &Member, ben: &Member) {
    assert_eq!(ours.codecs.len(), 2);
    assert_eq!(ours.inbound_rtp.len(), 2);
    assert_eq!(ours.packets_received, ours.inbound_rtp.iter().map(|stream| stream.packets_received).sum::<u64>());
    let theirs = ann.socket.get_session_stats(&ben.id).await.unwrap();
    assert!(theirs.packets_sent >= sent.outbound_rtp.iter().map(|stream| stream.packets_sent).sum::<u64>());
    assert!(theirs.rtt.is_some_and(|rtt| rtt > 0.0 && rtt < 500.0), "{theirs:?}");
    assert!(["VP8", "opus"].contains(&theirs.codec_name.as_deref().unwrap_or_default()), "{theirs:?}");
    // Both are on this machine, which may have several addresses: any two of them may be the path.
    let own: Vec<String> =
        if_addrs::get_if_addrs().unwrap().iter().map(|interface| interface.ip().to_string()).collect();
    for address in [&theirs.local_address, &theirs.remote_address] {
        assert!(address.as_ref().is_some_and(|address| own.contains(address)), "{theirs:?} of {own:?}");
    }
    let text = serde_json::to_value(&theirs).unwrap();
    let documented = ["rtt", "packetsLost", "packetsSent", "packetsReceived", "bytesSent", "bytesReceived"];
    let lists = ["inboundRTP", "outboundRTP", "codecs"];
    assert!(documented.iter().all(|field| text[field].is_number()), "{text}");
    assert!(lists.iter().all(|field| text[field].is_array()), "{text}");
    assert!(serde_json::to_value(&ours).unwrap()["jitter"].is_number());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_grouped_by_type_under_the_names_of_w3c() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "types").await;
    let video = LocalTrack::video(Codec::Vp8);
    share(&ann, &video).await;
    let _camera = Camera::start(&video, 500);
    watch_frames(&ben.track(&ann.id).await, 500, 3).await;
    let reported = |stats: &PeerStats| stats.remote_inbound_rtp.iter().any(|remote| remote.round_trip_time.is_some());
    let stats = stats_when(&ann, &ben.id, "a report", reported).await;
    let groups = serde_json::to_value(&stats).unwrap();
    for (kind, fields) in [
        ("outbound-rtp", &["ssrc", "packetsSent", "bytesSent", "framesPerSecond", "nackCount", "codecId"][..]),
        ("remote-inbound-rtp", &["roundTripTime", "fractionLost", "packetsLost", "jitter", "localId"]),
        ("candidate-pair", &["state", "nominated", "localCandidateId", "remoteCandidateId", "currentRoundTripTime"]),
        ("local-candidate", &["candidateType", "address", "port", "protocol"]),
        ("remote-candidate", &["candidateType", "address", "port", "protocol"]),
        ("transport", &["bytesSent", "bytesReceived", "dtlsState", "iceState", "selectedCandidatePairId"]),
        ("codec", &["mimeType", "payloadType", "clockRate"]),
        ("data-channel", &["label", "state", "messagesSent", "dataChannelIdentifier"]),
        ("peer-connection", &["dataChannelsOpened"]),
    ] {
        let report = groups[kind].as_array().unwrap().iter().find(|report| report["selected"] != json!(false));
        let report = report.unwrap_or_else(|| panic!("{kind} in {groups:#}"));
        assert_eq!(report["type"], kind);
        assert!(report["timestamp"].as_f64().unwrap() > 1.6e12 && report["id"].is_string(), "{report:#}");
        for field in fields {
            assert!(!report[field].is_null(), "{kind} has no {field}: {report:#}");
        }
    }
    assert!(groups["inbound-rtp"].as_array().unwrap().is_empty());
    assert_eq!(groups["data-channel"][0]["label"], "rtcio:ctrl");
    assert_eq!(groups["transport"][0]["dtlsState"], "connected");

    let ice = ben.socket.get_ice_candidate_stats(&ann.id).await.unwrap();
    let text = serde_json::to_value(&ice).unwrap();
    let selected = &text["selectedIceCandidatePairStats"];
    assert_eq!(selected["localCandidate"]["type"], "local-candidate");
    assert_eq!(selected["remoteCandidate"]["type"], "remote-candidate");
    let all = ice.local_candidates.len() + ice.remote_candidates.len();
    assert_eq!(text["iceCandidateStats"].as_array().map(Vec::len), Some(all));
    let pair = ice.candidate_pairs.iter().find(|pair| pair.nominated).unwrap();
    assert_eq!(pair.state, "succeeded");
    let has = |candidates: &Value, id: &str| candidates.as_array().unwrap().iter().any(|one| one["id"] == id);
    assert!(has(&text["localCandidates"], &pair.local_candidate_id), "{text:#}");
    assert!(has(&text["remoteCandidates"], &pair.remote_candidate_id), "{text:#}");

    assert_eq!(ann.socket.get_stats("nobody").await, None);
    assert_eq!(ann.socket.get_session_stats("nobody").await, None);
    assert_eq!(ann.socket.get_ice_candidate_stats("nobody").await, None);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

/// Payload type of VP8 on our wire.
const VP8: u8 = 96;

/// A bad path to a TURN server: every datagram takes `delay` longer, and every tenth of the video packets that are sent
/// for the first time is lost on the way to the server.
struct BadPath {
    port: u16,
    lost: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl BadPath {
    async fn open(server: u16, delay: Duration, loses: bool) -> Self {
        let near = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let far = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        far.connect(("127.0.0.1", server)).await.unwrap();
        let (port, lost) = (near.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
        let client = Arc::new(OnceLock::new());
        let (there, mut going) = mpsc::unbounded_channel();
        let (back, mut coming) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        {
            let (near, client, lost) = (Arc::clone(&near), Arc::clone(&client), Arc::clone(&lost));
            tasks.spawn(async move {
                let (mut buffer, mut video) = (vec![0; 65_536], FirstSendings::default());
                while let Ok((length, from)) = near.recv_from(&mut buffer).await {
                    assert_eq!(*client.get_or_init(|| from), from, "one interface is enough here");
                    let datagram = &buffer[..length];
                    if loses && video.count(datagram) && video.number.is_multiple_of(10) {
                        lost.fetch_add(1, Ordering::SeqCst);
                    } else {
                        there.send((Instant::now() + delay, datagram.to_vec())).unwrap();
                    }
                }
            });
        }
        {
            let far = Arc::clone(&far);
            tasks.spawn(async move {
                while let Some((due, datagram)) = going.recv().await {
                    sleep_until(due).await;
                    far.send(&datagram).await.unwrap();
                }
            });
        }
        tasks.spawn(async move {
            let mut buffer = vec![0; 65_536];
            while let Ok(length) = far.recv(&mut buffer).await {
                back.send((Instant::now() + delay, buffer[..length].to_vec())).unwrap();
            }
        });
        tasks.spawn(async move {
            while let Some((due, datagram)) = coming.recv().await {
                sleep_until(due).await;
                let client: SocketAddr = *client.get().unwrap();
                near.send_to(&datagram, client).await.unwrap();
            }
        });
        Self { port, lost, _tasks: tasks }
    }
}

/// Finds RTP of VP8 in ChannelData, and tells packets that are sent again.
#[derive(Default)]
struct FirstSendings {
    newest: Option<u16>,
    number: u64,
}

impl FirstSendings {
    fn count(&mut self, datagram: &[u8]) -> bool {
        if datagram.len() < 16 || datagram[0] >> 4 != 4 || datagram[4] >> 6 != 2 || datagram[5] & 0x7f != VP8 {
            return false;
        }
        let sequence = u16::from_be_bytes([datagram[6], datagram[7]]);
        let first = self.newest.is_none_or(|newest| (1..0x8000).contains(&sequence.wrapping_sub(newest)));
        if first {
            self.newest = Some(sequence);
            self.number += 1;
        }
        first
    }
}

/// Ann, whose path is bad in this way, and Ben.
async fn bad_call(turn: &TurnServer, url: &Url, path: &BadPath) -> (Member, Member) {
    let join = async |name: &str, port: u16| {
        let relay = IceServer {
            urls: vec![format!("turn:127.0.0.1:{port}?transport=udp")],
            username: Some(USER.to_owned()),
            credential: Some(CREDENTIAL.to_owned()),
        };
        let builder = Socket::builder(url.clone()).force_new(true).ice_servers(vec![relay]);
        let (socket, events) = builder.ice_transport_policy(IceTransportPolicy::Relay).connect();
        Member::enter(socket, events, "bad", name).await
    };
    let mut ann = join("Ann", path.port).await;
    let mut ben = join("Ben", turn.port).await;
    ann.peer_connect(&ben.id).await;
    ben.peer_connect(&ann.id).await;
    (ann, ben)
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_on_the_path_is_seen_at_both_ends() {
    let (server, url) = server().await;
    let turn = TurnServer::start().await.unwrap();
    let path = BadPath::open(turn.port, Duration::ZERO, true).await;
    let (ann, mut ben) = bad_call(&turn, &url, &path).await;
    let video = LocalTrack::video(Codec::Vp8);
    share(&ann, &video).await;
    let camera = Camera::start(&video, 5_000);
    let track = ben.track(&ann.id).await;
    let _frames = watch_frames(&track, 5_000, 30).await;
    // The far end tells what it misses, and asks for it.
    let lossy = |stats: &PeerStats| {
        let remote = stats.remote_inbound_rtp.first();
        remote.is_some_and(|remote| remote.packets_lost >= 10 && remote.fraction_lost > 0.02)
    };
    let sent = stats_when(&ann, &ben.id, "loss in the reports", lossy).await;
    let remote = &sent.remote_inbound_rtp[0];
    assert!(remote.fraction_lost < 0.2, "{remote:?}");
    assert!(sent.outbound_rtp[0].nack_count > 0 && sent.outbound_rtp[0].retransmitted_packets_sent > 0);
    // When nothing is on the way any more, this end misses exactly what the path lost, but perhaps the very last packet.
    drop(camera);
    let exact = |stats: &PeerStats| {
        let lost = path.lost.load(Ordering::SeqCst) as i64;
        (lost - 1..=lost).contains(&stats.inbound_rtp[0].packets_lost)
    };
    let received = stats_when(&ben, &ann.id, "the loss of the path", exact).await;
    let stream = &received.inbound_rtp[0];
    assert!(stream.packets_lost >= 10 && stream.nack_count > 0, "{stream:?}");
    // What came again is not asked for again and again.
    let again = stream.retransmitted_packets_received as i64;
    assert!(again > 0 && again < 10 * stream.packets_lost, "{stream:?}");
    let session = SessionStats::from(received.clone());
    assert_eq!(session.packets_lost, stream.packets_lost);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_path_shows_in_the_round_trip() {
    let (server, url) = server().await;
    let turn = TurnServer::start().await.unwrap();
    let path = BadPath::open(turn.port, Duration::from_millis(25), false).await;
    let (ann, mut ben) = bad_call(&turn, &url, &path).await;
    // Connectivity checks measure it without any media.
    let checked = |stats: &PeerStats| {
        let pair = stats.candidate_pair.iter().find(|pair| pair.selected);
        pair.is_some_and(|pair| pair.current_round_trip_time >= Some(0.05))
    };
    stats_when(&ann, &ben.id, "a round trip of 50 ms", checked).await;
    stats_when(&ben, &ann.id, "a round trip of 50 ms", checked).await;
    let video = LocalTrack::video(Codec::Vp8);
    share(&ann, &video).await;
    let _camera = Camera::start(&video, 500);
    watch_frames(&ben.track(&ann.id).await, 500, 10).await;
    let reported = |stats: &PeerStats| stats.remote_inbound_rtp.first().is_some_and(|r| r.round_trip_time.is_some());
    let stats = stats_when(&ann, &ben.id, "a round trip by RTCP", reported).await;
    // Arrivals are reported, too: what the line carries is known.
    let pair = stats.candidate_pair.iter().find(|pair| pair.selected);
    let available = pair.unwrap().available_outgoing_bitrate;
    assert!(available >= Some(100_000.0), "{available:?}");
    let round_trip = stats.remote_inbound_rtp[0].round_trip_time.unwrap();
    // At least what was added; far less than a wrong clock would give.
    assert!((0.049..2.0).contains(&round_trip), "{round_trip}");
    assert!(SessionStats::from(stats).rtt.unwrap() >= 49.0);
    assert!(ann.socket.peer_stats().await[0].rtt_ms.unwrap() >= 49.0);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}
