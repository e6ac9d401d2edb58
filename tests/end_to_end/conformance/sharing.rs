//! What is shared changes, stops and begins again: nothing piles up, and nobody sees what is not meant for them.

use crate::conformance::Outcome;
use crate::conformance::peer::Peer;
use crate::conformance::streams::{hears, moving, picture};
use crate::conformance::world::{Kind, each_pair, meet, ours_first};
use serde_json::{Value, json};

/// The m-lines that both sides count between them.
async fn lines(one: &mut Peer, other: &mut Peer) -> Outcome<[usize; 2]> {
    let (one_id, other_id) = (one.id().to_owned(), other.id().to_owned());
    Ok([one.lines(&other_id).await?, other.lines(&one_id).await?])
}

/// How many pictures came of the track of `stream`; none if there is no such track.
fn pictures(tracks: &[Value], stream: &Value) -> Option<u64> {
    let of_stream = tracks.iter().filter(|track| track["stream"] == *stream && track["kind"] == "video");
    // A connection that is replaced leaves a track that ended behind, for a while.
    of_stream.filter_map(|track| track["moving"].as_u64()).max()
}

/// `peer` sees the picture of `stream` move from now on: a track that is used again may have moved before.
pub async fn sees_anew(peer: &mut Peer, stream: &Value) -> Outcome {
    let tracks =
        peer.wait_for_tracks(&format!("a picture of {stream}"), |tracks| pictures(tracks, stream).is_some()).await?;
    let before = pictures(&tracks, stream);
    peer.wait_for_tracks("new pictures", |tracks| {
        pictures(tracks, stream).zip(before).is_some_and(|(now, before)| now > before + 3)
    })
    .await?;
    Ok(())
}

/// What is said of the track of `kind` of a stream that comes or goes.
fn change(made: &Value, kind: &str) -> Value {
    json!({ "stream": { "msid": made["msid"] }, "track": { "kind": kind } })
}

/// Waits until `viewer` is told `event` of both tracks of a stream.
async fn both(viewer: &mut Peer, event: &str, made: &Value) -> Outcome {
    for kind in ["audio", "video"] {
        viewer.wait(json!({ "tag": event, "args": [change(made, kind)] })).await?;
    }
    Ok(())
}

fn screen() -> Value {
    json!([picture(), { "tone": 440 }])
}

#[tokio::test(flavor = "multi_thread")]
async fn sharing_and_stopping_again_and_again_leaves_no_line_behind() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        // A page takes a second for each of them.
        let rounds = if pair == (Kind::Ours, Kind::Ours) { 50 } else { 10 };
        for there in [true, false] {
            let (sharer, viewer) = if there { (&mut ann, &mut ben) } else { (&mut ben, &mut ann) };
            viewer.on("screen", "screen", json!({})).await?;
            let made = sharer.stream("screen", screen(), json!({})).await?;
            sharer.emit("screen", json!([{ "stream": { "$stream": "screen" } }])).await?;
            hears(viewer, "screen", &made).await?;
            for round in 0..rounds / 2 {
                if round > 0 {
                    sharer.replace("screen", screen()).await?;
                    both(viewer, "track-added", &made).await?;
                }
                sees_anew(viewer, &made["id"]).await?;
                sharer.replace("screen", json!([])).await?;
                both(viewer, "track-removed", &made).await?;
                let expected = if there { [2, 2] } else { [4, 4] };
                assert_eq!(lines(sharer, viewer).await?, expected, "round {round}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stream_takes_the_lines_that_one_has_left() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        // Chromium keeps a line for the stream that had it.
        let (sharer, viewer) = ours_first(&mut ann, &mut ben);
        viewer.on("screen", "screen", json!({})).await?;
        let rounds = if pair == (Kind::Ours, Kind::Ours) { 50 } else { 10 };
        for round in 0..rounds {
            let name = format!("screen {round}");
            let made = sharer.stream(&name, screen(), json!({})).await?;
            sharer.emit("screen", json!([{ "stream": { "$stream": name }, "round": round }])).await?;
            let told = hears(viewer, "screen", &made).await?;
            assert_eq!(told["args"][0]["round"], round);
            sees_anew(viewer, &made["id"]).await?;
            sharer.replace(&name, json!([])).await?;
            sharer.untrack(&name).await?;
            both(viewer, "track-removed", &made).await?;
            // Before the viewer's answer is here its lines are not known to be idle, and two more are used.
            assert!(lines(sharer, viewer).await?.iter().all(|lines| (2..=4).contains(lines)), "round {round}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tracks_of_a_stream_are_replaced_in_one_step() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        ben.on("camera", "camera", json!({})).await?;
        let made = ann.stream("cam", json!([picture(), { "tone": 440 }]), json!({})).await?;
        ann.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
        ben.wait_for_tracks("picture and tone", |tracks| moving(tracks, "camera", &["video", "audio"])).await?;
        let before = (ann.negotiations(&ben).await?, ben.negotiations(&ann).await?);
        ann.replace("cam", json!([{ "tone": 660 }, { "width": 160, "height": 90, "fps": 15 }])).await?;
        ben.wait_for_tracks("the other picture", |tracks| {
            tracks.len() == 2 && tracks.iter().any(|track| track["width"] == 160)
        })
        .await?;
        let after = (ann.negotiations(&ben).await?, ben.negotiations(&ann).await?);
        assert_eq!(after, before, "tracks of the same kinds need no negotiation");
        for event in ["track-added", "track-removed"] {
            assert_eq!(ben.seen(&json!({ "tag": event })), 0, "a swap is nothing to be told of");
        }

        // What has no successor goes, what has no predecessor comes.
        ann.replace("cam", json!([{ "tone": 440 }])).await?;
        ben.wait(json!({ "tag": "track-removed", "args": [change(&made, "video")] })).await?;
        ann.replace("cam", json!([picture()])).await?;
        ben.wait(json!({ "tag": "track-removed", "args": [change(&made, "audio")] })).await?;
        ben.wait(json!({ "tag": "track-added", "args": [change(&made, "video")] })).await?;
        sees_anew(&mut ben, &made["id"]).await?;
        assert_eq!(lines(&mut ann, &mut ben).await?, [2, 2]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_not_tracked_stays_with_those_who_have_it() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        ben.on("camera", "camera", json!({})).await?;
        let made = ann.stream("cam", json!([picture()]), json!({})).await?;
        ann.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
        hears(&mut ben, "camera", &made).await?;
        ann.untrack("cam").await?;

        let mut cat = world.start(pair.1, json!({})).await?;
        for event in ["camera", "marker"] {
            cat.on(event, event, json!({})).await?;
        }
        cat.join(room).await?;
        meet(&mut ann, &mut cat).await?;
        // Changes still reach who has it, and only them.
        ann.add_track("cam", json!({ "tone": 440 })).await?;
        ben.wait_for_tracks("picture and tone", |tracks| moving(tracks, "camera", &["video", "audio"])).await?;
        let marker = ann.stream("marker", json!([{ "tone": 660 }]), json!({})).await?;
        ann.emit("marker", json!([{ "stream": { "$stream": "marker" } }])).await?;
        hears(&mut cat, "marker", &marker).await?;
        assert_eq!(cat.seen(&json!({ "tag": "camera" })), 0);
        let id = ann.id().to_owned();
        assert_eq!(cat.lines(&id).await?, 1, "the marker's line alone");
        cat.close().await
    })
    .await
}
