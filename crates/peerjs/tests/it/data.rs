//! Data connections: values both ways, their ends.

use crate::common::{join, next, next_of, open_peer, peer};
use crate::server::Server;
use confab_peerjs::{
    CloseOptions, ConnectOptions, Connection, Data, DataConnectionEvent, EncodeError, PeerEvent, SendError,
    Serialization,
};
use serde_json::json;

fn with(serialization: Serialization) -> ConnectOptions {
    ConnectOptions { serialization, reliable: true, ..ConnectOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_go_both_ways_in_each_serialization() {
    let value = Data::from(json!({ "text": "é😀", "list": [1, -7, null, 0.5], "deep": { "flag": true } }));
    for serialization in [Serialization::Binary, Serialization::Json, Serialization::MsgPack, Serialization::Raw] {
        let mut joined = join(with(serialization)).await;
        let value = if serialization == Serialization::Raw { Data::from("as it is") } else { value.clone() };
        assert_eq!(joined.ben.0.serialization(), serialization);
        joined.ann.0.send(value.clone()).await.unwrap();
        assert_eq!(next_of(&mut joined.ben.1).await, Some(DataConnectionEvent::Data(value.clone())));
        joined.ben.0.send(value.clone()).await.unwrap();
        assert_eq!(next_of(&mut joined.ann.1).await, Some(DataConnectionEvent::Data(value)), "{serialization}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_megabytes_go_as_chunks_and_as_a_stream() {
    let bytes: Vec<u8> = (0..20_000_000u32).map(|number| (number >> 3) as u8).collect();
    for (serialization, reliable) in
        [(Serialization::Binary, true), (Serialization::Binary, false), (Serialization::MsgPack, true)]
    {
        let mut joined = join(ConnectOptions { reliable, ..with(serialization) }).await;
        let (sender, value) = (joined.ann.0.clone(), Data::from(bytes.clone()));
        let sent = tokio::spawn(async move { sender.send(value).await });
        assert_eq!(next_of(&mut joined.ben.1).await, Some(DataConnectionEvent::Data(Data::from(bytes.clone()))));
        assert_eq!(sent.await.unwrap(), Ok(()));
        assert_eq!(joined.ann.0.buffer_size(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_side_learns_what_the_connection_is() {
    let (label, metadata) = (Some("files".to_owned()), Some(json!({ "who": "ann", "n": [1, null] })));
    let options = ConnectOptions { label, metadata: metadata.clone(), ..ConnectOptions::default() };
    let joined = join(options).await;
    let ben = &joined.ben.0;
    assert_eq!((ben.label(), ben.metadata(), ben.reliable()), ("files", metadata.as_ref(), false));
    assert_eq!((ben.peer(), ben.connection_id()), ("ann", joined.ann.0.connection_id()));
    assert!(ben.connection_id().starts_with("dc_"));
    let known = joined.peers.0.connections();
    assert_eq!(known["ben"], [Connection::Data(joined.ann.0.clone())]);
    assert!(joined.ann.0.peer_connection().stats().await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_asked_for_before_open_waits_for_it() {
    let server = Server::start().await;
    let (_ben, mut bens) = open_peer(&server, "ben").await;
    let (ann, _anns) = peer(&server, "ann");
    let (connection, mut events) = ann.connect("ben", ConnectOptions::default()).unwrap();
    assert_eq!(connection.send(1).await, Err(SendError::NotOpenYet));
    assert!(matches!(next(&mut bens).await, PeerEvent::Connection { .. }));
    assert_eq!(next_of(&mut events).await, Some(DataConnectionEvent::Open));
    assert_eq!(connection.label(), connection.connection_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_closes_and_the_other_learns_it_at_once() {
    for ann_closes in [true, false] {
        let mut joined = join(ConnectOptions::default()).await;
        let closing = if ann_closes { &joined.ann.0 } else { &joined.ben.0 };
        closing.close(CloseOptions::default());
        assert!(!closing.open());
        for events in [&mut joined.ann.1, &mut joined.ben.1] {
            assert_eq!(next_of(events).await, Some(DataConnectionEvent::Close));
            assert_eq!(next_of(events).await, None);
        }
        assert_eq!(joined.ann.0.send(1).await, Err(SendError::NotOpenYet));
        assert!(joined.peers.0.connections().is_empty() && joined.peers.1.connections().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_connection_closes_after_everything_arrived() {
    for serialization in [Serialization::Binary, Serialization::Json, Serialization::MsgPack, Serialization::Raw] {
        let mut joined = join(with(serialization)).await;
        let text = "x".repeat(10_000);
        for _ in 0..50 {
            joined.ann.0.send(text.as_str()).await.unwrap();
        }
        joined.ann.0.close(CloseOptions { flush: true });
        assert_eq!(joined.ann.0.send(1).await, Err(SendError::NotOpenYet));
        for _ in 0..50 {
            assert_eq!(next_of(&mut joined.ben.1).await, Some(DataConnectionEvent::Data(text.as_str().into())));
        }
        for events in [&mut joined.ann.1, &mut joined.ben.1] {
            assert_eq!(next_of(events).await, Some(DataConnectionEvent::Close), "{serialization}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_sent_is_an_error_and_the_connection_stays() {
    let mut joined = join(with(Serialization::Json)).await;
    let error = joined.ann.0.send("x".repeat(20_000)).await.unwrap_err();
    assert_eq!(error.name(), Some("message-too-big"));
    assert_eq!(joined.ann.0.send(Data::Null).await, Err(SendError::Encode(EncodeError::BareNull)));
    joined.ann.0.send("fits").await.unwrap();
    assert_eq!(next_of(&mut joined.ben.1).await, Some(DataConnectionEvent::Data("fits".into())));
}
