//! Named channels between two and more of ours.

use crate::common::{Member, PATIENCE, pair, server};
use bytes::Bytes;
use confab_rtcio::{ChannelError, ChannelEvent, ChannelEvents, ChannelOptions, MESSAGE_BYTES, ReadyState, Socket};
use serde_json::json;
use tokio::time::timeout;

async fn next(events: &mut ChannelEvents) -> ChannelEvent {
    timeout(PATIENCE, events.recv()).await.expect("an event in time").expect("a channel that goes on")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_to_one_peer_carries_bytes_text_and_events_both_ways() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "one").await;
    let from = ann.socket.peer(&ben.id).create_channel("file", ChannelOptions::default()).unwrap();
    let to = ben.socket.peer(&ann.id).create_channel("file", ChannelOptions::default()).unwrap();
    let (mut heard, mut back) = (to.events(), from.events());
    assert_eq!((next(&mut heard).await, next(&mut back).await), (ChannelEvent::Open, ChannelEvent::Open));
    assert_eq!((from.ready_state(), to.ready_state()), (ReadyState::Open, ReadyState::Open));
    assert_eq!((from.name(), from.peer()), ("file", ben.id.as_str()));

    let mut named = to.on("progress");
    assert!(from.send(vec![1, 2, 3]).await);
    assert!(from.send(Bytes::new()).await);
    assert!(from.send(r#"{"e":"progress","d":[1,{"of":2}]}"#).await);
    assert!(from.emit("done", vec![]).await);
    assert!(from.send("no envelope").await);
    assert_eq!(next(&mut heard).await, ChannelEvent::Data(Bytes::from_static(&[1, 2, 3])));
    assert_eq!(next(&mut heard).await, ChannelEvent::Data(Bytes::new()));
    let args = vec![json!(1), json!({ "of": 2 })];
    assert_eq!(next(&mut heard).await, ChannelEvent::Message { event: "progress".to_owned(), args: args.clone() });
    assert_eq!(next(&mut heard).await, ChannelEvent::Message { event: "done".to_owned(), args: vec![] });
    assert!(matches!(next(&mut heard).await, ChannelEvent::Error(ChannelError::Envelope(_))));
    let progress = named.recv().await.unwrap();
    assert_eq!((progress.peer.as_str(), progress.args), (ann.id.as_str(), args));

    let answer = from.once("answer");
    assert!(to.emit("answer", vec![json!("yes")]).await);
    assert_eq!(timeout(PATIENCE, answer).await.unwrap().unwrap().args, [json!("yes")]);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_name_gives_the_same_channel_and_a_colliding_one_is_refused_by_both_names() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "names").await;
    let peer = ann.socket.peer(&ben.id);
    // Both have the stream 972.
    let first = peer.create_channel("c42", ChannelOptions::default()).unwrap();
    let again = peer.create_channel("c42", ChannelOptions { queue_budget: 1, ..Default::default() }).unwrap();
    let mut heard = again.events();
    first.close();
    // It may have been open already, or not.
    let end = match next(&mut heard).await {
        ChannelEvent::Open => next(&mut heard).await,
        end => end,
    };
    assert_eq!(end, ChannelEvent::Close);
    let channel = peer.create_channel("c42", ChannelOptions::default()).unwrap();
    assert_ne!(channel.ready_state(), ReadyState::Closed);
    let collision = |name: &str, other: &str| {
        let (name, other) = (name.to_owned(), other.to_owned());
        Some(ChannelError::Collision { name, other, id: 972 })
    };
    assert_eq!(peer.create_channel("c94", ChannelOptions::default()).err(), collision("c94", "c42"));
    assert_eq!(ann.socket.create_channel("c94", ChannelOptions::default()).err(), collision("c94", "c42"));
    let all = ben.socket.create_channel("c94", ChannelOptions::default()).unwrap();
    assert_eq!(ben.socket.create_channel("c42", ChannelOptions::default()).err(), collision("c42", "c94"));
    assert_eq!(
        ben.socket.peer(&ann.id).create_channel("c42", ChannelOptions::default()).err(),
        collision("c42", "c94")
    );
    assert_eq!(all.peer_count(), 1);

    let unknown = ann.socket.peer("nobody").create_channel("x", ChannelOptions::default());
    assert_eq!(unknown.err(), Some(ChannelError::UnknownPeer("nobody".to_owned())));
    let both = ChannelOptions { max_retransmits: Some(0), max_packet_life_time: Some(5), ..Default::default() };
    assert_eq!(peer.create_channel("x", both).err(), Some(ChannelError::Reliability));
    let marks = ChannelOptions { low_watermark: 5, high_watermark: 5, ..Default::default() };
    let error = ann.socket.create_channel("x", marks).err().unwrap();
    assert!(error.to_string().contains("low_watermark (5) must be below high_watermark (5)"), "{error}");
    ann.socket.close().await;
    assert_eq!(ann.socket.create_channel("late", ChannelOptions::default()).err(), Some(ChannelError::SocketClosed));
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_channel_reaches_every_peer_and_later_ones_join_it() {
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "broadcast", "Ann").await;
    let from = ann.socket.create_channel("chat", ChannelOptions::default()).unwrap();
    let mut told = from.events();
    assert_eq!((from.peer_count(), from.is_closed()), (0, false));
    assert!(from.send("nobody is there").await);

    let mut others = Vec::new();
    for name in ["Ben", "Cleo"] {
        let other = Member::join(&url, "broadcast", name).await;
        let channel = other.socket.create_channel("chat", ChannelOptions::default()).unwrap();
        let events = channel.events();
        assert_eq!(
            timeout(PATIENCE, told.recv_from()).await.unwrap(),
            Some((Some(other.id.clone()), ChannelEvent::Open))
        );
        ann.peer_connect(&other.id).await;
        others.push((other, channel, events));
    }
    assert_eq!(from.peer_count(), 2);
    assert!(from.emit("hello", vec![json!("all")]).await);
    assert!(from.send(vec![7; 40_000]).await);
    for (other, channel, events) in &mut others {
        let mut from_ann = Vec::new();
        while from_ann.len() < 3 {
            let (peer, event) = timeout(PATIENCE, events.recv_from()).await.unwrap().unwrap();
            if peer.as_deref() == Some(ann.id.as_str()) {
                from_ann.push(event);
            }
        }
        let hello = ChannelEvent::Message { event: "hello".to_owned(), args: vec![json!("all")] };
        assert_eq!(from_ann, [ChannelEvent::Open, hello, ChannelEvent::Data(vec![7; 40_000].into())]);
        // To the other newcomer it may have to wait.
        channel.emit("back", vec![json!(other.id)]).await;
        let (peer, event) = timeout(PATIENCE, told.recv_from()).await.unwrap().unwrap();
        let back = ChannelEvent::Message { event: "back".to_owned(), args: vec![json!(other.id)] };
        assert_eq!((peer.as_deref(), event), (Some(other.id.as_str()), back));
    }
    let (ben, ..) = others.remove(0);
    ben.socket.close().await;
    assert_eq!(next(&mut told).await, ChannelEvent::PeerLeft(ben.id.clone()));
    assert_eq!(from.peer_count(), 1);
    let (cleo, channel, mut heard) = others.remove(0);
    from.close();
    assert_eq!((from.is_closed(), from.peer_count()), (true, 0));
    assert_eq!(next(&mut told).await, ChannelEvent::Close);
    assert_eq!(told.recv().await, None);
    // Ben left, then Ann: Cleo is alone in it.
    let mut left = Vec::new();
    loop {
        match next(&mut heard).await {
            ChannelEvent::PeerLeft(peer) => left.push(peer),
            ChannelEvent::Close => break,
            _ => {}
        }
    }
    left.sort();
    let mut expected = [ann.id.clone(), ben.id.clone()];
    expected.sort();
    assert_eq!(left, expected);
    assert!(!channel.is_closed());
    ann.socket.close().await;
    cleo.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_before_the_channel_is_open_waits_within_its_budget() {
    let (server, url) = server().await;
    let ann = Member::join(&url, "early", "Ann").await;
    let mut ben = Member::join(&url, "early", "Ben").await;
    // Held back until the connection is up: each side makes the channel when it first hears of the other.
    let from = loop {
        match ann
            .socket
            .peer(&ben.id)
            .create_channel("early", ChannelOptions { queue_budget: 12, ..Default::default() })
        {
            Ok(channel) => break channel,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let to = ben.socket.create_channel("early", ChannelOptions::default()).unwrap();
    let (mut told, mut heard) = (from.events(), to.events());
    assert_eq!(from.ready_state(), ReadyState::Connecting);
    assert!(!from.send(vec![1; 8]).await);
    // Two bytes for each of its UTF-16 units.
    assert!(!from.send("añ").await);
    assert!(!from.send(vec![2]).await);
    assert_eq!(next(&mut told).await, ChannelEvent::Error(ChannelError::OverBudget { budget: 12 }));
    from.drained().await.unwrap();
    assert_eq!(next(&mut told).await, ChannelEvent::Open);
    assert!(from.send(vec![3]).await);
    assert_eq!(next(&mut heard).await, ChannelEvent::Open);
    assert_eq!(next(&mut heard).await, ChannelEvent::Data(vec![1; 8].into()));
    assert!(matches!(next(&mut heard).await, ChannelEvent::Error(ChannelError::Envelope(_))));
    assert_eq!(next(&mut heard).await, ChannelEvent::Data(vec![3].into()));
    ben.peer_connect(&ann.id).await;

    assert!(!from.send(vec![0; MESSAGE_BYTES + 1]).await);
    assert_eq!(next(&mut told).await, ChannelEvent::Error(ChannelError::TooLarge(MESSAGE_BYTES + 1)));
    assert!(from.send(vec![4; MESSAGE_BYTES]).await);
    assert_eq!(next(&mut heard).await, ChannelEvent::Data(vec![4; MESSAGE_BYTES].into()));
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_channel_ends_on_both_sides_and_can_be_made_anew() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "close").await;
    for round in 0..3_u8 {
        let from = ann.socket.peer(&ben.id).create_channel("again", ChannelOptions::default()).unwrap();
        let to = ben.socket.peer(&ann.id).create_channel("again", ChannelOptions::default()).unwrap();
        let (mut told, mut heard) = (from.events(), to.events());
        assert_eq!((next(&mut told).await, next(&mut heard).await), (ChannelEvent::Open, ChannelEvent::Open));
        for _ in 0..20 {
            assert!(from.send(vec![round; 50_000]).await);
        }
        from.close();
        assert!(!from.send(vec![9]).await);
        for number in 0..20 {
            let event = next(&mut heard).await;
            assert!(
                matches!(&event, ChannelEvent::Data(data) if data[..] == vec![round; 50_000]),
                "{number} of {round}"
            );
        }
        assert_eq!(next(&mut told).await, ChannelEvent::Error(ChannelError::Closed));
        assert_eq!((next(&mut told).await, next(&mut heard).await), (ChannelEvent::Close, ChannelEvent::Close));
        assert_eq!((told.recv().await, heard.recv().await), (None, None));
        assert_eq!((from.ready_state(), to.ready_state()), (ReadyState::Closed, ReadyState::Closed));
        assert_eq!(to.drained().await, Err(ChannelError::Closed));
    }
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_channels_of_a_peer_end_with_it() {
    let (server, url) = server().await;
    let (mut ann, ben) = pair(&url, "end").await;
    let one = ann.socket.peer(&ben.id).create_channel("one", ChannelOptions::default()).unwrap();
    let mut heard = one.events();
    let mut named = one.on("never");
    assert_eq!(next(&mut heard).await, ChannelEvent::Open);
    ben.socket.close().await;
    assert_eq!(next(&mut heard).await, ChannelEvent::Close);
    assert_eq!((heard.recv().await, named.recv().await), (None, None));
    assert!(!one.send(vec![1]).await);
    ann.peer_disconnect(&ben.id).await;
    ann.socket.close().await;
    server.shutdown().await;
}

/// What a side says on its channels right behind their opening was lost when it came in one batch with the packet that
/// opened the other's. Batches are the scheduler's: many pairs at once make them likely.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_words_on_a_channel_arrive() {
    let (server, url) = server().await;
    let mut pairs = tokio::task::JoinSet::new();
    for round in 0..16_u8 {
        let url = url.clone();
        pairs.spawn(async move {
            let room = format!("first-words-{round}");
            let mut sides = Vec::new();
            for name in ["Ann", "Ben"] {
                let (socket, events) = Socket::builder(url.clone()).force_new(true).connect();
                let channel = socket.create_channel("words", ChannelOptions::default()).unwrap();
                let heard = channel.events();
                sides.push((Member::enter(socket, events, &room, name).await, channel, heard));
            }
            for (_, channel, _) in &sides {
                while channel.peer_count() == 0 {
                    tokio::task::yield_now().await;
                }
                channel.send(vec![round]).await;
            }
            for (member, _, mut heard) in sides {
                assert_eq!(next(&mut heard).await, ChannelEvent::Open);
                assert_eq!(next(&mut heard).await, ChannelEvent::Data(vec![round].into()));
                drop(member);
            }
        });
    }
    while let Some(done) = pairs.join_next().await {
        done.unwrap();
    }
    server.shutdown().await;
}

/// What is on the way when the reader takes a message only while the sender can't go on: the library holds two queues of
/// 256 messages and a window of 1 MiB, a listener 64 messages, the sending side its high mark and its budget.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_the_sender_up_and_loses_nothing() {
    const SIZE: usize = 64 << 10;
    const COUNT: usize = 1024;
    const BOUND: usize = (256 + 256 + 64 + 16) * SIZE + (1 << 20) + (2 << 20) + (1 << 20);
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "slow").await;
    let options = ChannelOptions { high_watermark: 2 << 20, ..Default::default() };
    let from = ann.socket.peer(&ben.id).create_channel("bulk", options.clone()).unwrap();
    let to = ben.socket.peer(&ann.id).create_channel("bulk", options).unwrap();
    let mut heard = to.events();
    assert_eq!(next(&mut heard).await, ChannelEvent::Open);
    let (turn, mut turns) = tokio::sync::watch::channel((0, false));
    let sender = tokio::spawn(async move {
        for number in 0..COUNT {
            let taken = from.send(vec![number as u8; SIZE]).await;
            turn.send_replace((number + 1, !taken));
            if !taken {
                from.drained().await.unwrap();
                turn.send_replace((number + 1, false));
            }
        }
        turn.send_replace((COUNT, true));
        from
    });
    let mut most = 0;
    for number in 0..COUNT {
        let (sent, _) = *turns.wait_for(|(_, waits)| *waits).await.unwrap();
        most = most.max(sent - number);
        let event = next(&mut heard).await;
        assert!(matches!(&event, ChannelEvent::Data(data) if data[..] == vec![number as u8; SIZE]), "message {number}");
    }
    assert!(most * SIZE <= BOUND, "{} of {BOUND} bytes were on the way", most * SIZE);
    drop(sender.await.unwrap());
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}
