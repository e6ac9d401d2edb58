//! Calls of whole programs, from one end to the other. One program of tests: each would be linked on its own.

mod command_line;
mod conformance;
#[cfg(target_os = "linux")]
mod endurance;
mod headless;
mod interop;
#[cfg(target_os = "linux")]
mod network;
mod peerjs;
mod screens;
#[cfg(target_os = "linux")]
mod sound;
mod windows;
