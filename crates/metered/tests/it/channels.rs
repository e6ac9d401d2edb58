//! Data channels.

use crate::PATIENCE;
use crate::member::{Member, token};
use crate::server::Server;
use confab_metered::{
    ChannelData, DataChannel, DataChannelError, DataChannelEvent, MAX_QUEUED_SENDS, ReadyState, RemotePeerState,
};
use std::sync::Arc;
use tokio::time::timeout;

async fn message(channel: &DataChannel) -> ChannelData {
    loop {
        match timeout(PATIENCE, channel.recv()).await.expect("a message in time").expect("the channel goes on") {
            DataChannelEvent::Message(data) => return data,
            DataChannelEvent::Closed | DataChannelEvent::Detached => panic!("the channel is over"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_opens_channels_and_messages_keep_their_order() {
    let server = Server::start().await;
    let mut ann = Member::join(&server, token("ann")).await;
    let mut ben = Member::join(&server, token("ben")).await;
    let (at_ann, at_ben) = (ann.peer_joined().await, ben.peer_joined().await);
    // Both at once: the offers cross.
    let (from_ann, from_ben) = (at_ann.create_data_channel("a").unwrap(), at_ben.create_data_channel("b").unwrap());
    from_ann.send("hello").await.unwrap();
    from_ben.send(vec![1u8, 2, 3]).await.unwrap();
    let at_ben_a = timeout(PATIENCE, at_ben.next_data_channel()).await.unwrap().unwrap();
    let at_ann_b = timeout(PATIENCE, at_ann.next_data_channel()).await.unwrap().unwrap();
    assert_eq!((at_ben_a.label(), at_ann_b.label()), ("a", "b"));
    assert_eq!(message(&at_ben_a).await, ChannelData::from("hello"));
    assert_eq!(message(&at_ann_b).await, ChannelData::from(vec![1u8, 2, 3]));
    assert_eq!(at_ann.state(), RemotePeerState::Connected);

    // More than may be under way: the sender waits, and nothing is lost.
    let sender = Arc::new(from_ann);
    let sending = tokio::spawn({
        let sender = Arc::clone(&sender);
        async move {
            for number in 0..64u8 {
                sender.send(vec![number; 60_000]).await.unwrap();
                assert!(sender.buffered_amount().await <= 2 << 20);
            }
        }
    });
    for number in 0..64u8 {
        assert_eq!(message(&at_ben_a).await, ChannelData::from(vec![number; 60_000]));
    }
    sending.await.unwrap();
    assert_eq!(sender.send(vec![0u8; 300_000]).await, Err(DataChannelError::TooLarge(300_000)));
    // The other direction of a channel that the remote opened.
    at_ben_a.send("back").await.unwrap();
    assert_eq!(message(&sender).await, ChannelData::from("back"));

    at_ben_a.close();
    let closed = async { while !matches!(sender.recv().await, Some(DataChannelEvent::Closed) | None) {} };
    timeout(PATIENCE, closed).await.expect("the end");
    assert_eq!(sender.ready_state(), ReadyState::Closed);
    assert!(matches!(sender.send("late").await, Err(DataChannelError::Channel(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_sends_may_wait() {
    let server = Server::start().await;
    let mut ann = Member::join(&server, token("ann")).await;
    server.set_token("mute", serde_json::json!({}), serde_json::json!({}));
    // Nobody answers its offer, so the channel never opens.
    server.push(
        "ann",
        serde_json::json!({ "type": "presence", "channel": "room", "joined": [{ "peerId": "nobody" }], "left": [] }),
    );
    let nobody = ann.peer_joined().await;
    let channel = Arc::new(nobody.create_data_channel("c").unwrap());
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..MAX_QUEUED_SENDS + 2 {
        let channel = Arc::clone(&channel);
        sends.spawn(async move { channel.send("x").await });
    }
    let refused = timeout(PATIENCE, sends.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(refused, Err(DataChannelError::Overflow));
    server.push(
        "ann",
        serde_json::json!({ "type": "presence", "channel": "room", "joined": [], "left": [{ "peerId": "nobody" }] }),
    );
    ann.peer_left().await;
    while let Some(ended) = timeout(PATIENCE, sends.join_next()).await.unwrap() {
        assert!(ended.unwrap().is_err(), "the remote is gone");
    }
}
