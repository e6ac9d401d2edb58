//! Calls over networks that misbehave: participants in namespaces of their own, joined by a router that loses, delays and
//! limits (`confab_testkit::network`). Where that can't run, each test says so and why.

mod faults;
mod lips;
mod pages;
mod profiles;
mod step;

use confab_testkit::network::inside::{LabError, inside};
use confab_testkit::network::profile::Profile;
use confab_tests::place::{Guest, Place, PlaceError};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The test pattern and a tone, as arguments of `confab-peer`.
const MEDIA: [&str; 8] = ["--video", "pattern", "--size", "640x360", "--bitrate", "600", "--audio", "tone:440"];

/// A place for the test `name` of this module, or nothing to do here: another process has run it, or it can't be run and says so.
async fn place(name: &str) -> Result<Option<Place>, PlaceError> {
    if can_run(name) { Ok(Some(Place::new().await?)) } else { Ok(None) }
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

/// Someone joins `place` with the test pattern and a tone.
async fn guest(place: &mut Place, name: &str, profile: Profile) -> Result<Guest, PlaceError> {
    place.guest(name, profile, &MEDIA).await
}
