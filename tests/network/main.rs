//! Calls over networks that misbehave: participants in namespaces of their own, joined by a router that loses, delays and
//! limits (`confab_testkit::network`). Where that can't run, each test says so and why.

#![cfg(target_os = "linux")]

mod faults;
mod place;

type Outcome = Result<(), Box<dyn std::error::Error>>;
