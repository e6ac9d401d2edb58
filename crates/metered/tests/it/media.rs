//! Streams, tracks and what is said of them.

use crate::member::{Member, object, shows, token, track, wait};
use crate::server::Server;
use confab_metered::{RemotePeerEvent, RemotePeerState, ReplaceTrackError, StateError};
use confab_transport::send::local_stream::LocalStream;
use confab_transport::send::local_track::LocalTrack;
use confab_wire::media::Codec;
use serde_json::{Value, json};

/// Both roles, and both orders: who joins first, and who has the smaller id.
#[tokio::test(flavor = "multi_thread")]
async fn tracks_go_both_ways_with_their_metadata() {
    for (first, second) in [("ann", "ben"), ("ben", "ann")] {
        let server = Server::start().await;
        let mut one = Member::join(&server, token(first)).await;
        let mut two = Member::join(&server, token(second)).await;
        let (at_one, at_two) = (one.peer_joined().await, two.peer_joined().await);
        // At once: the offers cross.
        let (stream_one, track_one) = one.send_video(Some(json!({ "role": "one" })));
        let (_, track_two) = two.send_video(Some(json!({ "role": "two" })));
        let (mut events_one, mut events_two) = (at_one.events(), at_two.events());
        let (seen_at_two, metadata) = track(&mut events_two).await;
        assert_eq!(metadata, Some(object(json!({ "role": "one" }))));
        assert_eq!((seen_at_two.id(), seen_at_two.msid()), (track_one.id(), stream_one.msid()));
        let added = wait(&mut events_two, "the stream", |event| match event {
            RemotePeerEvent::StreamAdded { stream, metadata } => Some((stream.msid, metadata)),
            _ => None,
        });
        assert_eq!(added.await, (stream_one.msid().to_owned(), Some(object(json!({ "role": "one" })))));
        let (seen_at_one, metadata) = track(&mut events_one).await;
        assert_eq!(metadata, Some(object(json!({ "role": "two" }))));
        shows(&track_one, &seen_at_two).await;
        shows(&track_two, &seen_at_one).await;
        assert_eq!((at_one.polite(), at_two.polite()), (first < second, second < first));
        assert_eq!((at_one.state(), at_two.state()), (RemotePeerState::Connected, RemotePeerState::Connected));
        assert_eq!(at_two.track_metadata(&seen_at_two), Some(object(json!({ "role": "one" }))));
    }
}

/// Frames that a peer sent to others, in short: metadata of a track, or the type of a description.
fn signals(server: &Server, from: &str) -> Vec<String> {
    let short = |frame: &Value| {
        let data = &frame["data"];
        let meta = &data["__meteredTrackMeta"];
        if meta.is_object() {
            return Some(format!("{} {}", meta["trackId"].as_str()?, meta.get("metadata").unwrap_or(&Value::Null)));
        }
        Some(data["description"]["type"].as_str()?.to_owned())
    };
    server.frames(from).iter().filter_map(short).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_goes_before_the_offer_and_is_taken_back_before_the_end() {
    let server = Server::start().await;
    let mut ann = Member::join(&server, token("ann")).await;
    let (stream, one) = ann.send_video(Some(json!({ "n": 1 })));
    let plain = LocalTrack::audio();
    ann.peer.add_track(&plain, &stream, None).unwrap();
    let mut ben = Member::join(&server, token("ben")).await;
    let (at_ann, at_ben) = (ann.peer_joined().await, ben.peer_joined().await);
    let mut events = at_ben.events();
    let (seen, _) = track(&mut events).await;
    shows(&one, &seen).await;
    let before = signals(&server, "ann");
    assert_eq!(before[..2], [format!("{} {}", one.id(), json!({ "n": 1 })), "offer".to_owned()]);

    // Another track on the same m-line, without an offer.
    let two = LocalTrack::video(Codec::Vp8);
    ann.peer.replace_track(&one, Some(&two)).unwrap();
    assert_eq!((ann.peer.track_metadata(&one), ann.peer.track_metadata(&two)), (None, Some(object(json!({ "n": 1 })))));
    assert_eq!(ann.peer.stream_metadata(&stream), Some(object(json!({ "n": 1 }))));
    let voice = LocalTrack::audio();
    let wrong = ann.peer.replace_track(&two, Some(&voice));
    assert!(matches!(wrong, Err(ReplaceTrackError::Kind { failed, .. }) if failed == ["ben"]));
    assert_eq!(ann.peer.add_track(&two, &LocalStream::default(), None), Err(StateError::TrackAlreadyAttached));
    assert_eq!(ann.peer.add_track(&two, &stream, Some(object(json!({ "n": 9 })))), Ok(()));

    ann.peer.remove_stream(&stream).unwrap();
    wait(&mut events, "the end of the stream", |event| {
        matches!(event, RemotePeerEvent::StreamRemoved { .. }).then_some(())
    })
    .await;
    let after = signals(&server, "ann")[before.len()..].to_vec();
    // One offer, or one for each of the two tracks.
    assert_eq!(after[..2], [format!("{} null", one.id()), "offer".to_owned()]);
    assert!(after[2..].iter().all(|signal| signal == "offer") && after.len() <= 3, "{after:?}");
    assert_eq!(at_ben.track_metadata(&seen), None);

    // A new track: on the m-line that is free, under the id that the receiver knows for it, or on a new one, if the answer that
    // frees the other is not here yet.
    let (_, three) = ann.send_video(Some(json!({ "n": 3 })));
    let (seen, metadata) = track(&mut events).await;
    assert_eq!(metadata, Some(object(json!({ "n": 3 }))));
    assert!([one.id(), three.id()].contains(&seen.id()));
    shows(&three, &seen).await;
    assert_eq!(at_ann.state(), RemotePeerState::Connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_later_gets_the_tracks_and_their_metadata() {
    let server = Server::start().await;
    let ann = Member::new(&server, token("ann"));
    // Before joining.
    let (_, video) = ann.send_video(Some(json!({ "n": 1 })));
    ann.peer.join("room", false).await.unwrap();
    for id in ["ben", "cat"] {
        let mut late = Member::join(&server, token(id)).await;
        let mut events = late.peer_joined().await.events();
        let (seen, metadata) = track(&mut events).await;
        assert_eq!(metadata, Some(object(json!({ "n": 1 }))));
        shows(&video, &seen).await;
        late.peer.close("done").await;
    }
}
