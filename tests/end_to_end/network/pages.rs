//! Ours and a Chromium page, each behind a network of its own. What comes from the page is compared with what it drew.

use crate::network::{MEDIA, Outcome, call_network};
use confab_testkit::network::profile::{CLEAN, LOSSY, Profile};
use confab_testkit::received::Received;
use confab_tests::call_network::CallNetwork;
use serde_json::Value;

async fn a_call_with_a_page(network: &mut CallNetwork, profile: Profile) -> Outcome {
    let mut ann = network.guest("Ann", profile, &[&MEDIA[..], &["--compare", "640x360"]].concat()).await?;
    let ben = network.page("Ben", profile).await?;
    ben.page.join(&network.link(), Some(660), Some((640, 360, 30))).await?;
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
    let Some(mut network) = call_network("pages::a_page_behind_a_wire").await? else { return Ok(()) };
    a_call_with_a_page(&mut network, CLEAN).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_behind_a_network_that_loses_packets() -> Outcome {
    let Some(mut network) = call_network("pages::a_page_behind_a_network_that_loses_packets").await? else {
        return Ok(());
    };
    a_call_with_a_page(&mut network, LOSSY).await
}
