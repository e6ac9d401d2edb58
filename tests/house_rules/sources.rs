//! The sources of the workspace: its crates with their root files, and the files of a kind.

use super::{metadata, root, text};
use std::path::{Path, PathBuf};
use syn::Attribute;

/// A crate that is shipped.
pub(crate) struct Crate {
    /// Name of its package.
    pub(crate) name: String,
    /// Root files of its library and its programs.
    pub(crate) roots: Vec<PathBuf>,
}

/// Packages that hold nothing but tests.
const TESTS: &[&str] = &["confab-house-rules", "confab-tests"];

/// Every crate of the workspace but those that hold nothing but tests.
pub(crate) fn crates() -> Vec<Crate> {
    let metadata = metadata();
    let members = metadata["workspace_members"].as_array().unwrap().clone();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .filter(|package| members.contains(&package["id"]) && !TESTS.contains(&text(package, "name")))
        .map(|package| Crate {
            name: text(package, "name").to_owned(),
            roots: package["targets"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|target| {
                    target["kind"].as_array().unwrap().iter().any(|kind| ["lib", "bin"].iter().any(|one| kind == one))
                })
                .map(|target| PathBuf::from(text(target, "src_path")))
                .collect(),
        })
        .collect()
}

/// True if an item is compiled for tests only.
pub(crate) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.starts_with("all (test") || condition.starts_with("all(test")
        }
        _ => false,
    })
}

/// Files under `folders` of the repository with one of these extensions, without what is generated or installed.
pub(crate) fn files(folders: &[&str], extensions: &[&str]) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).flatten()
        {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if !["node_modules", "dist", "target", "gen"].iter().any(|skipped| name == *skipped) {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|kind| extensions.iter().any(|known| kind == *known)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A path as it is written from the root of the repository.
pub(crate) fn local(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
