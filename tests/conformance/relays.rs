//! Calls that only a relay may carry, over a real coturn.

use crate::Outcome;
use crate::healing::{goes_on, shares};
use crate::peer::Peer;
use crate::sharing::sees_anew;
use crate::world::{each_pair, meet};
use confab_testkit::turn::{CREDENTIAL, TurnServer, USER};
use serde_json::{Value, json};

/// Options of a peer that uses nothing but relays of `turn`.
fn relayed(turn: &TurnServer) -> Value {
    json!({
        "iceTransportPolicy": "relay",
        "iceServers": [{ "urls": [turn.url("tcp")], "username": USER, "credential": CREDENTIAL }],
    })
}

/// The way to `id` leads from a relay to a relay.
async fn is_relayed(peer: &mut Peer, id: &str) -> Outcome {
    assert_eq!(peer.path(id).await?, json!(["relay", "relay"]), "{:?}", peer.kind());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_relays_only_a_call_stands_and_outlives_the_relay() -> Outcome {
    each_pair(async |world, (first, second), room| {
        let turn = TurnServer::start().await?;
        let mut ann = world.start(first, relayed(&turn)).await?;
        ann.join(room).await?;
        let mut ben = world.start(second, relayed(&turn)).await?;
        ben.join(room).await?;
        meet(&mut ann, &mut ben).await?;
        let (ann_id, ben_id) = (ann.id().to_owned(), ben.id().to_owned());
        let made = shares(&mut ann, &mut ben).await?;
        is_relayed(&mut ann, &ben_id).await?;
        is_relayed(&mut ben, &ann_id).await?;

        // Allocations do not survive their server; whoever notices asks for a new path.
        let (port, tls_port) = (turn.port, turn.tls_port);
        turn.kill().await?;
        let _turn = TurnServer::start_on(port, tls_port).await?;
        goes_on(&mut ann, &mut ben, "over another relay").await?;
        sees_anew(&mut ben, &made["id"]).await?;
        is_relayed(&mut ann, &ben_id).await?;
        is_relayed(&mut ben, &ann_id).await
    })
    .await
}
