//! Named data channels: to one peer and to all, their options, their limits.

use crate::conformance::Outcome;
use crate::conformance::peer::Peer;
use crate::conformance::world::{each_pair, meet};
use serde_json::{Value, json};

/// Both make the channel `name` to each other and wait until it is open.
async fn channel(one: &mut Peer, other: &mut Peer, name: &str, options: Value) -> Outcome {
    let ids = [other.id().to_owned(), one.id().to_owned()];
    for (id, peer) in ids.into_iter().zip([&mut *one, &mut *other]) {
        let mut options = options.clone();
        options["peer"] = json!(id);
        peer.channel(name, name, options).await?;
    }
    for peer in [one, other] {
        peer.wait(json!({ "channel": name, "event": "open" })).await?;
        assert_eq!(peer.channel_state(name).await?["readyState"], "open");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_to_one_peer_carries_events_text_and_bytes_in_order() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        channel(&mut ann, &mut ben, "file ünï 🦊", json!({})).await?;
        let name = "file ünï 🦊";
        for there in [true, false] {
            let (sender, receiver) = if there { (&mut ann, &mut ben) } else { (&mut ben, &mut ann) };
            receiver.channel_on(name, "meta", json!({})).await?;
            receiver.channel_on(name, "first", json!({ "once": true })).await?;
            sender.channel_emit(name, "meta", json!([{ "name": "ä" }, 2, null])).await?;
            sender.channel_emit(name, "first", json!([1])).await?;
            sender.channel_emit(name, "first", json!([2])).await?;
            let sent = sender.channel_send(name, json!({ "size": 16384, "count": 50 })).await?;
            assert!(sent.as_array().is_some_and(|sent| sent.iter().all(|sent| *sent == true)), "{sent}");
            // Text is an event, or an error of the receiver.
            let text = json!({ "e": "meta", "d": ["as text"] }).to_string();
            sender.channel_send(name, json!({ "text": text })).await?;
            sender.channel_send(name, json!({ "text": "no envelope" })).await?;
            receiver.wait(json!({ "channel": name, "event": "meta", "args": [{ "name": "ä" }, 2, null] })).await?;
            receiver.wait(json!({ "channel": name, "event": "first", "args": [1] })).await?;
            for number in 0..50 {
                let data = receiver.wait(json!({ "channel": name, "event": "data" })).await?;
                assert_eq!(data["args"], json!([{ "$bytes": 16384, "number": number }]));
            }
            receiver.wait(json!({ "channel": name, "event": "meta", "args": ["as text"] })).await?;
            receiver.wait(json!({ "channel": name, "event": "error" })).await?;
            assert_eq!(receiver.seen(&json!({ "event": "first" })), 0, "once is once");
        }
        // The end on one side is the end on the other.
        ann.channel_close(name).await?;
        for peer in [&mut ann, &mut ben] {
            peer.wait(json!({ "channel": name, "event": "close" })).await?;
            assert_ne!(peer.channel_state(name).await?["readyState"], "open");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_channel_reaches_all_and_late_ones_and_says_who_left() -> Outcome {
    each_pair(async |world, (first, second), room| {
        let mut ann = world.join(first, room).await?;
        let mut ben = world.start(second, json!({})).await?;
        let mut cat = world.start(second, json!({})).await?;
        // One makes it when nobody is there, one before it joins, one when the others are connected.
        ann.channel("chat", "chat", json!({})).await?;
        assert_eq!(ann.channel_state("chat").await?, json!({ "peerCount": 0, "closed": false }));
        ben.channel("chat", "chat", json!({})).await?;
        ben.join(room).await?;
        meet(&mut ann, &mut ben).await?;
        cat.join(room).await?;
        meet(&mut ann, &mut cat).await?;
        meet(&mut ben, &mut cat).await?;
        cat.channel("chat", "chat", json!({})).await?;
        for peer in [&mut ann, &mut ben, &mut cat] {
            peer.channel_on("chat", "msg", json!({})).await?;
            peer.channel("again", "chat", json!({})).await?;
            assert!(peer.same_channel("chat", "again").await?, "one name, one channel");
        }
        for _ in 0..2 {
            cat.wait(json!({ "event": "open" })).await?;
        }
        assert_eq!(ann.channel_state("chat").await?["peerCount"], 2);
        cat.channel_emit("chat", "msg", json!(["from Cat"])).await?;
        ann.wait(json!({ "event": "msg", "args": ["from Cat"] })).await?;
        ben.wait(json!({ "event": "msg", "args": ["from Cat"] })).await?;
        ann.channel_emit("chat", "msg", json!([{ "from": "Ann" }, 2])).await?;
        ben.wait(json!({ "event": "msg", "args": [{ "from": "Ann" }, 2] })).await?;
        cat.wait(json!({ "event": "msg", "args": [{ "from": "Ann" }, 2] })).await?;
        assert_eq!(ann.channel_send("chat", json!({ "size": 5 })).await?, json!([true]));
        for peer in [&mut ben, &mut cat] {
            peer.wait(json!({ "event": "data", "args": [{ "$bytes": 5 }] })).await?;
        }
        ben.close().await?;
        ann.wait(json!({ "event": "peer-left", "args": [ben.id()] })).await?;
        assert_eq!(ann.channel_state("chat").await?["peerCount"], 1);
        ann.channel_close("chat").await?;
        assert_eq!(ann.channel_state("chat").await?["closed"], true);
        cat.wait(json!({ "event": "peer-left", "args": [ann.id()] })).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_channel_says_false_then_error_and_drains() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        let marks = json!({ "queueBudget": 400_000, "highWatermark": 200_000, "lowWatermark": 50_000 });
        channel(&mut ann, &mut ben, "narrow", marks).await?;
        // More than both marks and budget hold, before the peer can have taken anything.
        let sent = ann.channel_send("narrow", json!({ "size": 60_000, "count": 40 })).await?;
        let sent: Vec<_> = sent.as_array().into_iter().flatten().map(|sent| *sent == true).collect();
        assert_eq!((sent[0], sent.contains(&false)), (true, true), "{sent:?}");
        ann.wait(json!({ "channel": "narrow", "event": "error" })).await?;
        ann.wait(json!({ "channel": "narrow", "event": "drain" })).await?;
        // It goes on, and what was refused is all that is missing: the numbers that come are in order.
        let mut last = None;
        let mut refused = 1;
        while ann.seen(&json!({ "channel": "narrow", "event": "error" })) > 0 {
            ann.wait(json!({ "channel": "narrow", "event": "error" })).await?;
            refused += 1;
        }
        for _ in 0..sent.len() - refused {
            let data = ben.wait(json!({ "channel": "narrow", "event": "data" })).await?;
            let number = data["args"][0]["number"].as_u64();
            assert!(last < number, "{number:?} after {last:?}");
            last = number;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_one_id_are_named_and_the_first_goes_on() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        // Both names have the id 972.
        channel(&mut ann, &mut ben, "c42", json!({})).await?;
        let refused = ann.channel("c94", "c94", json!({ "peer": ben.id() })).await;
        let text = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("c42") && text.contains("c94"), "{text}");
        ann.channel_send("c42", json!({ "size": 4 })).await?;
        ben.wait(json!({ "channel": "c42", "event": "data" })).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn unordered_and_lossy_channels_meet() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        for (name, options) in [
            ("unordered", json!({ "ordered": false })),
            ("lossy", json!({ "ordered": false, "maxRetransmits": 0 })),
            ("short", json!({ "maxPacketLifeTime": 200 })),
        ] {
            channel(&mut ann, &mut ben, name, options).await?;
            ann.channel_send(name, json!({ "size": 100 })).await?;
            ben.wait(json!({ "channel": name, "event": "data" })).await?;
            ben.channel_send(name, json!({ "size": 100 })).await?;
            ann.wait(json!({ "channel": name, "event": "data" })).await?;
        }
        Ok(())
    })
    .await
}
