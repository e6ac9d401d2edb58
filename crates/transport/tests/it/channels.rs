//! Data channels.

use crate::dialect::{PATIENCE, join};
use crate::media::roles;
use confab_transport::channel::{
    ChannelData, ChannelSpec, DataChannel, DataChannelEvent, DataChannelOptions, QueueHandler,
};
use confab_transport::{ConnectionEvent, ConnectionOptions, Glare, InBandChannels, Role};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::timeout;

async fn message(events: &mut mpsc::Receiver<DataChannelEvent>) -> ChannelData {
    let found = async {
        loop {
            if let DataChannelEvent::Message(data) = events.recv().await.expect("no end") {
                return data;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("a message")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_in_band_starts_a_connection_and_carries_messages_both_ways() {
    // Neither side has anything to send but the channel.
    let ann = ConnectionOptions { role: Role::Either, glare: Glare::ThisYields, ..ConnectionOptions::default() };
    let ben = ConnectionOptions { glare: Glare::RemoteYields, ..ann.clone() };
    let (ann, mut ben) = join(ann, ben);
    let options = DataChannelOptions { ordered: false, ..DataChannelOptions::default() };
    let spec = ChannelSpec { protocol: "raw".to_owned(), ..ChannelSpec::in_band("files", options) };
    let (handler, mut anns) = QueueHandler::new(8);
    let channel = ann.channels.get_or_create(spec, || handler).unwrap();
    channel.send("early").await;
    let mut at_ben = ben
        .wait("the channel", |event| match event {
            ConnectionEvent::ChannelOpened(channel) => Some(channel),
            _ => None,
        })
        .await;
    let spec = at_ben.channel.spec();
    assert_eq!((spec.label.as_str(), spec.protocol.as_str()), ("files", "raw"));
    assert!(!spec.options.ordered && spec.negotiated.is_none());
    assert_eq!(message(&mut at_ben.events).await, ChannelData::from("early"));
    at_ben.channel.send(vec![1, 2, 3]).await;
    assert_eq!(message(&mut anns).await, ChannelData::from(vec![1, 2, 3]));

    // A second one needs no negotiation; closing one closes it on both sides.
    let (handler, _second) = QueueHandler::new(8);
    ann.channels.get_or_create(ChannelSpec::in_band("files", DataChannelOptions::default()), || handler).unwrap();
    ben.wait("the second channel", |event| matches!(event, ConnectionEvent::ChannelOpened(_)).then_some(())).await;
    channel.close();
    let closed = async { while at_ben.events.recv().await.expect("an end") != DataChannelEvent::Closed {} };
    timeout(PATIENCE, closed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_negotiated_channel_that_is_prepared_misses_no_message() {
    let (queues, mut made) = mpsc::unbounded_channel();
    let prepare = move |options: ConnectionOptions| {
        let queues = queues.clone();
        ConnectionOptions {
            prepare_channels: Some(Arc::new(move |channels| {
                let spec = ChannelSpec::negotiated("chat", "x:chat".to_owned(), 7, DataChannelOptions::default());
                let (handler, events) = QueueHandler::new(8);
                let channel = channels.get_or_create(spec, || handler).unwrap();
                queues.send((channel, events)).unwrap();
            })),
            ..options
        }
    };
    let (offerer, answerer) = roles();
    let (_ann, _ben) = join(prepare(offerer), prepare(answerer));
    let mut sides: Vec<(DataChannel, mpsc::Receiver<DataChannelEvent>)> = Vec::new();
    for _ in 0..2 {
        sides.push(made.recv().await.unwrap());
    }
    for (channel, _) in &sides {
        channel.send("at once").await;
    }
    for (_, events) in &mut sides {
        assert_eq!(message(events).await, ChannelData::from("at once"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialect_may_refuse_channels_in_band() {
    let (offerer, answerer) = roles();
    let (ann, mut ben) = join(offerer, ConnectionOptions { in_band: InBandChannels::Refuse, ..answerer });
    let (handler, mut anns) = QueueHandler::new(8);
    ann.channels.get_or_create(ChannelSpec::in_band("x", DataChannelOptions::default()), || handler).unwrap();
    ben.wait("the complaint", |event| matches!(event, ConnectionEvent::Misbehaving(_)).then_some(())).await;
    let closed = async { while anns.recv().await.expect("an end") != DataChannelEvent::Closed {} };
    timeout(PATIENCE, closed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_channel_tells_that_the_remote_closed_the_connection() {
    let control = || Some(ChannelSpec::negotiated("control", "control".to_owned(), 0, DataChannelOptions::default()));
    let (offerer, answerer) = roles();
    let offerer = ConnectionOptions { control: control(), replaces: false, ..offerer };
    let (ann, mut ben) = join(offerer, ConnectionOptions { control: control(), replaces: false, ..answerer });
    ann.command(confab_transport::ConnectionCommand::Send("hello".into())).await;
    let text = ben
        .wait("the message", |event| match event {
            ConnectionEvent::ControlMessage(data) => Some(data),
            _ => None,
        })
        .await;
    assert_eq!(text, ChannelData::from("hello"));
    ann.command(confab_transport::ConnectionCommand::Close).await;
    ben.wait("the end", |event| matches!(event, ConnectionEvent::Closed).then_some(())).await;
    assert!(timeout(PATIENCE, ben.events.recv()).await.unwrap().is_none(), "it is not replaced");
}
