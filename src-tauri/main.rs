//! The desktop app.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use clap::Parser;
use confab_app::{options::Options, window::renderer};
use std::process::ExitCode;

fn main() -> ExitCode {
    // SAFETY: the first statement of the program; no other thread runs yet.
    let renderer = unsafe { renderer::prepare() };
    confab_app::run(Options::parse(), renderer)
}
