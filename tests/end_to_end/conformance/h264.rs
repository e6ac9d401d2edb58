//! H.264, from a page that sends it: nobody here encodes it.

use crate::conformance::Outcome;
use crate::conformance::codecs::comes_in;
use crate::conformance::peer::{Peer, until};
use crate::conformance::streams::{moving, picture};
use crate::conformance::world::{Kind, World, meet};
use confab_rtcio::EncodedFrame;
use serde_json::{Value, json};

/// One of ours that decodes H.264 or not, in the room before or after a page.
async fn pair(world: &World, h264: bool, ours_first: bool, room: &str) -> Outcome<(Peer, Peer)> {
    let mut page = world.start(Kind::Page, json!({})).await?;
    let mut ours = world.start(Kind::Ours, json!({ "decoders": { "h264": h264 } })).await?;
    let (first, second) = if ours_first { (&mut ours, &mut page) } else { (&mut page, &mut ours) };
    first.join(room).await?;
    second.join(room).await?;
    meet(first, second).await?;
    ours.on("camera", "camera", json!({})).await?;
    page.on("camera", "camera", json!({})).await?;
    Ok((ours, page))
}

/// Shares a picture in one of these codecs, the preferred first.
async fn share(peer: &mut Peer, codecs: &[&str]) -> Outcome<Value> {
    let made = peer.stream("cam", json!([picture()]), json!({ "codecs": codecs })).await?;
    peer.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
    Ok(made)
}

async fn sees(peer: &mut Peer) -> Outcome {
    peer.wait_for_tracks("a picture that moves", |tracks| moving(tracks, "camera", &["video"])).await.map(drop)
}

/// Lets the page decode what came, and tells what it saw.
async fn decoded(page: &Peer, frames: &[EncodedFrame]) -> Outcome<Value> {
    // Behind a start code and the type come the three bytes of the profile and level (RFC 6381 section 3.3).
    let [0, 0, 0, 1, 0x67, profile, flags, level, ..] = frames[0].data[..] else {
        return Err(format!("no parameters first: {:x?}", &frames[0].data[..8]).into());
    };
    let codec = format!("avc1.{profile:02x}{flags:02x}{level:02x}");
    let frames: Vec<&[u8]> = frames.iter().map(|frame| &frame.data[..]).collect();
    page.page()?.call("decode", json!([codec, frames])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_sends_nothing_else_is_seen() -> Outcome {
    let world = World::new().await?;
    for ours_first in [true, false] {
        let (mut ours, mut page) = pair(&world, true, ours_first, &format!("alone-{ours_first}")).await?;
        share(&mut page, &["video/H264"]).await?;
        sees(&mut ours).await?;
        comes_in(&mut ours, page.id(), "video/H264").await?;
        let frames = until("frames of H.264", async || {
            ours.tracks().await?;
            Ok(Some(ours.ours()?.undecoded("camera")?).filter(|frames| frames.len() >= 15))
        })
        .await?;
        let seen = decoded(&page, &frames).await?;
        assert_eq!(
            (&seen["decoded"], &seen["width"], &seen["height"]),
            (&json!(frames.len()), &json!(320), &json!(180))
        );
        assert!(seen["number"].is_number(), "the test picture can be read: {seen}");
        // What goes back is what everybody decodes.
        share(&mut ours, &[]).await?;
        sees(&mut page).await?;
        comes_in(&mut page, ours.id(), "video/VP8").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_sent_vp8_before_is_seen_all_the_same() -> Outcome {
    let world = World::new().await?;
    let (mut ours, mut page) = pair(&world, true, true, "later").await?;
    share(&mut ours, &[]).await?;
    sees(&mut page).await?;
    share(&mut page, &["video/H264"]).await?;
    sees(&mut ours).await?;
    comes_in(&mut ours, page.id(), "video/H264").await?;
    comes_in(&mut page, ours.id(), "video/VP8").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_prefers_it_is_asked_for_what_everybody_decodes() -> Outcome {
    let world = World::new().await?;
    let (mut ours, mut page) = pair(&world, true, false, "prefers").await?;
    share(&mut page, &["video/H264", "video/VP8"]).await?;
    sees(&mut ours).await?;
    comes_in(&mut ours, page.id(), "video/VP8").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_decoded_is_named_and_the_rest_of_the_call_goes_on() -> Outcome {
    let world = World::new().await?;
    for codec in ["video/H264", "video/AV1"] {
        let (mut ours, mut page) = pair(&world, false, false, codec).await?;
        share(&mut page, &[codec]).await?;
        ours.wait_for_tracks("the track", |tracks| tracks.len() == 1).await?;
        let track = ours.ours()?.picture_of("camera")?.track.clone();
        assert_eq!(track.refused_codec().as_deref(), codec.strip_prefix("video/"));
        share(&mut ours, &[]).await?;
        sees(&mut page).await?;
        // The page's next picture is one that can be decoded.
        let made = page.stream("screen", json!([picture()]), json!({ "codecs": ["video/VP8"] })).await?;
        ours.on("screen", "screen", json!({})).await?;
        page.emit("screen", json!([{ "stream": { "$stream": "screen" } }])).await?;
        ours.wait_for_tracks("the screen", |tracks| {
            let screen: Vec<Value> = tracks.iter().filter(|track| track["stream"] == made["id"]).cloned().collect();
            moving(&screen, "screen", &["video"])
        })
        .await?;
        assert_eq!(track.stats().packets, 0, "a page sends nothing that is not taken");
    }
    Ok(())
}
