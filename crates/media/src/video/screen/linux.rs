//! Linux: Wayland's portal or the X server, by the kind of the session.

use crate::video::screen::types::ShareSource;

use super::types::{ScreenBackend, ScreenStream};
use super::{wayland, x11};
use crate::error::Error;
use crate::selector::ScreenSelector;
use crate::thread::stop::StopFlag;

/// The session of the environment.
#[derive(Debug)]
pub(crate) struct PlatformScreens;

impl ScreenBackend for PlatformScreens {
    fn list(thumbnails: bool) -> Result<Vec<ShareSource>, Error> {
        if is_wayland() { wayland::list(None) } else { x11::list(thumbnails) }
    }

    fn asks() -> bool {
        is_wayland()
    }

    fn open(selector: &ScreenSelector, fps: u32, stop: &StopFlag) -> Result<Box<dyn ScreenStream>, Error> {
        if is_wayland() { wayland::open(None, selector, fps, stop) } else { x11::open(selector) }
    }
}

/// An X server inside of Wayland shows black where the screen is, so Wayland goes first.
fn is_wayland() -> bool {
    match std::env::var_os("WAYLAND_DISPLAY") {
        Some(name) => !name.is_empty(),
        None => std::env::var_os("XDG_SESSION_TYPE").is_some_and(|kind| kind == "wayland"),
    }
}
