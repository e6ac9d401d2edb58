//! Joining, presence, messages and errors.

use crate::member::{Member, key, object, token};
use crate::server::{Faults, Server};
use confab_metered::{
    ConnectError, DataKind, JoinError, MeteredEvent, PeerState, RemotePeerState, RequestError, SendError, StateError,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn peers_find_each_other_and_are_idle_until_somebody_has_something() {
    let server = Server::start().await;
    server.set_token("ann", json!({ "username": "Ann" }), json!({}));
    server.set_token("ben", json!({ "username": "Ben" }), json!({}));
    let mut ann = Member::join(&server, token("ann")).await;
    let mut ben = Member::join(&server, token("ben")).await;
    assert_eq!(
        (ann.peer.state(), ann.peer.channel().as_deref(), ann.id()),
        (PeerState::Joined, Some("room"), "ann".into())
    );
    let (at_ann, at_ben) = (ann.peer_joined().await, ben.peer_joined().await);
    assert_eq!((at_ann.id(), at_ann.metadata()), ("ben", Some(object(json!({ "username": "Ben" })))));
    assert_eq!((at_ben.id(), at_ben.metadata()), ("ann", Some(object(json!({ "username": "Ann" })))));
    assert_eq!(at_ann.to_json(), json!({ "id": "ben", "metadata": { "username": "Ben" }, "state": "idle" }));
    assert_eq!(ann.peer.remote_peers(), std::slice::from_ref(&at_ann));
    // Nothing was negotiated: the next thing that Ann sends is no signal.
    ann.peer.send(json!(1)).await.unwrap();
    assert!(server.frames("ann").iter().all(|frame| frame["type"] != "send"));
    assert_eq!((at_ann.state(), at_ben.state()), (RemotePeerState::Idle, RemotePeerState::Idle));
    ben.peer.close("bye").await;
    assert_eq!(ben.peer.state(), PeerState::Closed);
    ben.wait("the leave", |event| {
        matches!(event, MeteredEvent::Left { code: 1000, reason } if reason == "bye").then_some(())
    })
    .await;
    assert_eq!(ann.peer_left().await, at_ann);
    assert_eq!((at_ann.state(), ann.peer.remote_peers().len()), (RemotePeerState::Closed, 0));
    assert_eq!(ben.peer.join("room", false).await, Err(JoinError::State(StateError::InvalidState)));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_goes_to_all_and_to_one() {
    let server = Server::start().await;
    server.set_token("ann", json!({ "username": "Ann" }), json!({}));
    let mut ann = Member::new(&server, token("ann"));
    assert_eq!(ann.peer.send(json!(1)).await, Err(SendError::NotJoined));
    assert_eq!(ann.peer.send_to("ben", json!(1)).await, Err(SendError::NotJoined));
    ann.peer.join("room", false).await.unwrap();
    let mut ben = Member::join(&server, token("ben")).await;
    let (at_ann, at_ben) = (ann.peer_joined().await, ben.peer_joined().await);
    ann.peer.send(json!({ "text": "all" })).await.unwrap();
    at_ann.send(Value::Null).await.unwrap();
    ben.peer.send(json!("back")).await.unwrap();
    let data = |event| match event {
        MeteredEvent::Data { sender_peer_id, data, kind, sender_metadata } => {
            Some((sender_peer_id, data, kind, sender_metadata))
        }
        _ => None,
    };
    let anns = Some(object(json!({ "username": "Ann" })));
    let expected = ("ann".to_owned(), json!({ "text": "all" }), DataKind::Broadcast, anns.clone());
    assert_eq!(ben.wait("a broadcast", data).await, expected);
    assert_eq!(ben.wait("a direct message", data).await, ("ann".to_owned(), Value::Null, DataKind::Direct, anns));
    assert_eq!(ann.wait("a broadcast", data).await, ("ben".to_owned(), json!("back"), DataKind::Broadcast, None));
    assert_eq!(ann.peer.send_to("ann", json!(1)).await, Err(SendError::SelfSend));
    assert_eq!(ann.peer.send_to("", json!(1)).await, Err(SendError::InvalidArgs));
    let signal = json!({ "type": "rtc-ice", "candidate": null });
    assert_eq!(ann.peer.send_to("ben", signal.clone()).await, Err(SendError::InvalidArgs));
    assert_eq!(at_ben.send(signal).await, Err(SendError::InvalidArgs));
    assert_eq!(ann.peer.send(json!("x".repeat(65_535))).await, Err(SendError::Oversized { size: 65_537, cap: 65_536 }));
    let gone = ann.peer.send_to("eve", json!(1)).await;
    assert!(matches!(gone, Err(SendError::Request(RequestError::Refused { code, .. })) if code == "peer_not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_those_whom_the_server_has_not_announced_only_broadcasts_come() {
    let server = Server::start().await;
    let mut ann = Member::join(&server, token("ann")).await;
    let direct = |data: Value| json!({ "type": "direct", "from": "eve", "data": data });
    server.push("ann", direct(json!("hello")));
    server.push("ann", direct(json!({ "type": "rtc-description", "description": { "type": "offer", "sdp": "v=0" } })));
    server.push("ann", json!({ "type": "message", "channel": "other", "from": "eve", "data": 1 }));
    server.push("ann", json!({ "type": "message", "channel": "room", "from": "ann", "data": 2 }));
    server.push("ann", json!({ "type": "message", "channel": "room", "from": "eve", "data": 3 }));
    let data =
        ann.wait("data", |event| if let MeteredEvent::Data { data, .. } = event { Some(data) } else { None }).await;
    assert_eq!(data, json!(3));
    assert!(ann.peer.remote_peers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_fails_may_be_repeated() {
    let server = Server::start().await;
    let mut ann = Member::new(&server, key());
    server.set_faults(Faults { refuse: Some(4001), ..Faults::default() });
    let refused = ann.peer.join("room", false).await;
    assert!(matches!(refused, Err(JoinError::Connect(ConnectError::Closed { code: 4001, .. }))), "{refused:?}");
    assert_eq!((ann.peer.state(), ann.peer.channel()), (PeerState::Idle, None));
    let name = ann
        .wait("the error", |event| if let MeteredEvent::Error { name, .. } = event { Some(name) } else { None })
        .await;
    assert_eq!(name, "invalid_token");
    server.set_faults(Faults { refuse_subscribe: true, ..Faults::default() });
    let refused = ann.peer.join("room", false).await;
    assert!(
        matches!(&refused, Err(JoinError::Subscribe(error)) if error.name() == "channel_not_authorized"),
        "{refused:?}"
    );
    server.set_faults(Faults::default());
    assert_eq!(ann.peer.join("_system/x", false).await, Err(JoinError::Subscribe(RequestError::ReservedChannel)));
    ann.peer.join("room", false).await.unwrap();
    assert_eq!(ann.peer.join("room", false).await, Err(JoinError::State(StateError::InvalidState)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_before_the_answer_is_taken_all_the_same() {
    let server = Server::start().await;
    let _ann = Member::join(&server, token("ann")).await;
    server.set_faults(Faults { roster_first: true, ..Faults::default() });
    let mut ben = Member::join(&server, token("ben")).await;
    assert_eq!(ben.peer_joined().await.id(), "ann");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_ends_it() {
    let server = Server::start().await;
    let mut ann = Member::join(&server, token("ann")).await;
    server.close("ann", 4020);
    let name = ann
        .wait("the error", |event| if let MeteredEvent::Error { name, .. } = event { Some(name) } else { None })
        .await;
    assert_eq!(name, "admin_disconnect");
    ann.wait("the end", |event| matches!(event, MeteredEvent::Left { code: 4020, .. }).then_some(())).await;
    ann.wait("the end", |event| matches!(event, MeteredEvent::StateChange { to: PeerState::Closed, .. }).then_some(()))
        .await;
    assert_eq!(ann.peer.send(json!(1)).await, Err(SendError::NotJoined));
}
