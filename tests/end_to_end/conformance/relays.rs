//! Calls that only a relay may carry, over a real coturn.

use crate::conformance::Outcome;
use crate::conformance::healing::{fragment, goes_on, path_is_new, shares};
use crate::conformance::peer::{Peer, until};
use crate::conformance::sharing::sees_anew;
use crate::conformance::world::{each_pair, meet};
use confab_testkit::turn::{CREDENTIAL, TurnServer, USER};
use serde_json::{Value, json};

/// Options of a peer that uses nothing but relays of `turn`.
fn relayed(turn: &TurnServer) -> Value {
    json!({
        "iceTransportPolicy": "relay",
        "iceServers": [{ "urls": [turn.url("tcp")], "username": USER, "credential": CREDENTIAL }],
    })
}

/// Waits until the way to `id` begins at a relay on this side.
async fn is_relayed(peer: &mut Peer, id: &str) -> Outcome {
    until("a way over a relay", async || Ok((peer.path(id).await?[0] == "relay").then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_relays_only_a_call_stands_also_on_a_new_path() -> Outcome {
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

        let before = fragment(&mut ann, &ben_id).await?;
        ann.restart_ice(&ben_id).await?;
        path_is_new(&mut ann, &ben_id, &before).await?;
        goes_on(&mut ann, &mut ben, "over another path").await?;
        sees_anew(&mut ben, &made["id"]).await?;
        is_relayed(&mut ann, &ben_id).await?;
        is_relayed(&mut ben, &ann_id).await
    })
    .await
}
