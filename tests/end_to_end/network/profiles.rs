//! Participants behind networks of their own; what each kind of network does to a call is in `matrix.rs`.

use crate::network::{Outcome, a_call, call_network, can_run, guest};
use confab_testkit::network::profile::{CLEAN, HOTEL, MOBILE, UDP_BLOCKED, WIFI};
use confab_tests::call_network::{CallNetwork, Guest};
use futures_util::future::try_join_all;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_a_mobile_network() -> Outcome {
    match call_network("profiles::a_call_over_a_mobile_network").await? {
        Some(mut network) => a_call(&mut network, MOBILE).await,
        None => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_udp_does_not_pass_a_relay_over_tcp_carries_the_call() -> Outcome {
    if !can_run("profiles::where_udp_does_not_pass_a_relay_over_tcp_carries_the_call") {
        return Ok(());
    }
    let mut network = CallNetwork::with_relay().await?;
    let mut ann = guest(&mut network, "Ann", CLEAN).await?;
    let mut ben = guest(&mut network, "Ben", UDP_BLOCKED).await?;
    ann.sees("Ben", 20).await?;
    assert_eq!(ben.sees("Ann", 20).await?["connection"], "relay");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn four_on_networks_of_their_own_see_and_hear_each_other() -> Outcome {
    let name = "profiles::four_on_networks_of_their_own_see_and_hear_each_other";
    let Some(mut network) = call_network(name).await? else { return Ok(()) };
    // Three copies of this and of the sound fit the hotel's line.
    let media = ["--video", "pattern", "--size", "320x180", "--bitrate", "150", "--audio", "tone:440"];
    let mut guests = Vec::new();
    for profile in [CLEAN, WIFI, MOBILE, HOTEL] {
        guests.push((profile.name, network.guest(profile.name, profile, &media).await?));
    }
    let names: Vec<_> = guests.iter().map(|(name, _)| *name).collect();
    try_join_all(guests.iter_mut().map(|(name, guest)| sees_all_but(name, guest, &names))).await?;
    Ok(())
}

async fn sees_all_but(own: &str, guest: &mut Guest, names: &[&str]) -> Outcome {
    for other in names.iter().filter(|name| **name != own) {
        guest.sees(other, 20).await?;
    }
    Ok(())
}
