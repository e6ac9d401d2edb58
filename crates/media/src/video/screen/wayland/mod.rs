//! Screens and windows of a Wayland session: the desktop's portal asks the person what to share, and PipeWire carries the
//! pictures.

mod error;
mod format;
mod open;
mod picture;
mod portal;
mod session;
mod stream;

pub(super) use open::{list, open};
