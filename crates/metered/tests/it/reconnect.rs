//! What survives a reconnect.

use crate::PATIENCE;
use crate::member::{Member, key, object, shows, token, track, wait};
use crate::server::{Faults, Server};
use confab_metered::{MeteredEvent, PeerState, RemotePeerEvent, RemotePeerState};
use serde_json::json;
use tokio::time::timeout;

fn state(event: MeteredEvent) -> Option<PeerState> {
    if let MeteredEvent::StateChange { to, .. } = event { Some(to) } else { None }
}

/// Everything that is there before comes back: the same remote, its stream with its id and metadata, and what this side sends;
/// the data channel does not.
async fn survives(silent: bool, by_key: bool) {
    let server = Server::start().await;
    let credentials = |id| if by_key { key() } else { token(id) };
    let mut ann = Member::join(&server, credentials("ann")).await;
    let mut ben = Member::join(&server, credentials("ben")).await;
    let (at_ann, at_ben) = (ann.peer_joined().await, ben.peer_joined().await);
    let (_, anns) = ann.send_video(Some(json!({ "of": "ann" })));
    let (bens_stream, bens) = ben.send_video(Some(json!({ "of": "ben" })));
    let (mut events_ann, mut events_ben) = (at_ann.events(), at_ben.events());
    shows(&anns, &track(&mut events_ben).await.0).await;
    shows(&bens, &track(&mut events_ann).await.0).await;
    let channel = at_ann.create_data_channel("c").unwrap();
    channel.send("x").await.unwrap();
    let before = ann.id();

    server.set_faults(Faults { silent_leave: silent, ..Faults::default() });
    server.drop_client(&before);
    while ann.wait("the outage", state).await != PeerState::Reconnecting {}
    while ann.wait("the way back", state).await != PeerState::Joined {}
    assert_eq!(ann.id() == before, !by_key);
    assert_eq!(ann.peer.remote_peers(), std::slice::from_ref(&at_ann), "the same object");
    wait(&mut events_ann, "the reset", |event| matches!(event, RemotePeerEvent::ConnectionReset).then_some(())).await;
    let (seen, metadata) = track(&mut events_ann).await;
    assert_eq!((seen.msid(), metadata), (bens_stream.msid(), Some(object(json!({ "of": "ben" })))));
    shows(&bens, &seen).await;
    assert_eq!(at_ann.state(), RemotePeerState::Connected);
    let sent = timeout(PATIENCE, channel.send("y")).await.expect("an answer in time");
    assert!(sent.is_err(), "channels end with the connection");

    // The other side: a new remote if it was told, else the same one with a new connection.
    let mut events_ben = if silent && !by_key {
        wait(&mut events_ben, "the reset", |event| matches!(event, RemotePeerEvent::ConnectionReset).then_some(()))
            .await;
        events_ben
    } else {
        if !silent {
            assert_eq!(ben.peer_left().await, at_ben);
        }
        let again = ben.peer_joined().await;
        assert_ne!(again, at_ben);
        again.events()
    };
    let (seen, metadata) = track(&mut events_ben).await;
    assert_eq!(metadata, Some(object(json!({ "of": "ann" }))));
    shows(&anns, &seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token() {
    survives(false, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_where_nobody_is_told() {
    survives(true, false).await;
}

/// The id is another one, and with it who yields.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_key() {
    survives(false, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_and_who_left_meanwhile_is_known() {
    let server = Server::start().await;
    let mut ann = Member::join(&server, token("ann")).await;
    let ben = Member::join(&server, token("ben")).await;
    let at_ann = ann.peer_joined().await;
    server.set_faults(Faults { refuse: Some(1008), ..Faults::default() });
    server.drop_client("ann");
    while ann.wait("the outage", state).await != PeerState::Reconnecting {}
    ben.peer.close("bye").await;
    server.set_faults(Faults::default());
    let _cat = Member::join(&server, token("cat")).await;
    assert_eq!(ann.peer_left().await, at_ann);
    assert_eq!(ann.peer_joined().await.id(), "cat");
    while ann.wait("the way back", state).await != PeerState::Joined {}
    assert_eq!(ann.peer.send(json!(1)).await, Ok(()));
}

/// Three times ten seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_roster_that_does_not_come_is_asked_for_twice_more() {
    let server = Server::start().await;
    let mut ann = Member::join(&server, token("ann")).await;
    let _ben = Member::join(&server, token("ben")).await;
    let at_ann = ann.peer_joined().await;
    server.set_faults(Faults { no_roster: true, ..Faults::default() });
    let before = server.frames("ann").len();
    server.drop_client("ann");
    let name = ann
        .wait("the error", |event| if let MeteredEvent::Error { name, .. } = event { Some(name) } else { None })
        .await;
    assert_eq!((name.as_str(), ann.peer.state()), ("ReconcileTimeoutError", PeerState::Reconnecting));
    let asked = server.frames("ann")[before..].iter().filter(|frame| frame["type"] == "subscribe").count();
    assert_eq!((asked, ann.peer.remote_peers()), (3, vec![at_ann]));
}
