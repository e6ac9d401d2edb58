//! The desktop app.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use clap::Parser;
use confab_app::{options::Options, window::renderer};
use std::process::ExitCode;

fn main() -> ExitCode {
    // SAFETY: the first statement of the program; no other thread runs yet.
    let renderer = unsafe { renderer::prepare() };
    if let Some((name, value)) = confab_call::sound_environment() {
        // SAFETY: as above.
        unsafe { std::env::set_var(name, value) };
    }
    confab_app::run(Options::parse(), renderer)
}
