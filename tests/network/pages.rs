//! Ours and a Chromium page, each behind a network of its own.

use crate::{Outcome, guest, place};
use confab_testkit::network::profile::{CLEAN, LOSSY, Profile};
use confab_tests::place::Place;

async fn a_call_with_a_page(place: &mut Place, profile: Profile) -> Outcome {
    let mut ann = guest(place, "Ann", profile).await?;
    let ben = place.page("Ben", profile).await?;
    ben.page.join(&place.link(), Some(660), Some((640, 360, 30))).await?;
    ben.page.wait_for_person("Ann", "video?.patterns > 40 && audio?.level > 0.05").await?;
    let seen = ann.sees("Ben", 20).await?;
    println!("{}: {seen}", profile.name);
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
