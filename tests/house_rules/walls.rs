//! "Who may know whom" of the architecture.

use super::{metadata, text};
use serde_json::Value;

/// Which crates of the workspace a crate may use outside its tests.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("confab-wire", &[]),
    ("confab-ipc", &["confab-wire"]),
    ("confab-rtp", &["confab-wire"]),
    ("confab-transport", &["confab-rtp", "confab-wire"]),
    ("confab-peerjs", &["confab-rtp", "confab-transport", "confab-wire"]),
    ("confab-rtcio", &["confab-rtp", "confab-transport", "confab-wire"]),
    ("confab-metered", &["confab-transport", "confab-wire"]),
    ("confab-media", &["confab-wire"]),
    ("confab-server", &["confab-wire"]),
    ("confab-call", &["confab-ipc", "confab-wire", "confab-rtcio", "confab-media"]),
    ("confab-cli", &["confab-call", "confab-ipc", "confab-wire", "confab-server"]),
    ("confab", &["confab-call", "confab-ipc", "confab-wire", "confab-server"]),
];

/// Crates for tests: they may know everyone, and no one may ship them.
const FOR_TESTS: &[&str] = &["confab-house-rules", "confab-testkit", "confab-tests"];

/// Libraries that only the crates beside them may use outside tests.
const REACH: &[(&str, &[&str])] = &[
    // Tauri.
    ("tauri", &["confab"]),
    ("webkit2gtk", &["confab"]),
    ("tauri-plugin-clipboard-manager", &["confab"]),
    ("tauri-plugin-deep-link", &["confab"]),
    ("tauri-plugin-opener", &["confab"]),
    ("tauri-plugin-single-instance", &["confab"]),
    // Devices and codecs.
    ("cpal", &["confab-media"]),
    ("nokhwa", &["confab-media"]),
    ("opus", &["confab-media"]),
    ("env-libvpx-sys", &["confab-media"]),
    // Sockets. The shell's one is the media socket to its own window.
    ("rtc", &["confab-rtp", "confab-transport"]),
    ("webrtc", &["confab-transport"]),
    ("rust_socketio", &["confab-rtcio"]),
    ("native-tls", &["confab-peerjs", "confab-rtcio", "confab-transport"]),
    ("tokio-native-tls", &["confab-peerjs", "confab-rtcio", "confab-transport"]),
    ("axum", &["confab-server"]),
    ("socketioxide", &["confab-server"]),
    ("tokio-tungstenite", &["confab", "confab-metered", "confab-peerjs", "confab-rtcio", "confab-server"]),
];

fn crates(metadata: &Value) -> Vec<&Value> {
    let members = metadata["workspace_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().filter(|package| members.contains(&package["id"])).collect()
}

/// Names of what a crate uses outside its tests.
fn used(package: &Value) -> impl Iterator<Item = &str> {
    package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| text(one, "kind") != "dev")
        .map(|one| text(one, "name"))
}

#[test]
fn crates_know_only_whom_they_may() {
    let metadata = metadata();
    let mut broken = Vec::new();
    for package in crates(&metadata) {
        let name = text(package, "name");
        if FOR_TESTS.contains(&name) {
            continue;
        }
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(known, _)| *known == name) else {
            panic!("{name} has no place in the architecture yet: give it one in MAY_KNOW");
        };
        for other in used(package).filter(|other| other.starts_with("confab")) {
            if !allowed.contains(&other) {
                broken.push(format!("{name} must not know {other}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn libraries_stay_behind_their_walls() {
    let metadata = metadata();
    let mut broken = Vec::new();
    for package in crates(&metadata) {
        let name = text(package, "name");
        for library in used(package) {
            let wall = REACH.iter().find(|(known, _)| *known == library);
            let tauri = library.starts_with("tauri") && name != "confab";
            if tauri || wall.is_some_and(|(_, allowed)| !allowed.contains(&name) && !FOR_TESTS.contains(&name)) {
                broken.push(format!("{name} must not use {library}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
