//! Devices, codecs and files from outside. One program: each would be linked on its own. `leaks` counts the threads of its
//! process and has one to itself.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // A test says what it expected by panicking.

mod audio;
mod cameras;
mod devices;
mod layers;
mod pulse;
mod screen_content;
mod system_sound;
mod video;
