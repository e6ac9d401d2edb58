//! What the documents name is there: files and folders of this repository, and commands of the Makefile.

use super::{read, root};

/// Documents for people.
const DOCUMENTS: &[&str] =
    &["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/architecture.md", "docs/wire.md"];

/// Folders at the top in which sources are.
const FOLDERS: &[&str] = &["crates/", "src-tauri/", "ui/", "tests/", "docs/", "scripts/", "fuzz/"];

/// Places that are there after a build only.
const BUILT: &[&str] = &["target/"];

/// What stands between back-ticks or in the target of a link.
fn named(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        names.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        names.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned));
    }
    names
}

#[test]
fn files_that_documents_name_exist() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for document in DOCUMENTS {
        for name in named(&read(document)) {
            let inside = FOLDERS.iter().any(|folder| name.starts_with(folder))
                || ["toml", "md", "json"].iter().any(|kind| name.ends_with(&format!(".{kind}")) && !name.contains('/'));
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if !inside || !plain || BUILT.iter().any(|folder| name.starts_with(folder)) {
                continue;
            }
            seen += 1;
            // Links are relative to their document.
            let beside = root().join(document).with_file_name(&name);
            if !root().join(&name).exists() && !beside.exists() {
                missing.push(format!("{document}: {name}"));
            }
        }
    }
    assert!(seen > 30, "the documents name {seen} files");
    assert!(missing.is_empty(), "documents name what is not there:\n{}", missing.join("\n"));
}

#[test]
fn commands_that_documents_name_exist() {
    let makefile = read("Makefile");
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        for name in named(&read(document)) {
            let Some(target) = name.strip_prefix("make ").and_then(|rest| rest.split_whitespace().next()) else {
                continue;
            };
            if !makefile.lines().any(|line| line.starts_with(&format!("{target}:"))) {
                missing.push(format!("{document}: make {target}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
