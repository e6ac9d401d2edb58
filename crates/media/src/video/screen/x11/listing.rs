//! Which screens and windows there are.

use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, MapState, Window, WindowClass};

use super::desktop::Desktop;
use super::error::failed;
use super::image::ImageReader;
use super::monitor::{self, Monitor};
use super::target::Target;
use super::window::SharedWindow;
use super::window_type::is_application;
use crate::error::Error;
use crate::video::screen::bgrx;
use crate::video::screen::matching::{self, LEAST_SIDE, MOST_WINDOWS};
use crate::video::screen::types::ShareSource;
use crate::video::screen::types::THUMBNAIL_SIDE;

/// How deep below the root windows are searched where no window manager lists them: frames are around them.
const DEPTH: u32 = 3;

/// A window with a title.
#[derive(Debug, Clone)]
pub(super) struct TitledWindow {
    pub(super) id: Window,
    pub(super) title: String,
    width: u16,
    height: u16,
}

/// See [`ScreenBackend::list`](crate::video::screen::types::ScreenBackend::list).
pub(super) fn list(desktop: &Desktop, thumbnails: bool) -> Result<Vec<ShareSource>, Error> {
    let monitors = monitor::all(desktop)?;
    let windows = if desktop.composite { windows(desktop)? } else { Vec::new() };
    // Each with what its thumbnail is taken of, if there is to be one.
    let mut found: Vec<(ShareSource, Option<Box<dyn Target>>)> = Vec::new();
    for (number, monitor) in (1..).zip(&monitors) {
        let source = matching::screen(number, &monitor.title, (monitor.width.into(), monitor.height.into()));
        let target: Option<Box<dyn Target>> =
            if thumbnails { Some(Box::new(Monitor::open(desktop, monitor)?)) } else { None };
        found.push((source, target));
    }
    // All are redirected before the first is captured: meanwhile programs draw what was covered of their windows.
    for window in &windows {
        let source = matching::window(window.id, &window.title, (window.width.into(), window.height.into()));
        if !thumbnails {
            found.push((source, None));
            continue;
        }
        match SharedWindow::open(desktop, window.id) {
            Ok(target) => found.push((source, Some(Box::new(target)))),
            // It was closed meanwhile. A server that is gone fails at the next one.
            Err(error) => tracing::debug!(%error, title = window.title, "a window is not listed"),
        }
    }
    let mut images = ImageReader::new(desktop);
    for (source, target) in &mut found {
        if let Some(target) = target {
            source.thumbnail = thumbnail(desktop, target.as_mut(), &mut images)?;
        }
    }
    Ok(found.into_iter().map(|(source, _)| source).collect())
}

/// `None` if the window has gone meanwhile.
fn thumbnail(desktop: &Desktop, target: &mut dyn Target, images: &mut ImageReader) -> Result<Option<Vec<u8>>, Error> {
    let Ok(Some(area)) = target.area(desktop) else { return Ok(None) };
    let Some(data) = images.read(desktop, area)? else { return Ok(None) };
    let shown = bgrx::Bgrx { width: area.width.into(), height: area.height.into(), data };
    bgrx::thumbnail(&shown, THUMBNAIL_SIDE).map(Some).map_err(failed)
}

/// The window that a selector means: by its id, its title, or a part of it, in this order.
pub(super) fn find(desktop: &Desktop, wanted: &str) -> Result<Window, Error> {
    if let Some(id) = matching::window_id(wanted) {
        return desktop.geometry(id).map(|_| id).map_err(|_| matching::no_window(wanted));
    }
    let windows = windows(desktop)?;
    let found = matching::find_by_title(&windows, wanted, |window| &window.title);
    found.map(|window| window.id).ok_or_else(|| matching::no_window(wanted))
}

/// The windows of applications: those of the window manager's list, or else all with a title.
fn windows(desktop: &Desktop) -> Result<Vec<TitledWindow>, Error> {
    let list = desktop.connection.get_property(
        false,
        desktop.root,
        desktop.atoms._NET_CLIENT_LIST,
        AtomEnum::WINDOW,
        0,
        MOST_WINDOWS as u32,
    );
    let list = list.map_err(failed)?.reply().map_err(failed)?;
    let mut found = Vec::new();
    match list.value32() {
        Some(ids) if list.value_len > 0 => {
            for id in ids {
                found.extend(titled(desktop, id)?);
            }
        }
        _ => walk(desktop, desktop.root, DEPTH, &mut found)?,
    }
    Ok(found)
}

/// Searches for windows below `parent`; where one has a title, what is inside it belongs to it.
fn walk(desktop: &Desktop, parent: Window, depth: u32, found: &mut Vec<TitledWindow>) -> Result<(), Error> {
    // A parent that has gone meanwhile has no children.
    let Ok(tree) = desktop.connection.query_tree(parent).map_err(failed)?.reply() else { return Ok(()) };
    // The server names the lowest first; people think of the top one.
    for id in tree.children.into_iter().rev() {
        if found.len() >= MOST_WINDOWS {
            return Ok(());
        }
        match titled(desktop, id)? {
            Some(window) => found.push(window),
            None if depth > 1 => walk(desktop, id, depth - 1, found)?,
            None => {}
        }
    }
    Ok(())
}

/// The window, if it is an application's, visible and has a title.
fn titled(desktop: &Desktop, id: Window) -> Result<Option<TitledWindow>, Error> {
    let attributes = desktop.connection.get_window_attributes(id).map_err(failed)?;
    let geometry = desktop.connection.get_geometry(id).map_err(failed)?;
    let title = desktop.title(id)?;
    // One that has gone meanwhile is none.
    let (Ok(attributes), Ok(geometry), Some(title)) = (attributes.reply(), geometry.reply(), title) else {
        return Ok(None);
    };
    let (width, height) = (geometry.width, geometry.height);
    let visible = attributes.map_state == MapState::VIEWABLE && attributes.class == WindowClass::INPUT_OUTPUT;
    // Menus and panels that no window manager knows of.
    let visible = visible && !attributes.override_redirect && desktop.check_pixels(geometry.depth).is_ok();
    let visible = visible && is_application(desktop, id)?;
    Ok((visible && u32::from(width.min(height)) >= LEAST_SIDE).then_some(TitledWindow { id, title, width, height }))
}
