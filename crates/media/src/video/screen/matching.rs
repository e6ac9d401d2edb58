//! List entries of screens and windows, and which of them a selector means: the same for all platforms.

use crate::video::screen::types::{ShareKind, ShareSource};

use crate::error::{Error, ErrorKind};
use crate::selector::ScreenSelector;

/// Windows that are listed at most.
pub(super) const MOST_WINDOWS: usize = 64;
/// Smaller windows, in pixels of a side, are not listed.
pub(super) const LEAST_SIDE: u32 = 16;

/// The screen with this number, counted from 1, with its size in pixels.
pub(super) fn screen(number: u32, title: &str, size: (u32, u32)) -> ShareSource {
    source(ShareKind::Screen, &ScreenSelector::Screen(Some(number)), title, size)
}

/// Title of the screen with this number, counted from 1: with its name where that says which one it is.
pub(super) fn screen_title(number: u32, name: &str) -> String {
    let letters: String = name.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    match clean(name) {
        Some(name) if !matches!(&*letters, "" | "screen" | "default" | "display" | "monitor" | "unknown" | "none") => {
            format!("Screen {number} ({name})")
        }
        _ => format!("Screen {number}"),
    }
}

/// The window with this id, with its size in pixels.
pub(super) fn window(id: u32, title: &str, size: (u32, u32)) -> ShareSource {
    source(ShareKind::Window, &ScreenSelector::Window(format!("{id:#x}")), title, size)
}

fn source(kind: ShareKind, selector: &ScreenSelector, title: &str, (width, height): (u32, u32)) -> ShareSource {
    ShareSource { id: selector.to_string(), kind, title: title.to_owned(), width, height, thumbnail: None }
}

/// The id in a selector's text, if it has the form of one.
pub(super) fn window_id(wanted: &str) -> Option<u32> {
    wanted.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok())
}

/// The window that is called so, or else the first whose title has this in it.
pub(super) fn find_by_title<'a, T>(windows: &'a [T], wanted: &str, title: impl Fn(&T) -> &str) -> Option<&'a T> {
    let part = wanted.to_lowercase();
    let called = windows.iter().find(|window| title(window) == wanted);
    called.or_else(|| windows.iter().find(|window| title(window).to_lowercase().contains(&part)))
}

/// The screen with this number, counted from 1, or the primary one.
pub(super) fn screen_by_number<T>(
    screens: &[T],
    number: Option<u32>,
    is_primary: impl Fn(&T) -> bool,
) -> Result<&T, Error> {
    let found = match number {
        Some(number) => screens.get(number as usize - 1),
        None => screens.iter().find(|screen| is_primary(screen)).or(screens.first()),
    };
    let there = screens.len();
    found.ok_or_else(|| Error::with_detail(ErrorKind::ScreenMissing, format!("there are {there} screens")))
}

/// There is no such window.
pub(super) fn no_window(wanted: &str) -> Error {
    Error::with_detail(ErrorKind::ScreenMissing, format!("no window is called {wanted}"))
}

/// The screen that was shared is there no more.
pub(super) fn disconnected() -> Error {
    ErrorKind::ScreenDisconnected.into()
}

/// A title without what a terminal would obey; `None` if nothing is left.
pub(super) fn clean(title: &str) -> Option<String> {
    let clean: String = title.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_has_its_name_only_where_that_says_something() {
        for (name, title) in [
            ("HDMI-1", "Screen 2 (HDMI-1)"),
            ("Dell U2720Q", "Screen 2 (Dell U2720Q)"),
            ("screen", "Screen 2"),
            ("Screen 0", "Screen 2"),
            ("default", "Screen 2"),
            ("", "Screen 2"),
            (" \u{7}", "Screen 2"),
        ] {
            assert_eq!(screen_title(2, name), title, "{name:?}");
        }
    }
}
