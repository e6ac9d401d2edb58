//! A call that goes on over another path.

use crate::conformance::Outcome;
use crate::conformance::peer::{Peer, until};
use crate::conformance::sharing::sees_anew;
use crate::conformance::streams::{hears, picture};
use crate::conformance::world::each_pair;
use serde_json::{Value, json};

/// The name of this side's ICE credentials towards `id`.
pub async fn fragment(peer: &mut Peer, id: &str) -> Outcome<String> {
    let transport = peer.transport(id).await?;
    let fragment = transport["iceLocalUsernameFragment"].as_str();
    Ok(fragment.ok_or_else(|| format!("{:?} knows no credentials: {transport}", peer.kind()))?.to_owned())
}

/// Waits until `peer` has other credentials towards `id` than `before`.
pub async fn path_is_new(peer: &mut Peer, id: &str, before: &str) -> Outcome {
    until("new ICE credentials", async || Ok((fragment(peer, id).await? != before).then_some(()))).await
}

/// `from` shares a picture, which `to` sees; what the stream is.
pub async fn shares(from: &mut Peer, to: &mut Peer) -> Outcome<Value> {
    to.on("camera", "camera", json!({})).await?;
    let made = from.stream("cam", json!([picture()]), json!({})).await?;
    from.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
    hears(to, "camera", &made).await?;
    sees_anew(to, &made["id"]).await?;
    Ok(made)
}

/// Events go both ways, and nobody was said to be gone.
pub async fn goes_on(one: &mut Peer, other: &mut Peer, word: &str) -> Outcome {
    for there in [true, false] {
        let (from, to) = if there { (&mut *one, &mut *other) } else { (&mut *other, &mut *one) };
        to.on(word, word, json!({})).await?;
        from.emit(word, json!([from.id()])).await?;
        to.wait(json!({ "tag": word, "args": [from.id()] })).await?;
        assert_eq!(to.seen(&json!({ "tag": "peer-disconnect" })), 0);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ice_restarts_when_either_side_asks_and_the_call_goes_on() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        let (ann_id, ben_id) = (ann.id().to_owned(), ben.id().to_owned());
        let (of_ann, of_ben) = (shares(&mut ann, &mut ben).await?, shares(&mut ben, &mut ann).await?);
        for ann_asks in [true, false] {
            let before = [fragment(&mut ann, &ben_id).await?, fragment(&mut ben, &ann_id).await?];
            let (asking, asked) = if ann_asks { (&mut ann, &ben_id) } else { (&mut ben, &ann_id) };
            asking.restart_ice(asked).await?;
            path_is_new(&mut ann, &ben_id, &before[0]).await?;
            path_is_new(&mut ben, &ann_id, &before[1]).await?;
            goes_on(&mut ann, &mut ben, &format!("asked by Ann: {ann_asks}")).await?;
            sees_anew(&mut ben, &of_ann["id"]).await?;
            sees_anew(&mut ann, &of_ben["id"]).await?;
        }
        Ok(())
    })
    .await
}
