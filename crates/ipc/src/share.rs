//! What one can share, and what one shares.

use crate::device::DeviceState;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Kind of what one can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ShareKind {
    /// A whole screen.
    Screen,
    /// One window.
    Window,
    /// Whatever is chosen in a dialog of the system, which opens then.
    System,
}

/// Something that one can share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ShareSource {
    /// Names it in the command that shares it.
    pub id: String,
    /// Screen, window, or the system's choice.
    pub kind: ShareKind,
    /// Title of the window, or name of the screen.
    pub title: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What it shows, as a `data:` URL of a small picture; null if it can't be had.
    pub thumbnail: Option<String>,
}

/// What one can share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct ShareChoice {
    /// Screens first, then windows.
    pub sources: Vec<ShareSource>,
    /// True if the computer's sound can go along.
    pub sound: bool,
}

/// What one shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ShareView {
    /// Title of the window, or name of the screen.
    pub title: String,
    /// How the capture stands; never `off`.
    pub capture: DeviceState,
    /// True while the window is minimized: the others see its last picture.
    pub paused: bool,
    /// The computer's sound goes along.
    pub sound: bool,
}
