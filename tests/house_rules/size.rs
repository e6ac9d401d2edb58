//! A file holds one idea: none has more than 500 lines.

use super::sources::{files, local};

/// Longest file, in lines.
const LINES: usize = 500;
/// Files that programs write.
const GENERATED: &[&str] = &["ui/src/backend/types.ts"];

#[test]
fn no_file_is_longer_than_one_idea() {
    let sources =
        files(&["crates", "src-tauri", "tests", "ui", "scripts"], &["rs", "ts", "svelte", "css", "js", "mjs", "sh"]);
    assert!(sources.len() > 300);
    let long: Vec<_> = sources
        .iter()
        .map(|path| (local(path), std::fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(path, lines)| *lines > LINES && !GENERATED.contains(&path.as_str()))
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "look for the second idea in\n{}", long.join("\n"));
}
