//! Rules of the house that a compiler does not know: which crate may use which, which licences come in, and that what is
//! written down twice says the same.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test says what it expected by panicking.

mod docs;
mod licences;
mod modules;
mod sentences;
mod size;
mod sources;
mod walls;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

/// `cargo metadata` of the workspace, dependencies included.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn the_app_has_one_version() {
    let metadata = metadata();
    let app =
        metadata["packages"].as_array().unwrap().iter().find(|package| text(package, "name") == "confab").unwrap();
    assert_eq!(json("tauri.conf.json")["version"], app["version"]);
    assert_eq!(json("ui/package.json")["version"], app["version"]);
}

#[test]
fn commands_are_granted_and_handled_by_the_same_names() {
    let names = |text: &str, start: &str, end: &str| -> Vec<String> {
        let mut names: Vec<_> = text
            .split(start)
            .skip(1)
            .flat_map(|rest| rest.split(end).next())
            .flat_map(|list| list.split(','))
            .map(|name| name.trim().trim_matches('"').trim_start_matches("commands::").to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        names.sort();
        names
    };
    let mut granted = names(&read("src-tauri/permissions/call.toml"), "commands.allow = [", "]");
    // A command may be granted to more than one window.
    granted.dedup();
    let handled = names(&read("src-tauri/lib.rs"), "generate_handler![", "]");
    assert!(granted.len() > 5, "{granted:?}");
    assert_eq!(granted, handled);
    let capability = json("capabilities/main.json");
    for permission in capability["permissions"].as_array().unwrap() {
        let permission = permission.as_str().unwrap();
        assert!(permission.starts_with("allow-"), "{permission} is not one of the app's own");
    }
}

#[test]
fn nothing_in_the_product_is_left_unfinished() {
    let words = ["todo!(", "unimplemented!(", "TODO", "FIXME"];
    let mut found = Vec::new();
    for path in sources::files(&["src-tauri", "crates", "ui/src"], &["rs", "ts", "svelte", "css"]) {
        let source = std::fs::read_to_string(&path).unwrap();
        found.extend(
            source
                .lines()
                .enumerate()
                .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
                .map(|(number, line)| format!("{}:{}: {}", sources::local(&path), number + 1, line.trim())),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
