//! Streams: shared, replayed, changed, stopped.

use crate::conformance::Outcome;
use crate::conformance::peer::Peer;
use crate::conformance::world::{World, each_pair, meet};
use serde_json::{Value, json};

/// A small picture: two cores carry several of them.
pub fn picture() -> Value {
    json!({ "width": 320, "height": 180, "fps": 15 })
}

/// True if exactly these kinds come in with `event`, and move.
pub fn moving(tracks: &[Value], event: &str, kinds: &[&str]) -> bool {
    let of_event: Vec<_> = tracks.iter().filter(|track| track["event"] == event).collect();
    let moves =
        |kind: &&str| of_event.iter().any(|track| track["kind"] == **kind && track["moving"].as_u64() > Some(10));
    kinds.iter().all(moves) && of_event.len() == kinds.len()
}

/// `to` hears `event`, which carries the stream `made` of the other.
pub async fn hears(to: &mut Peer, event: &str, made: &Value) -> Outcome<Value> {
    let stream = json!({ "$stream": made["id"], "msid": made["msid"] });
    to.wait(json!({ "tag": event, "args": [{ "stream": stream }] })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_seen_and_heard_and_what_is_beside_it_arrives_verbatim() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        ben.on("camera", "camera", json!({})).await?;
        let made = ann.stream("cam", json!([picture(), { "tone": 440 }]), json!({})).await?;
        let beside = json!({ "name": "Ann 🦊", "list": [1, null, { "deep": true }] });
        let args = json!([{ "stream": { "$stream": "cam" }, "meta": beside }, "and", 3]);
        ann.emit("camera", args).await?;
        let told = ben.wait(json!({ "tag": "camera" })).await?;
        let stream = json!({ "$stream": made["id"], "msid": made["msid"] });
        assert_eq!(told["args"], json!([{ "stream": stream, "meta": beside }, "and", 3]));
        ben.wait_for_tracks("picture and tone", |tracks| moving(tracks, "camera", &["video", "audio"])).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_peer_gets_the_streams_that_are_still_tracked() -> Outcome {
    each_pair(async |world: &mut World, (first, second), room| {
        let mut ann = world.join(first, room).await?;
        let screen = ann.stream("screen", json!([picture()]), json!({})).await?;
        ann.stream("old", json!([picture()]), json!({})).await?;
        ann.emit("old", json!([{ "stream": { "$stream": "old" } }])).await?;
        ann.emit("screen", json!([{ "stream": { "$stream": "screen" } }])).await?;
        ann.untrack("old").await?;
        let mut ben = world.start(second, json!({})).await?;
        ben.on("screen", "screen", json!({})).await?;
        ben.on("old", "old", json!({})).await?;
        ben.join(room).await?;
        meet(&mut ann, &mut ben).await?;
        hears(&mut ben, "screen", &screen).await?;
        ben.wait_for_tracks("the screen", |tracks| moving(tracks, "screen", &["video"])).await?;
        assert_eq!(ben.seen(&json!({ "tag": "old" })), 0);
        // The other way round: who came later had a stream before it came.
        let mut cat = world.start(second, json!({})).await?;
        let camera = cat.stream("cam", json!([picture()]), json!({})).await?;
        cat.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
        ann.on("camera", "camera", json!({})).await?;
        cat.join(room).await?;
        meet(&mut ann, &mut cat).await?;
        hears(&mut ann, "camera", &camera).await?;
        ann.wait_for_tracks("the newcomer's picture", |tracks| moving(tracks, "camera", &["video"])).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn tracks_are_added_swapped_removed_and_added_again() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        ben.on("camera", "camera", json!({})).await?;
        // None at first: nothing is negotiated, so nothing can be told yet.
        let made = ann.stream("cam", json!([]), json!({})).await?;
        ann.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
        ann.add_track("cam", json!({ "tone": 440 })).await?;
        hears(&mut ben, "camera", &made).await?;
        ben.wait_for_tracks("the tone", |tracks| moving(tracks, "camera", &["audio"])).await?;

        ann.add_track("cam", picture()).await?;
        let added = json!({ "peerId": ann.id(), "stream": { "msid": made["msid"] }, "track": { "kind": "video" } });
        ben.wait(json!({ "tag": "track-added", "args": [added] })).await?;
        ben.wait_for_tracks("tone and picture", |tracks| moving(tracks, "camera", &["audio", "video"])).await?;

        let before = (ann.negotiations(&ben).await?, ben.negotiations(&ann).await?);
        ann.replace_track("cam", json!({ "width": 160, "height": 90, "fps": 15 })).await?;
        ben.wait_for_tracks("the smaller picture", |tracks| {
            tracks.len() == 2 && tracks.iter().any(|track| track["width"] == 160)
        })
        .await?;
        let after = (ann.negotiations(&ben).await?, ben.negotiations(&ann).await?);
        assert_eq!(after, before, "a swap needs no negotiation");
        assert_eq!(ben.seen(&json!({ "tag": "track-removed" })), 0, "a swap is nothing to be told of");
        assert_eq!(ben.seen(&json!({ "tag": "track-added" })), 0, "a swap is nothing to be told of");

        ann.remove_track("cam", "video").await?;
        ben.wait(json!({ "tag": "track-removed", "args": [added] })).await?;
        ben.wait_for_tracks("the tone alone", |tracks| moving(tracks, "camera", &["audio"])).await?;
        ann.add_track("cam", picture()).await?;
        ben.wait(json!({ "tag": "track-added", "args": [added] })).await?;
        ben.wait_for_tracks("both again", |tracks| moving(tracks, "camera", &["audio", "video"])).await?;
        for page in [ann.negotiations(&ben).await?, ben.negotiations(&ann).await?].into_iter().flatten() {
            assert_eq!(page["transceivers"], 2, "the line that was idle is used again");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn camera_and_screen_go_both_ways_at_once() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        for peer in [&mut ann, &mut ben] {
            for event in ["camera", "screen"] {
                peer.on(event, event, json!({})).await?;
            }
        }
        for peer in [&mut ann, &mut ben] {
            peer.stream("cam", json!([picture(), { "tone": 660 }]), json!({})).await?;
            peer.stream("screen", json!([picture()]), json!({})).await?;
            peer.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
            peer.emit("screen", json!([{ "stream": { "$stream": "screen" } }])).await?;
        }
        for peer in [&mut ann, &mut ben] {
            peer.wait_for_tracks("camera and screen", |tracks| {
                moving(tracks, "camera", &["video", "audio"]) && moving(tracks, "screen", &["video"])
            })
            .await?;
        }
        Ok(())
    })
    .await
}
