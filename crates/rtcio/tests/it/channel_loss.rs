//! Unordered and lossy channels over a path that loses packets.

use crate::common::path::Path;
use crate::common::{Member, PATIENCE, pair, server};
use bytes::Bytes;
use confab_rtcio::{Channel, ChannelEvent, ChannelEvents, ChannelOptions};
use tokio::time::timeout;

const MESSAGES: u32 = 400;
/// One for each packet.
const BYTES: usize = 1_000;
/// Only packets with such a message are lost, one of this many.
const LOST: usize = 6;

async fn next(events: &mut ChannelEvents) -> ChannelEvent {
    timeout(PATIENCE, events.recv()).await.expect("an event in time").expect("a channel that goes on")
}

/// Sends the numbers over a path that loses some, then an end over one that does not. The numbers in the order in which
/// they came, and how many packets were lost.
async fn transfer(path: &Path, from: &Member, to: &Member, name: &str, options: ChannelOptions) -> (Vec<u32>, usize) {
    // Drains only when the peer has, or was denied, everything.
    let options = ChannelOptions { low_watermark: 0, ..options };
    let out: Channel = from.socket.peer(&to.id).create_channel(name, options.clone()).unwrap();
    let into = to.socket.peer(&from.id).create_channel(name, options).unwrap();
    let (mut told, mut heard) = (out.events(), into.events());
    assert_eq!((next(&mut told).await, next(&mut heard).await), (ChannelEvent::Open, ChannelEvent::Open));
    path.lose_one_of(LOST, BYTES);
    for number in 0..MESSAGES {
        let mut message = number.to_be_bytes().to_vec();
        message.resize(BYTES, 0);
        assert!(out.send(message).await);
    }
    while next(&mut told).await != ChannelEvent::Drain || out.buffered_amount().await > 0 {}
    let lost = path.mend();
    assert!(lost > 0, "the path lost something");
    assert!(out.send(Bytes::from_static(b"end")).await);
    let mut came = Vec::new();
    loop {
        match next(&mut heard).await {
            ChannelEvent::Data(data) if data[..] == *b"end" => return (came, lost),
            ChannelEvent::Data(data) => came.push(u32::from_be_bytes(data[..4].try_into().unwrap())),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unordered_channels_overtake_and_channels_without_retransmission_lose() {
    let (server, url) = server().await;
    let path = Path::to(&url).await;
    let (ann, ben) = pair(&path.url, "loss").await;
    let all: Vec<u32> = (0..MESSAGES).collect();

    let (ordered, _) = transfer(&path, &ann, &ben, "ordered", ChannelOptions::default()).await;
    assert_eq!(ordered, all);

    let unordered = ChannelOptions { ordered: Some(false), ..ChannelOptions::default() };
    let (mut overtaken, _) = transfer(&path, &ann, &ben, "unordered", unordered.clone()).await;
    assert!(!overtaken.is_sorted(), "some overtook those that were lost");
    overtaken.sort_unstable();
    assert_eq!(overtaken, all);

    let lossy = ChannelOptions { max_retransmits: Some(0), ..unordered };
    let (came, lost) = transfer(&path, &ann, &ben, "lossy", lossy).await;
    assert!(!came.is_empty() && came.len() < all.len(), "{} came, the path lost {lost}", came.len());
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}
