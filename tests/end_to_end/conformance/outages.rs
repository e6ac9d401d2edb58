//! Signaling is away for a while: the call goes on, and what was said for the server is not lost.

use crate::conformance::Outcome;
use crate::conformance::healing::{goes_on, shares};
use crate::conformance::peer::Peer;
use crate::conformance::sharing::sees_anew;
use crate::conformance::world::{Kind, World, each_pair, meet, ours_first};
use confab_server::Limits;
use confab_testkit::tcp_proxy::TcpProxy;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_freezes_is_left_and_found_again_and_the_call_goes_on() -> Outcome {
    each_pair(async |world, (first, second), room| {
        let hurried = |limits: &mut Limits| {
            (limits.ping_interval, limits.ping_timeout) = (Duration::from_secs(2), Duration::from_secs(2));
        };
        let (server, _) = world.other_server(hurried).await?;
        let proxy = TcpProxy::to(server.local_addr()).await?;
        let mut ann = world.start_on(&proxy.url(), first, json!({})).await?;
        ann.join(room).await?;
        let mut ben = world.start_on(&proxy.url(), second, json!({})).await?;
        ben.join(room).await?;
        meet(&mut ann, &mut ben).await?;
        // A page's offers of an outage are lost: it says them before it is in its room again.
        let (ours, other) = ours_first(&mut ann, &mut ben);
        let made = shares(ours, other).await?;

        proxy.freeze();
        for peer in [&mut *ours, &mut *other] {
            peer.wait(json!({ "tag": "disconnect" })).await?;
        }
        goes_on(ours, other, "without a server").await?;
        sees_anew(other, &made["id"]).await?;
        ours.add_track("cam", json!({ "tone": 440 })).await?;

        proxy.mend();
        for there in [true, false] {
            let (peer, other) = if there { (&mut *ours, &mut *other) } else { (&mut *other, &mut *ours) };
            peer.wait(json!({ "tag": "connect" })).await?;
            peer.resume(room, other.id()).await?;
        }
        let added = json!({ "stream": { "msid": made["msid"] }, "track": { "kind": "audio" } });
        other.wait(json!({ "tag": "track-added", "args": [added] })).await?;
        goes_on(ours, other, "with one").await?;
        server.shutdown().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_the_server_in_an_outage_arrives_in_order() -> Outcome {
    each_pair(async |world, (first, second), room| {
        let proxy = world.proxy().await?;
        let mut ann = world.start_on(&proxy.url(), first, json!({})).await?;
        ann.join(room).await?;
        let mut ben = world.join(second, room).await?;
        meet(&mut ann, &mut ben).await?;
        ben.on("direct-message", "direct-message", json!({})).await?;
        proxy.cut();
        ann.wait(json!({ "tag": "disconnect" })).await?;
        goes_on(&mut ann, &mut ben, "without a server").await?;
        let target = ben.id().to_owned();
        ann.server_emit("join-room", json!([ann.comeback(room, &target)])).await?;
        for number in 0..20 {
            ann.server_emit("direct-message", json!([{ "target": target, "data": number }])).await?;
        }
        proxy.mend();
        ann.wait(json!({ "tag": "connect" })).await?;
        ann.entered();
        for number in 0..20 {
            let told = ben.wait(json!({ "tag": "direct-message" })).await?;
            assert_eq!(told["args"][0], json!({ "source": ann.id(), "data": number }), "in order");
        }
        goes_on(&mut ann, &mut ben, "with one").await
    })
    .await
}

/// Two members, of whom the first one returned, one of ours, is behind a proxy of its own.
async fn through_a_proxy(
    world: &World,
    proxy: &TcpProxy,
    (first, second): (Kind, Kind),
    room: &str,
) -> Outcome<(Peer, Peer)> {
    let first_moves = first == Kind::Ours;
    let (proxied, direct) = (proxy.url(), world.url());
    let (of_first, of_second) = if first_moves { (&proxied, &direct) } else { (&direct, &proxied) };
    let mut first = world.start_on(of_first, first, json!({})).await?;
    first.join(room).await?;
    let mut second = world.start_on(of_second, second, json!({})).await?;
    second.join(room).await?;
    meet(&mut first, &mut second).await?;
    Ok(if first_moves { (first, second) } else { (second, first) })
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_under_a_new_id_is_met_once_and_brings_its_streams() -> Outcome {
    each_pair(async |world, pair, room| {
        let proxy = world.proxy().await?;
        let (mut mover, mut stayer) = through_a_proxy(world, &proxy, pair, room).await?;
        let (moved, stayed) = (shares(&mut mover, &mut stayer).await?, shares(&mut stayer, &mut mover).await?);
        let before = mover.id().to_owned();
        proxy.cut();
        mover.wait(json!({ "tag": "disconnect" })).await?;
        proxy.mend();
        mover.wait(json!({ "tag": "connect" })).await?;
        mover.rejoin(room).await?;
        assert_ne!(mover.id(), before);

        meet(&mut mover, &mut stayer).await?;
        stayer.wait(json!({ "tag": "peer-disconnect", "args": [{ "id": before }] })).await?;
        sees_anew(&mut stayer, &moved["id"]).await?;
        sees_anew(&mut mover, &stayed["id"]).await?;
        for there in [true, false] {
            let (from, to) = if there { (&mut mover, &mut stayer) } else { (&mut stayer, &mut mover) };
            for event in ["once", "end"] {
                to.on(event, event, json!({})).await?;
                from.emit(event, json!([])).await?;
            }
            to.wait(json!({ "tag": "once" })).await?;
            to.wait(json!({ "tag": "end" })).await?;
            assert_eq!(to.seen(&json!({ "tag": "once" })), 0, "over one connection, not over two");
        }
        Ok(())
    })
    .await
}
