//! Participants behind networks of every kind.

use crate::network::{Outcome, can_run, guest, place};
use confab_testkit::network::profile::{CLEAN, HOTEL, JUMBLED, LOSSY, MOBILE, Profile, SATELLITE, UDP_BLOCKED, WIFI};
use confab_tests::place::{Guest, Place};
use futures_util::future::try_join_all;

async fn a_call(place: &mut Place, profile: Profile) -> Outcome {
    let mut ann = guest(place, "Ann", profile).await?;
    let mut ben = guest(place, "Ben", profile).await?;
    let seen = ann.sees("Ben", 20).await?;
    ben.sees("Ann", 20).await?;
    // Up and down are both of this profile. A report that overtakes others skips the delay.
    let overtakes = profile.up.reorder + profile.down.reorder > 0.0;
    let least = if overtakes { 0 } else { 2 * (profile.up.delay + profile.down.delay).as_millis() };
    assert!(seen["rttMs"].as_f64() >= Some(least as f64 * 0.95), "{}: {seen}", profile.name);
    println!("{}: {seen}", profile.name);
    Ok(())
}

macro_rules! calls {
    ($($name:ident: $profile:expr),*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() -> Outcome {
            match place(concat!("profiles::", stringify!($name))).await? {
                Some(mut place) => a_call(&mut place, $profile).await,
                None => Ok(()),
            }
        }
    )*};
}

calls! {
    a_call_over_a_wire: CLEAN,
    a_call_over_wifi: WIFI,
    a_call_over_a_mobile_network: MOBILE,
    a_call_from_a_hotel: HOTEL,
    a_call_over_a_satellite: SATELLITE,
    a_call_that_loses_packets: LOSSY,
    a_call_whose_packets_overtake_each_other: JUMBLED
}

#[tokio::test(flavor = "multi_thread")]
async fn where_udp_does_not_pass_a_relay_over_tcp_carries_the_call() -> Outcome {
    if !can_run("profiles::where_udp_does_not_pass_a_relay_over_tcp_carries_the_call") {
        return Ok(());
    }
    let mut place = Place::with_relay().await?;
    let mut ann = guest(&mut place, "Ann", CLEAN).await?;
    let mut ben = guest(&mut place, "Ben", UDP_BLOCKED).await?;
    ann.sees("Ben", 20).await?;
    assert_eq!(ben.sees("Ann", 20).await?["connection"], "relay");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn four_on_networks_of_their_own_see_and_hear_each_other() -> Outcome {
    let name = "profiles::four_on_networks_of_their_own_see_and_hear_each_other";
    let Some(mut place) = place(name).await? else { return Ok(()) };
    // Three copies of this and of the sound fit the hotel's line.
    let media = ["--video", "pattern", "--size", "320x180", "--bitrate", "150", "--audio", "tone:440"];
    let mut guests = Vec::new();
    for profile in [CLEAN, WIFI, MOBILE, HOTEL] {
        guests.push((profile.name, place.guest(profile.name, profile, &media).await?));
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
