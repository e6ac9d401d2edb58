//! Sentences for people are written where people read: in the user interface's table and in the programs, not in libraries.

use super::sources::{crates, is_test_only, local};
use proc_macro2::{TokenStream, TokenTree};
use std::path::Path;
use syn::visit::{self, Visit};

/// Crates that speak to people themselves: programs for a terminal.
const SPEAKERS: &[&str] = &["confab-cli", "confab-testkit"];

/// Documentation that is written as a string, since it goes into generated TypeScript.
const GENERATORS: &[&str] = &["crates/ipc/src/limits.rs"];

/// Strings that look like a sentence: a capital, several words, a stop at the end.
struct Sentences(Vec<String>);

impl Sentences {
    fn look(&mut self, text: &str) {
        let words = text.split_whitespace().count();
        let capital = text.chars().next().is_some_and(char::is_uppercase);
        if words >= 3 && capital && text.trim_end().ends_with(['.', '!', '?']) {
            self.0.push(text.to_owned());
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.look(&text.value());
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'a> Visit<'a> for Sentences {
    fn visit_lit_str(&mut self, text: &'a syn::LitStr) {
        self.look(&text.value());
    }

    // Documentation is for those who read code.
    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.tokens(call.tokens.clone());
    }

    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if !is_test_only(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}

fn sentences_of(source: &str) -> Vec<String> {
    let parsed = syn::parse_file(source).unwrap();
    let mut found = Sentences(Vec::new());
    found.visit_file(&parsed);
    found.0
}

#[test]
fn libraries_say_codes_and_not_sentences() {
    let mut wrong = Vec::new();
    for one in crates().into_iter().filter(|one| !SPEAKERS.contains(&one.name.as_str())) {
        // The library and what is under it; a program's own file speaks.
        let Some(folder) = one.roots.iter().find(|path| path.ends_with("lib.rs")).and_then(|path| path.parent()) else {
            continue;
        };
        let relative = local(folder);
        for file in super::sources::files(&[&relative], &["rs"]) {
            if is_program_or_test(&file) || GENERATORS.contains(&local(&file).as_str()) {
                continue;
            }
            let found = sentences_of(&std::fs::read_to_string(&file).unwrap());
            wrong.extend(found.into_iter().map(|text| format!("{}: {text}", local(&file))));
        }
    }
    assert!(wrong.is_empty(), "a code for each, and the sentence in ui/src/i18n/en.ts:\n{}", wrong.join("\n"));
}

fn is_program_or_test(file: &Path) -> bool {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    name == "main"
        || name == "tests"
        || name.ends_with("_tests")
        || file.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn a_sentence_is_told_from_a_technical_word() {
    let source = r#"
        //! A doc comment is no sentence of the program.
        /// Nor is this one.
        fn f() { warn!("the socket is closed"); say("Your camera is in use. Close it there."); g(format!("Ask {who} again!")) }
        #[cfg(test)] mod tests { const T: &str = "A test may say what it likes."; }
    "#;
    assert_eq!(sentences_of(source), ["Your camera is in use. Close it there.", "Ask {who} again!"]);
}
