//! `emit` to peers: all that JSON knows, in order, bounded, and nothing under the library's own names.

use crate::common::{Member, PATIENCE, pair, server};
use confab_rtcio::{EmitError, Event, Listener, LocalTrack, Message, RtcioStream};
use confab_wire::limits;
use serde_json::{Value, json};
use tokio::time::timeout;

async fn next(listener: &mut Listener) -> Message {
    timeout(PATIENCE, listener.recv()).await.expect("an event").expect("no end")
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_json_knows_arrives_as_it_was_sent() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "json").await;
    let mut said = ben.socket.on("Zoë's 🦊 event");
    let deep =
        (0..100).fold(json!("bottom"), |inner, n| if n % 2 == 0 { json!([inner]) } else { json!({ "in": inner }) });
    let all: Vec<Vec<Value>> = vec![
        vec![],
        vec![json!(null)],
        vec![json!(true), json!(false)],
        vec![json!(0), json!(-0.5), json!(1e300), json!(9_007_199_254_740_991_i64), json!(-1)],
        vec![json!(""), json!("Zoë 🦊 \u{0} \" \\ \u{2028}")],
        vec![json!([]), json!({}), json!([1, [2, [3]]]), json!({ "a": { "ü": null } })],
        vec![deep],
        (0..200).map(|n| json!(n)).collect(),
    ];
    for args in all {
        ann.socket.emit("Zoë's 🦊 event", args.clone()).await.unwrap();
        assert_eq!(next(&mut said).await.args, args);
    }
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_anywhere_inside_the_arguments_is_shared_and_only_the_first_of_two() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "anywhere").await;
    let mut cameras = ben.socket.on("camera");
    let mut of_ann = ben.socket.peer(&ann.id).on("camera");
    let (camera, screen) = (RtcioStream::new(), RtcioStream::new());
    camera.add_track(&LocalTrack::audio());
    screen.add_track(&LocalTrack::audio());
    let args = camera.args([json!("first"), json!({ "deep": [{ "stream": &camera }] }), json!(&screen)]);
    ann.socket.emit("camera", args.with_stream(&screen)).await.unwrap();
    let message = next(&mut cameras).await;
    assert_eq!(message.peer, ann.id);
    assert_eq!(message.stream.as_ref().unwrap().msid, camera.msid());
    assert_eq!(
        message.args,
        [json!("first"), json!({ "deep": [{ "stream": camera.placeholder() }] }), json!(screen.placeholder())]
    );
    assert!(next(&mut of_ann).await.stream.is_some());
    // To one peer a stream is only its name, as in rtc.io; and a name alone is text.
    ann.socket.peer(&ben.id).emit("camera", &screen).await.unwrap();
    assert!(next(&mut cameras).await.stream.is_none());
    ann.socket.emit("camera", json!(screen.placeholder())).await.unwrap();
    let text = next(&mut cameras).await;
    assert_eq!((text.args, text.stream), (vec![json!(screen.placeholder())], None));
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_the_library_are_refused() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "names").await;
    let stream = RtcioStream::new();
    for name in ["peer-connect", "peer-disconnect", "track-added", "track-removed"] {
        let reserved = Err(EmitError::Reserved(name.to_owned()));
        assert_eq!(ann.socket.emit(name, ()).await, reserved);
        assert_eq!(ann.socket.emit(name, &stream).await, reserved);
        assert_eq!(ann.socket.peer(&ben.id).emit(name, ()).await, reserved);
        assert_eq!(ann.socket.peer("nobody").emit(name, ()).await, reserved);
    }
    let internal = "#rtcio:message";
    assert_eq!(ann.socket.peer(&ben.id).emit(internal, ()).await, Err(EmitError::Reserved(internal.to_owned())));
    assert_eq!(ann.socket.emit(internal, &stream).await, Err(EmitError::Reserved(internal.to_owned())));
    // Internal events go to the server: this one is a signal to Ben, of a kind that there is not.
    let mut ben = ben;
    let data = json!({ "description": { "type": "weird", "sdp": "" } });
    ann.socket.emit(internal, json!({ "source": "x", "target": ben.id, "data": data })).await.unwrap();
    ben.wait("a complaint about it", |event| matches!(event, Event::Misbehaving { .. }).then_some(())).await;
    let long = "x".repeat(limits::EVENT_NAME_BYTES + 1);
    assert!(matches!(ann.socket.emit(&long, ()).await, Err(EmitError::Envelope(_))));
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_channel_is_open_the_newest_1024_events_wait() {
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "queue", "Ann").await;
    let ben = Member::join(&url, "queue", "Ben").await;
    let mut counts = ben.socket.on("count");
    ann.wait("the peer", |event| matches!(event, Event::PeerState { .. }).then_some(())).await;
    // Events that the receiver would count as a flood are more than the queue holds; so all of them go in one go, and the
    // first that arrives tells what was dropped.
    for number in 0..limits::CTRL_QUEUE + 10 {
        ann.socket.emit("count", json!(number)).await.unwrap();
    }
    assert_eq!(next(&mut counts).await.args, [json!(10)]);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}
