//! The loudness of sound in the headers of its packets (RFC 6464).

use crate::conformance::Outcome;
use crate::conformance::peer::until;
use crate::conformance::streams::moving;
use crate::conformance::world::{Kind, each_pair};
use confab_media::TONE_AMPLITUDE;
use serde_json::json;
use std::f64::consts::SQRT_2;

/// How loud the tone of a page is.
const PAGE_TONE: f64 = 0.4;
/// How far a level may be off: 2 dB. It is told in whole decibels, of a piece that need not hold whole waves.
const TOLERANCE: f64 = 1.26;

#[tokio::test(flavor = "multi_thread")]
async fn the_header_says_how_loud_a_packet_is() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        let ids = [ann.id().to_owned(), ben.id().to_owned()];
        for (sender, receiver, id) in [(0, 1, &ids[0]), (1, 0, &ids[1])] {
            let peers = [&mut ann, &mut ben];
            peers[sender].stream("cam", json!([{ "tone": 440 }]), json!({})).await?;
            let amplitude = match peers[sender].kind() {
                Kind::Ours => f64::from(TONE_AMPLITUDE),
                Kind::Page => PAGE_TONE,
            };
            let event = format!("voice-{sender}");
            peers[receiver].on(&event, &event, json!({})).await?;
            peers[sender].emit(&event, json!([{ "stream": { "$stream": "cam" } }])).await?;
            peers[receiver].wait_for_tracks("the tone", |tracks| moving(tracks, &event, &["audio"])).await?;
            let right = amplitude / SQRT_2;
            until("the level of the tone", async || {
                let levels = peers[receiver].levels(id).await?;
                let level = levels[0].as_f64().filter(|level| (right / TOLERANCE..right * TOLERANCE).contains(level));
                Ok(level)
            })
            .await?;
        }
        Ok(())
    })
    .await
}
