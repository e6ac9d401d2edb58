//! Licences of everything that is built in: permissive ones, and MPL-2.0, which asks only for its own files.

use super::{json, metadata, root, text};

/// SPDX identifiers that may come in.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// npm packages whose licence stands in their LICENSE file (read by a person) but not in their package.json.
const READ_BY_HAND: &[(&str, &str)] =
    &[("node_modules/svelte-toolbelt", "MIT"), ("node_modules/xmlhttprequest-ssl", "MIT")];

/// True if one may use something under an SPDX expression (or the older `MIT/Apache-2.0`).
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest) == Some(true) && rest.is_empty()
}

/// `all (OR all)*`
fn any(words: &mut &[&str]) -> Option<bool> {
    let mut fine = all(words)?;
    while take(words, "OR") {
        fine |= all(words)?;
    }
    Some(fine)
}

/// `one (AND one)*`: binds closer than OR (SPDX 2.3, annex D).
fn all(words: &mut &[&str]) -> Option<bool> {
    let mut fine = one(words)?;
    while take(words, "AND") {
        fine &= one(words)?;
    }
    Some(fine)
}

/// `( any )` or `identifier [WITH exception]`
fn one(words: &mut &[&str]) -> Option<bool> {
    if take(words, "(") {
        let fine = any(words)?;
        return take(words, ")").then_some(fine);
    }
    let (identifier, rest) = words.split_first()?;
    *words = rest;
    if !take(words, "WITH") {
        return Some(ALLOWED.contains(identifier));
    }
    let (exception, rest) = words.split_first()?;
    *words = rest;
    Some(ALLOWED.contains(&format!("{identifier} WITH {exception}").as_str()))
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[test]
fn expressions_are_understood() {
    for (expression, fine) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("MIT/Apache-2.0", true),
        ("MIT OR Apache-2.0 AND GPL-3.0-only", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
        ("(Apache-2.0 OR MIT) AND BSD-3-Clause", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0 WITH other", false),
        ("", false),
        ("MIT OR", false),
        ("(MIT", false),
        ("MIT MIT", false),
    ] {
        assert_eq!(allowed(expression), fine, "{expression}");
    }
}

#[test]
fn rust_dependencies_have_allowed_licences() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let broken: Vec<_> = packages
        .iter()
        .filter(|package| !allowed(text(package, "license")))
        .map(|package| format!("{} {}: {}", text(package, "name"), text(package, "version"), package["license"]))
        .collect();
    assert!(packages.len() > 100);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn npm_dependencies_have_allowed_licences() {
    for lock in ["ui/package-lock.json", "tests/interop/package-lock.json"] {
        if !root().join(lock).exists() {
            assert_ne!(lock, "ui/package-lock.json", "the user interface has a lock file");
            continue;
        }
        let lock = json(lock);
        let packages = lock["packages"].as_object().unwrap();
        let broken: Vec<_> = packages
            .iter()
            // The first, without a name, is our own.
            .filter(|(name, package)| {
                let by_hand = READ_BY_HAND.iter().find(|(known, _)| known == name).map(|(_, licence)| *licence);
                !name.is_empty() && !allowed(package["license"].as_str().or(by_hand).unwrap_or_default())
            })
            .map(|(name, package)| format!("{name}: {}", package["license"]))
            .collect();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}
