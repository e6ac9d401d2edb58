//! Floods of a hostile peer against one member of a call: the call goes on, the memory is bounded, and the member still
//! answers afterwards.

use crate::common::call::Call;
use crate::common::eve::{Eve, envelope};
use crate::common::{Member, PATIENCE, boundless_server, server};
use bytes::BytesMut;
use confab_rtcio::{Channel, ChannelEvent, ChannelOptions, Event, MESSAGE_BYTES};
use confab_server::Server;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use url::Url;
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};
use webrtc::peer_connection::PeerConnection;

/// Growth of the process, attacker included, that an attack may cost.
const GROWTH: u64 = 128 << 20;
/// A name, and its stream by protocol section 3.
const NAME: (&str, u16) = ("c42", 972);
/// Messages in one round of a flood.
const ROUND: usize = 100;

/// Eve's side of the channel [`NAME`].
async fn named(pc: &dyn PeerConnection) -> Arc<dyn DataChannel> {
    let init = RTCDataChannelInit { negotiated: Some(NAME.1), ordered: true, ..RTCDataChannelInit::default() };
    pc.create_data_channel(&format!("rtcio:ch:{}", NAME.0), Some(init)).await.unwrap()
}

/// Says something [`ROUND`] times, as fast as the path takes it: so many times, or none if it takes no more now.
async fn flood(channel: &dyn DataChannel, text: &str) -> usize {
    if channel.outstanding_bytes().await.unwrap() > 1 << 20 {
        sleep(Duration::from_millis(1)).await;
        return 0;
    }
    for _ in 0..ROUND {
        channel.send_text(text).await.unwrap();
    }
    ROUND
}

async fn complaint(member: &mut Member, of: &str, about: &str) {
    let is_it =
        |event: &Event| matches!(event, Event::Misbehaving { peer, what } if peer == of && what.contains(about));
    member.wait(about, |event| is_it(event).then_some(())).await;
}

/// Ann and Eve hear each other.
async fn answers(ann: &mut Member, eve: &Eve) {
    // Right after a flood an event is one too many, too.
    let pings = async {
        loop {
            eve.say("ping", json!([])).await;
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = pings => {}
        _ = ann.message(&eve.id, "ping") => {}
    }
    ann.socket.peer(&eve.id).emit("pong", vec![json!(1)]).await.unwrap();
    assert_eq!(eve.hear("pong").await, json!([1]));
}

/// Eve in the room of a call that must not suffer.
struct Siege {
    server: Server,
    url: Url,
    call: Call,
    eve: Eve,
}

impl Siege {
    async fn begin((server, url): (Server, Url), room: &str) -> Self {
        let call = Call::start(&url, room).await;
        Self::join(server, url, call, room).await
    }

    async fn join(server: Server, url: Url, mut call: Call, room: &str) -> Self {
        let eve = Eve::join(&url, room).await;
        call.ann.peer_connect(&eve.id).await;
        Self { server, url, call, eve }
    }

    /// Eve leaves, and comes as somebody new.
    async fn come_again(self, room: &str) -> Self {
        self.eve.leave().await;
        Self::join(self.server, self.url, self.call, room).await
    }

    /// Ann's end of the channel [`NAME`].
    fn channel(&self) -> Channel {
        self.call.ann.socket.peer(&self.eve.id).create_channel(NAME.0, ChannelOptions::default()).unwrap()
    }

    async fn complaint(&mut self, about: &str) {
        complaint(&mut self.call.ann, &self.eve.id, about).await;
    }

    fn is_bounded(&self) {
        assert!(self.call.grown() < GROWTH, "{} MiB", self.call.grown() >> 20);
    }

    /// Eve makes a new connection, and Ann takes it.
    async fn reconnect(&mut self) {
        self.eve.reconnect().await;
        self.call.ann.peer_connect(&self.eve.id).await;
    }

    /// Ann still answers.
    async fn end(mut self) {
        answers(&mut self.call.ann, &self.eve).await;
        self.call.end().await;
        self.server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_events_on_ctrl_are_cut_and_the_call_goes_on() {
    let mut siege = Siege::begin(server().await, "ctrl").await;
    let Siege { call, eve, .. } = &mut siege;
    let text = envelope("spam", &json!(["x".repeat(100)]));
    let mut said = 0;
    call.goes_on_during(100, async || said += flood(&*eve.ctrl, &text).await).await;
    siege.complaint("events in a second").await;
    let heard = siege.call.ann.seen().iter().filter(|event| matches!(event, Event::Message { .. })).count();
    assert!(said >= 10_000 && heard < said, "{heard} of {said}");
    siege.is_bounded();
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_messages_on_a_named_channel_all_come_and_the_call_goes_on() {
    let mut siege = Siege::begin(server().await, "named").await;
    let channel = siege.channel();
    let Siege { call, eve, .. } = &mut siege;
    let mut events = channel.events();
    let reader = tokio::spawn(async move {
        let mut count = 0;
        loop {
            match events.recv().await.unwrap() {
                ChannelEvent::Message { event, .. } if event == "end" => return count,
                ChannelEvent::Message { .. } => count += 1,
                _ => {}
            }
        }
    });
    let theirs = named(&*eve.pc).await;
    let text = envelope("spam", &json!(["x".repeat(100)]));
    let mut said = 0;
    call.goes_on_during(100, async || said += flood(&*theirs, &text).await).await;
    theirs.send_text(&envelope("end", &json!([]))).await.unwrap();
    let heard = timeout(PATIENCE, reader).await.unwrap().unwrap();
    assert!(said >= 10_000 && heard == said, "{heard} of {said}");
    siege.is_bounded();
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_that_nobody_reads_is_held_up_at_its_sender() {
    let mut siege = Siege::begin(server().await, "unread").await;
    let channel = siege.channel();
    let Siege { call, eve, .. } = &mut siege;
    let unread = channel.events();
    let theirs = named(&*eve.pc).await;
    let text = envelope("spam", &json!(["x".repeat(10_000)]));
    let (mut said, mut held_up) = (0, 0);
    call.goes_on_during(1_000, async || match flood(&*theirs, &text).await {
        0 => held_up += 1,
        more => said += more,
    })
    .await;
    assert!(said > 0 && held_up > 500, "{said} said, {held_up} times none");
    siege.is_bounded();
    // All channels of a connection wait for the one that is not read.
    drop(unread);
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_that_were_not_agreed_on_end_the_connection_when_they_are_many() {
    const CHANNELS: usize = 1_000;
    let mut siege = Siege::begin(server().await, "channels").await;
    let Siege { call, eve, .. } = &mut siege;
    let (label, mut opened) = ("x".repeat(10_000), 0);
    call.goes_on_during(CHANNELS, async || {
        opened += 1;
        // What she says when the connection is over fails, or waits at her side.
        if opened <= CHANNELS
            && let Ok(channel) = eve.pc.create_data_channel(&label, None).await
        {
            channel.send_text(&label).await.ok();
        }
    })
    .await;
    siege.complaint("not agreed on").await;
    siege.call.ann.peer_disconnect(&siege.eve.id).await;
    siege.is_bounded();
    siege.reconnect().await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_renegotiates_without_end_is_answered_and_the_call_goes_on() {
    let mut siege = Siege::begin(boundless_server().await, "rounds").await;
    let Siege { call, eve, .. } = &mut siege;
    call.goes_on_during(100, async || eve.renegotiate().await).await;
    siege.is_bounded();
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_changes_its_certificate_with_each_offer_gets_few_connections() {
    const OFFERS: usize = 1_000;
    let mut siege = Siege::begin(boundless_server().await, "certificates").await;
    let Siege { call, eve, .. } = &mut siege;
    let offer = eve.pc.create_offer(None).await.unwrap().sdp;
    let head = offer.find("a=fingerprint:sha-256 ").unwrap() + "a=fingerprint:sha-256 ".len();
    let mut number = 0;
    call.goes_on_during(OFFERS, async || {
        number += 1;
        let print = format!("{:02X}:{:02X}", number / 256, number % 256);
        let sdp = format!("{}{print}{}", &offer[..head], &offer[head + print.len()..]);
        eve.tell(json!({ "description": { "type": "offer", "sdp": sdp } })).await;
        sleep(Duration::from_millis(5)).await;
    })
    .await;
    siege.complaint("new connections too often").await;
    let answered = siege.eve.answers();
    assert!(answered > 0 && answered < 40, "{answered} of {number}");
    siege.is_bounded();
    siege.reconnect().await;
    siege.end().await;
}

/// What is left of a description that lost, doubled or was cut behind each of its lines in turn.
fn damaged(sdp: &str) -> Vec<String> {
    let lines: Vec<&str> = sdp.lines().collect();
    let text = |lines: &[&str]| lines.join("\r\n") + "\r\n";
    (0..lines.len())
        .flat_map(|at| {
            let without = [&lines[..at], &lines[at + 1..]].concat();
            let twice = [&lines[..=at], &lines[at..]].concat();
            [text(&without), text(&twice), text(&lines[..at])]
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_descriptions_and_candidates_of_a_connected_peer_harm_nobody() {
    let mut siege = Siege::begin(boundless_server().await, "signals").await;
    let Siege { call, eve, .. } = &mut siege;
    let offer = eve.pc.create_offer(None).await.unwrap().sdp;
    let many = offer.clone() + &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=sendonly\r\n".repeat(500);
    let mut texts = damaged(&offer).into_iter().chain([many]).cycle();
    let mut number = 0;
    call.goes_on_during(2_000, async || {
        number += 1;
        let kind = if number % 5 == 0 { "answer" } else { "offer" };
        eve.tell(json!({ "description": { "type": kind, "sdp": texts.next().unwrap() } })).await;
        for candidate in ["rubbish".to_owned(), format!("candidate:{number} 1 udp 1 192.0.2.1 9 typ host")] {
            eve.tell(json!({ "candidate": { "candidate": candidate, "sdpMLineIndex": 0 } })).await;
        }
        sleep(Duration::from_millis(1)).await;
    })
    .await;
    siege.complaint("").await;
    siege.is_bounded();
    siege = siege.come_again("signals").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_message_arrives_and_a_larger_one_is_not_sent() {
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "limit", "Ann").await;
    let eve = Eve::join(&url, "limit").await;
    ann.peer_connect(&eve.id).await;
    let of = |bytes: usize| {
        let rest = bytes - envelope("large", &json!([""])).len();
        envelope("large", &json!(["x".repeat(rest)]))
    };
    let channel = ann.socket.peer(&eve.id).create_channel(NAME.0, ChannelOptions::default()).unwrap();
    let mut events = channel.events();
    let theirs = named(&*eve.pc).await;
    for bytes in [MESSAGE_BYTES, MESSAGE_BYTES + 1, 1 << 20, (1 << 20) + 1] {
        let fits = bytes == MESSAGE_BYTES;
        for sender in [&eve.ctrl, &theirs] {
            assert_eq!(sender.send_text(&of(bytes)).await.is_ok(), fits, "{bytes}");
        }
        assert_eq!(theirs.send(BytesMut::zeroed(bytes)).await.is_ok(), fits, "{bytes}");
    }
    assert_eq!(envelope("large", &json!(ann.message(&eve.id, "large").await)), of(MESSAGE_BYTES));
    let mut sizes = Vec::new();
    while sizes.len() < 2 {
        match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            ChannelEvent::Message { event, args } => sizes.push(envelope(&event, &json!(args)).len()),
            ChannelEvent::Data(data) => sizes.push(data.len()),
            _ => {}
        }
    }
    assert_eq!(sizes, [MESSAGE_BYTES; 2]);
    ann.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_agreed_size_is_dropped_and_the_channel_goes_on() {
    const AGREED: usize = 1_000;
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "over", "Ann").await;
    // She says that she takes little, and sends more herself: the library holds both sides to the smaller size.
    let eve = Eve::join_with(&url, "over", |answer| {
        let line = answer.lines().find(|line| line.starts_with("a=max-message-size:")).unwrap().to_owned();
        answer.replace(&line, &format!("a=max-message-size:{AGREED}"))
    })
    .await;
    ann.peer_connect(&eve.id).await;
    for bytes in [AGREED, AGREED + 1, MESSAGE_BYTES] {
        let rest = bytes - envelope("large", &json!([""])).len();
        eve.say("large", json!(["x".repeat(rest)])).await;
    }
    eve.say("small", json!([])).await;
    ann.message(&eve.id, "small").await;
    let large = ann.seen().iter().filter(|event| matches!(event, Event::Message { .. })).count();
    assert_eq!(large, 1);
    ann.socket.close().await;
    server.shutdown().await;
}
