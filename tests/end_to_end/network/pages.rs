//! Ours and a Chromium page, each behind a network of its own. What comes from the page is compared with what it drew.

use crate::network::{MEDIA, Outcome, place};
use confab_testkit::network::profile::{CLEAN, LOSSY, Profile};
use confab_testkit::received::Received;
use confab_tests::place::Place;
use serde_json::Value;

async fn a_call_with_a_page(place: &mut Place, profile: Profile) -> Outcome {
    let mut ann = place.guest("Ann", profile, &[&MEDIA[..], &["--compare", "640x360"]].concat()).await?;
    let ben = place.page("Ben", profile).await?;
    ben.page.join(&place.link(), Some(660), Some((640, 360, 30))).await?;
    ben.page.wait_for_person("Ann", "video?.patterns > 40 && audio?.level > 0.05").await?;
    ann.sees("Ben", 20).await?;
    let clear = |picture: &Value| picture["psnr"].as_f64() > Some(30.0);
    ann.peer
        .wait_for_stats("Ben", |stats| stats["pictures"].as_array().is_some_and(|all| all.iter().any(clear)))
        .await?;
    let received = Received::told(&ann.peer.events())?;
    println!("{}: {:?}, {} lost, {:?} dB", profile.name, received.freezes(), received.lost(), received.psnr());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_behind_a_wire() -> Outcome {
    let Some(mut place) = place("pages::a_page_behind_a_wire").await? else { return Ok(()) };
    a_call_with_a_page(&mut place, CLEAN).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_behind_a_network_that_loses_packets() -> Outcome {
    let Some(mut place) = place("pages::a_page_behind_a_network_that_loses_packets").await? else { return Ok(()) };
    a_call_with_a_page(&mut place, LOSSY).await
}
