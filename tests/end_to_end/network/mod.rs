//! Calls over networks that misbehave: participants in namespaces of their own, joined by a router that loses, delays and
//! limits (`confab_testkit::network`). Where that can't run, each test says so and why.

mod faults;
mod lips;
mod matrix;
mod pages;
mod profiles;
mod step;

use confab_testkit::network::inside::{LabError, inside};
use confab_testkit::network::profile::Profile;
use confab_tests::call_network::{CallNetwork, CallNetworkError, Guest};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The test pattern and a tone, as arguments of `confab-peer`.
const MEDIA: [&str; 8] = ["--video", "pattern", "--size", "640x360", "--bitrate", "600", "--audio", "tone:440"];

/// A network for the test `name` of this module, or nothing to do here: another process has run it, or it can't be run and says so.
async fn call_network(name: &str) -> Result<Option<CallNetwork>, CallNetworkError> {
    if can_run(name) { Ok(Some(CallNetwork::new().await?)) } else { Ok(None) }
}

/// Whether the test `name` of this module is to run in this process.
fn can_run(name: &str) -> bool {
    match inside(&format!("network::{name}")) {
        Ok(here) => here,
        Err(error @ LabError::Refused { .. }) => {
            println!("not run: {error}");
            false
        }
    }
}

/// Someone joins from `network` with the test pattern and a tone.
async fn guest(network: &mut CallNetwork, name: &str, profile: Profile) -> Result<Guest, CallNetworkError> {
    network.guest(name, profile, &MEDIA).await
}

/// Two hear and see each other over networks of this kind, with no less delay than theirs.
async fn a_call(network: &mut CallNetwork, profile: Profile) -> Outcome {
    let mut ann = guest(network, "Ann", profile).await?;
    let mut ben = guest(network, "Ben", profile).await?;
    let seen = ann.sees("Ben", 20).await?;
    ben.sees("Ann", 20).await?;
    // Up and down are both of this profile. A report that overtakes others skips the delay.
    let overtakes = profile.up.reorder + profile.down.reorder > 0.0;
    let least = if overtakes { 0 } else { 2 * (profile.up.delay + profile.down.delay).as_millis() };
    assert!(seen["rttMs"].as_f64() >= Some(least as f64 * 0.95), "{}: {seen}", profile.name);
    println!("{}: {seen}", profile.name);
    Ok(())
}
