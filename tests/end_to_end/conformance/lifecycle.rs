//! Peers and the server come, go, and come back.

use crate::conformance::Outcome;
use crate::conformance::world::{Kind, each_pair, meet, page_first};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_closes_is_missed_once_and_may_come_again() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        ben.close().await?;
        let gone = json!({ "tag": "peer-disconnect", "args": [{ "id": ben.id() }] });
        ann.wait(gone.clone()).await?;
        let mut again = world.join(pair.1, room).await?;
        meet(&mut ann, &mut again).await?;
        assert_eq!(ann.seen(&gone), 0, "told once");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_crashes_is_missed() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        // A process of ours that is killed: see the tests of headless peers.
        let Some((page, other)) = page_first(&mut ann, &mut ben) else { return Ok(()) };
        page.crash().await?;
        other.wait(json!({ "tag": "peer-disconnect", "args": [{ "id": page.id() }] })).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_the_server_leaves_the_peers_up() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        for (peer, tag) in [(&mut ann, "from-ben"), (&mut ben, "from-ann")] {
            peer.on(tag, "still", json!({})).await?;
        }
        ann.on("went", "user-disconnected", json!({})).await?;
        ben.disconnect().await?;
        ann.wait(json!({ "tag": "went", "args": [{ "id": ben.id() }] })).await?;
        ben.wait(json!({ "tag": "disconnect" })).await?;
        ann.emit("still", json!(["here"])).await?;
        ben.wait(json!({ "tag": "from-ann", "args": ["here"] })).await?;
        ben.emit("still", json!(["there"])).await?;
        ann.wait(json!({ "tag": "from-ben", "args": ["there"] })).await?;
        assert_eq!(ann.seen(&json!({ "tag": "peer-disconnect" })), 0);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_and_comes_back_does_not_end_the_call() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        ben.on("still", "still", json!({})).await?;
        world.stop_server().await;
        for peer in [&mut ann, &mut ben] {
            peer.wait(json!({ "tag": "disconnect" })).await?;
        }
        ann.emit("still", json!(["without a server"])).await?;
        ben.wait(json!({ "tag": "still", "args": ["without a server"] })).await?;
        world.restart_server().await?;
        for peer in [&mut ann, &mut ben] {
            peer.wait(json!({ "tag": "connect" })).await?;
        }
        ann.emit("still", json!(["with one"])).await?;
        ben.wait(json!({ "tag": "still", "args": ["with one"] })).await?;
        assert_eq!(ann.seen(&json!({ "tag": "peer-disconnect" })), 0);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_connects_when_it_is_told_to_and_comes_back_after_leaving() -> Outcome {
    each_pair(async |world, (first, second), room| {
        let mut ann = world.join(first, room).await?;
        let mut ben = world.start(second, json!({ "autoConnect": false })).await?;
        assert!(!ben.is_connected().await?);
        ben.connect().await?;
        ben.join(room).await?;
        assert!(ben.is_connected().await?);
        meet(&mut ann, &mut ben).await?;
        ben.disconnect().await?;
        ben.wait(json!({ "tag": "disconnect" })).await?;
        assert!(!ben.is_connected().await?);
        ben.connect().await?;
        ben.wait(json!({ "tag": "connect" })).await?;
        assert!(ben.is_connected().await?);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_heard_in_its_own_words() -> Outcome {
    each_pair(async |world, (first, second), _| {
        let (server, url) = world.other_server(|limits| limits.sockets = 1).await?;
        let mut inside = world.start_on(&url, first, json!({})).await?;
        inside.wait(json!({ "tag": "connect" })).await?;
        let mut outside = world.start_on(&url, second, json!({})).await?;
        let refusal = outside.wait(json!({ "tag": "connect_error" })).await?;
        let text = refusal["args"][0]["message"].as_str().unwrap_or_default();
        assert!(text.contains("full"), "{refusal}");
        server.shutdown().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_two_servers_go_on_at_once() -> Outcome {
    each_pair(async |world, pair, room| {
        let (server, url) = world.other_server(|_| {}).await?;
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        let mut ann_there = world.start_on(&url, pair.0, json!({})).await?;
        let mut ben_there = world.start_on(&url, pair.1, json!({})).await?;
        ann_there.join(room).await?;
        ben_there.join(room).await?;
        meet(&mut ann_there, &mut ben_there).await?;
        for peer in [&mut ben, &mut ben_there] {
            peer.on("where", "where", json!({})).await?;
        }
        ann.emit("where", json!(["here"])).await?;
        ann_there.emit("where", json!(["there"])).await?;
        ben.wait(json!({ "tag": "where", "args": ["here"] })).await?;
        ben_there.wait(json!({ "tag": "where", "args": ["there"] })).await?;
        assert_eq!(ben.seen(&json!({ "tag": "where" })) + ben_there.seen(&json!({ "tag": "where" })), 0);
        server.shutdown().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_patience_after_a_crash_is_an_option() -> Outcome {
    each_pair(async |world, (first, second), room| {
        // A page's crash is what its peer sees as silence; ours watches.
        if (first, second) == (Kind::Ours, Kind::Ours) {
            return Ok(());
        }
        let quick = json!({ "watchdog": { "timeout": 100, "hintTimeout": 100, "hintTTL": 60_000 } });
        let mut one = world.start(first, quick.clone()).await?;
        one.join(room).await?;
        let mut other = world.start(second, quick).await?;
        other.join(room).await?;
        meet(&mut one, &mut other).await?;
        let (page, ours) = if first == Kind::Page { (&mut one, &mut other) } else { (&mut other, &mut one) };
        page.crash().await?;
        ours.wait(json!({ "tag": "peer-disconnect", "args": [{ "id": page.id() }] })).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_socket_to_one_server_is_the_same_member_unless_it_is_to_be_new() -> Outcome {
    each_pair(async |world, (first, second), room| {
        // Only ours: a page's second socket to one namespace has a connection of its own from socket.io itself.
        let shared = json!({ "forceNew": false });
        let mut one = world.start(Kind::Ours, shared.clone()).await?;
        let mut other = if first == Kind::Ours {
            one.join(room).await?;
            world.join(second, room).await?
        } else {
            let other = world.join(first, room).await?;
            one.join(room).await?;
            other
        };
        meet(&mut one, &mut other).await?;
        let mut two = world.start(Kind::Ours, shared).await?;
        two.wait(json!({ "tag": "connect" })).await?;
        two.wait(json!({ "tag": "peer-connect", "args": [{ "id": other.id() }] })).await?;
        other.on("from one", "word", json!({ "peer": one.id() })).await?;
        two.emit("word", json!(["of two"])).await?;
        other.wait(json!({ "tag": "from one", "args": ["of two"] })).await?;
        for peer in [&mut one, &mut two] {
            peer.on("answer", "answer", json!({})).await?;
        }
        other.emit("answer", json!(["to both"])).await?;
        for peer in [&mut one, &mut two] {
            peer.wait(json!({ "tag": "answer", "args": ["to both"] })).await?;
        }
        assert_eq!(other.seen(&json!({ "tag": "peer-connect" })), 0, "they are one member");

        let mut three = world.start(Kind::Ours, json!({ "forceNew": true })).await?;
        three.join(room).await?;
        assert_ne!(three.id(), one.id());
        meet(&mut three, &mut other).await?;
        two.close().await?;
        other.wait(json!({ "tag": "peer-disconnect", "args": [{ "id": one.id() }] })).await?;
        three.close().await
    })
    .await
}
