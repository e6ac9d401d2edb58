//! Events: `emit` in its ways, `on`, `once`, `off`, per-peer listeners, reserved names.

use crate::conformance::Outcome;
use crate::conformance::streams::{moving, picture};
use crate::conformance::world::{Kind, World, each_pair, ours_first, page_first, stock};
use confab_rtcio::RenderedSize;
use serde_json::{Value, json};

/// Values of every JSON type, nested, and text beyond ASCII.
fn everything() -> Value {
    json!([
        null, true, false, 0, -1, 1.5, 1e300, 9007199254740991_i64, "", "ünïcode 🦊 \u{0} \n \" \\", [], {}, [[["deep"]]],
        { "a": { "b": [null, { "c": "d" }] }, "": 1, "ключ": "значение" },
        "x".repeat(60_000)
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn events_carry_every_kind_of_json_in_many_arguments_and_in_order() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        for there in [true, false] {
            let (sender, receiver) = if there { (&mut ann, &mut ben) } else { (&mut ben, &mut ann) };
            receiver.on("all", "everything", json!({})).await?;
            receiver.on("none", "nothing", json!({})).await?;
            receiver.on("count", "count", json!({})).await?;
            sender.emit("everything", everything()).await?;
            sender.emit("nothing", json!([])).await?;
            for number in 0..200 {
                sender.emit("count", json!([number])).await?;
            }
            assert_eq!(receiver.wait(json!({ "tag": "all" })).await?["args"], everything());
            assert_eq!(receiver.wait(json!({ "tag": "none" })).await?["args"], json!([]));
            for number in 0..200 {
                assert_eq!(receiver.wait(json!({ "tag": "count" })).await?["args"], json!([number]), "in order");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_for_one_peer_reaches_only_that_one_and_an_unknown_peer_is_no_error() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        let mut cat = world.join(pair.1, room).await?;
        crate::conformance::world::meet(&mut ann, &mut cat).await?;
        crate::conformance::world::meet(&mut ben, &mut cat).await?;
        for peer in [&mut ann, &mut ben, &mut cat] {
            peer.on("secret", "secret", json!({})).await?;
            peer.on("end", "end", json!({})).await?;
        }
        ann.emit_to("nobody", "secret", json!([])).await?;
        ann.emit_to(ben.id(), "secret", json!(["for Ben", 2])).await?;
        ann.emit("end", json!([])).await?;
        ben.wait(json!({ "tag": "secret", "args": ["for Ben", 2] })).await?;
        ben.wait(json!({ "tag": "end" })).await?;
        cat.wait(json!({ "tag": "end" })).await?;
        assert_eq!(cat.seen(&json!({ "tag": "secret" })), 0);
        assert_eq!(ben.seen(&json!({ "tag": "secret" })), 0);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn global_and_per_peer_listeners_both_fire_once_listeners_once_and_ended_ones_never() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        let mut cat = world.join(pair.0, room).await?;
        crate::conformance::world::meet(&mut ann, &mut cat).await?;
        crate::conformance::world::meet(&mut ben, &mut cat).await?;
        ben.on("global", "x", json!({})).await?;
        ben.on("anns", "x", json!({ "peer": ann.id() })).await?;
        ben.on("cats", "x", json!({ "peer": cat.id() })).await?;
        ben.on("once", "x", json!({ "once": true })).await?;
        ben.on("ended", "x", json!({})).await?;
        ben.on("end", "end", json!({})).await?;
        ben.off("ended").await?;
        ann.emit("x", json!([1])).await?;
        ann.emit("x", json!([2])).await?;
        ann.emit("end", json!([])).await?;
        let heard = ben.wait(json!({ "event": "x" })).await?;
        assert_eq!(heard["args"], json!([1]));
        ben.wait(json!({ "tag": "end" })).await?;
        let mut tags = vec![heard["tag"].clone()];
        while ben.seen(&json!({ "event": "x" })) > 0 {
            tags.push(ben.wait(json!({ "event": "x" })).await?["tag"].clone());
        }
        let count = |tag: &str| tags.iter().filter(|one| *one == tag).count();
        // The stock library calls a listener of `once` without its socket, and so never in full.
        let once = usize::from(ben.kind() == Kind::Ours || !stock());
        assert_eq!((count("global"), count("anns"), count("once")), (2, 2, once), "{tags:?}");
        assert_eq!((count("cats"), count("ended")), (0, 0), "{tags:?}");
        if ben.kind() == Kind::Page {
            // Ours are queues of their own, which know no order among themselves.
            let place = |tag: &str| tags.iter().position(|one| one == tag);
            assert!(place("global") < place("anns"), "global listeners come first: {tags:?}");
        }

        // Listeners of a peer end with it.
        cat.close().await?;
        let gone = json!({ "tag": "peer-disconnect", "args": [{ "id": cat.id() }] });
        ben.wait(gone).await?;
        ben.off("global").await?;
        ben.off("anns").await?;
        ann.emit("x", json!([3])).await?;
        ann.emit("end", json!([])).await?;
        ben.wait(json!({ "tag": "end" })).await?;
        assert_eq!(ben.seen(&json!({ "event": "x" })), 0);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_before_ctrl_is_open_arrives_when_it_is() -> Outcome {
    each_pair(async |world: &mut World, (first, second), room| {
        let mut ann = world.join(first, room).await?;
        let mut ben = world.start(second, json!({})).await?;
        ben.on("early", "early", json!({})).await?;
        ben.join(room).await?;
        // Known is before connected: ctrl is hardly open yet.
        ann.knows(&ben).await?;
        ann.emit("early", json!(["bird"])).await?;
        crate::conformance::world::meet(&mut ann, &mut ben).await?;
        ben.wait(json!({ "tag": "early", "args": ["bird"] })).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_names_and_rubbish_on_ctrl_are_dropped_and_the_rest_goes_on() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        // The library sends no such frames; the tests of hostile peers do.
        let Some((page, other)) = page_first(&mut ann, &mut ben) else { return Ok(()) };
        let id = other.id().to_owned();
        other.on("internal", "#rtcio:message", json!({})).await?;
        other.on("end", "end", json!({})).await?;
        for reserved in ["#rtcio:message", "peer-connect", "peer-disconnect", "track-added", "track-removed"] {
            let frame = json!({ "e": reserved, "d": [{ "id": "spoofed" }] }).to_string();
            page.raw(&id, json!({ "text": frame })).await?;
        }
        for rubbish in ["", "{", "null", "[]", "7", r#"{"e":7}"#, r#"{"d":[]}"#] {
            page.raw(&id, json!({ "text": rubbish })).await?;
        }
        page.raw(&id, json!({ "bytes": [123, 125] })).await?;
        page.raw(&id, json!({ "text": r#"{"e":"end","d":"no list"}"# })).await?;
        assert_eq!(other.wait(json!({ "tag": "end" })).await?["args"], json!([]));
        for event in ["#rtcio:message", "peer-connect", "peer-disconnect", "track-added", "track-removed"] {
            assert_eq!(other.seen(&json!({ "event": event })), 0, "{event}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_acknowledgements_and_tells_of_members() -> Outcome {
    each_pair(async |world, (first, second), room| {
        let mut ann = world.start(first, json!({})).await?;
        ann.on("came", "user-connected", json!({})).await?;
        ann.on("went", "user-disconnected", json!({})).await?;
        ann.join(room).await?;
        let answer = ann.server_ask("ask-ice", json!([{}])).await?;
        assert!(answer[0]["iceServers"].is_array(), "{answer}");
        let mut ben = world.start(second, json!({})).await?;
        ben.on("came", "user-connected", json!({})).await?;
        ben.join(room).await?;
        ann.wait(json!({ "tag": "came", "args": [{ "id": ben.id() }] })).await?;
        ben.wait(json!({ "tag": "came", "args": [{ "id": ann.id() }] })).await?;
        assert_eq!(ben.seen(&json!({ "tag": "came" })), 0, "nobody meets itself");
        crate::conformance::world::meet(&mut ann, &mut ben).await?;
        ben.server_emit("leave-room", json!([{ "roomId": room }])).await?;
        ann.wait(json!({ "tag": "went", "args": [{ "id": ben.id() }] })).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_the_library_fires_are_refused_or_dropped() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        ben.on("end", "end", json!({})).await?;
        for reserved in ["peer-connect", "peer-disconnect", "track-added", "track-removed"] {
            let sent = ann.emit(reserved, json!([{ "id": "spoofed" }])).await;
            // A page sends it, and it has to be dropped by who gets it.
            assert!(sent.is_err() || ann.kind() == Kind::Page, "{reserved} is refused");
        }
        ann.emit("end", json!([])).await?;
        ben.wait(json!({ "tag": "end" })).await?;
        assert_eq!(ben.seen(&json!({ "args": [{ "id": "spoofed" }] })), 0);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_never_hears_how_its_picture_is_drawn() -> Outcome {
    let world = World::new().await?;
    for (first, second) in [(Kind::Ours, Kind::Page), (Kind::Page, Kind::Ours)] {
        let (mut ann, mut ben) = world.pair((first, second), &format!("drawn-{first:?}")).await?;
        let (ours, page) = ours_first(&mut ann, &mut ben);
        ours.on("camera", "camera", json!({})).await?;
        ours.on("ping", "ping", json!({})).await?;
        page.on("pong", "pong", json!({})).await?;
        page.stream("cam", json!([picture()]), json!({})).await?;
        page.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
        ours.wait_for_tracks("a picture", |tracks| moving(tracks, "camera", &["video"])).await?;
        for width in [160, 80, 0] {
            let drawn = RenderedSize { width, height: width };
            ours.ours()?.picture_of("camera")?.track.set_rendered_size(drawn);
            // What is said next on the ordered channel comes behind whatever that made.
            for round in 0..3 {
                page.emit("ping", json!([width, round])).await?;
                ours.wait(json!({ "tag": "ping", "args": [width, round] })).await?;
                ours.emit("pong", json!([width, round])).await?;
                page.wait(json!({ "tag": "pong", "args": [width, round] })).await?;
            }
        }
        let frames = page.page()?.call("frames", json!([])).await?;
        let frames: Vec<&str> = frames.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let events = frames.iter().map(|frame| Ok(serde_json::from_str::<Value>(frame)?["e"].clone()));
        let events: Vec<Value> = events.collect::<Outcome<_>>()?;
        assert_eq!(events, vec![json!("pong"); 9], "{frames:?}");
    }
    Ok(())
}
