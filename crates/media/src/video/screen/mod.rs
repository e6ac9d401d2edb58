//! Screens and single windows: the list of them to choose from, and their pictures.

pub(crate) mod bgrx;
#[cfg(target_os = "linux")]
mod linux;
pub(crate) mod matching;
#[cfg(not(target_os = "linux"))]
mod other;
pub(crate) mod source;
pub(crate) mod types;
#[cfg(target_os = "linux")]
mod wayland;
#[cfg(target_os = "linux")]
mod x11;

#[cfg(target_os = "linux")]
use linux::PlatformScreens;
#[cfg(not(target_os = "linux"))]
use other::PlatformScreens;
