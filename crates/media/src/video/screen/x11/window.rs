//! One window, also where others cover it: Composite keeps its pixels in a pixmap of its own.

use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::Event;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, EventMask, GetGeometryReply, Pixmap, Window,
};

use crate::error::{Error, ErrorKind};

use super::desktop::Desktop;
use super::error::failed;
use super::image::Area;
use super::target::Target;

/// Windows between the root and one that is shared, at most: window managers put frames around it.
const FRAMES: u32 = 8;

/// The window's pixels as of the last query; they stay while the window is minimized.
#[derive(Debug, Clone, Copy)]
struct WindowPixmap {
    pixmap: Pixmap,
    /// Width of the window's border, which is in the pixmap, in pixels.
    border: u16,
    width: u16,
    height: u16,
}

/// A window that is shared.
#[derive(Debug)]
pub(super) struct SharedWindow {
    id: Window,
    shown: Option<WindowPixmap>,
    /// It was moved, resized or shown again: it has another pixmap.
    stale: bool,
    hidden: bool,
    closed: bool,
}

impl SharedWindow {
    /// Follows a window; the server keeps its pixels apart as long as the connection lives.
    pub(super) fn open(desktop: &Desktop, id: Window) -> Result<Self, Error> {
        if !desktop.composite {
            return Err(failed("the X server has no Composite extension"));
        }
        let follow = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        desktop.connection.change_window_attributes(id, &follow).map_err(failed)?.ignore_error();
        desktop.connection.composite_redirect_window(id, Redirect::AUTOMATIC).map_err(failed)?.ignore_error();
        desktop.check_pixels(geometry(desktop, id)?.depth)?;
        Ok(Self { id, shown: None, stale: true, hidden: false, closed: false })
    }

    /// The window's present pixmap in place of the last one.
    fn refresh(&mut self, desktop: &Desktop) -> Result<(), Error> {
        let border = geometry(desktop, self.id)?.border_width;
        let pixmap = desktop.connection.generate_id().map_err(failed)?;
        let named = desktop.connection.composite_name_window_pixmap(self.id, pixmap).map_err(failed)?;
        match named.check() {
            Ok(()) => {}
            // It is not mapped at this moment: its last pixels stand.
            Err(ReplyError::X11Error(_)) => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        let whole = desktop.geometry(pixmap)?;
        let inner = |side: u16| side.saturating_sub(2 * border);
        let shown = WindowPixmap { pixmap, border, width: inner(whole.width), height: inner(whole.height) };
        if let Some(old) = self.shown.replace(shown) {
            desktop.connection.free_pixmap(old.pixmap).map_err(failed)?.ignore_error();
        }
        self.stale = false;
        Ok(())
    }
}

fn geometry(desktop: &Desktop, id: Window) -> Result<GetGeometryReply, Error> {
    desktop.connection.get_geometry(id).map_err(failed)?.reply().map_err(|error| gone_or(&error))
}

/// The window is gone, or the server cannot be reached.
fn gone_or(error: &ReplyError) -> Error {
    match error {
        ReplyError::X11Error(_) => ErrorKind::ShareEnded.into(),
        ReplyError::ConnectionError(error) => failed(error),
    }
}

impl Target for SharedWindow {
    fn event(&mut self, event: &Event) {
        match event {
            Event::DestroyNotify(event) if event.window == self.id => self.closed = true,
            Event::UnmapNotify(event) if event.window == self.id => self.hidden = true,
            Event::MapNotify(event) if event.window == self.id => (self.hidden, self.stale) = (false, true),
            Event::ConfigureNotify(event) if event.window == self.id => self.stale = true,
            _ => {}
        }
    }

    fn area(&mut self, desktop: &Desktop) -> Result<Option<Area>, Error> {
        if self.closed {
            return Err(ErrorKind::ShareEnded.into());
        }
        if self.stale && !self.hidden {
            self.refresh(desktop)?;
        }
        let Some(WindowPixmap { pixmap, border, width, height }) = self.shown else { return Ok(None) };
        let corner = desktop.connection.translate_coordinates(self.id, desktop.root, 0, 0).map_err(failed)?;
        let corner = corner.reply().map_err(|error| gone_or(&error))?;
        let origin = (corner.dst_x.into(), corner.dst_y.into());
        let inside = border as i16;
        Ok(Some(Area { drawable: pixmap, x: inside, y: inside, width, height, origin }))
    }

    fn hidden(&self) -> bool {
        self.hidden
    }

    fn is_pointed_at(&self, desktop: &Desktop) -> Result<bool, Error> {
        let mut window = desktop.root;
        for _ in 0..FRAMES {
            let asked = desktop.connection.query_pointer(window).map_err(failed)?;
            window = match asked.reply() {
                Ok(pointer) if pointer.same_screen => pointer.child,
                // It points at another screen, or what it pointed at has gone meanwhile.
                Ok(_) | Err(ReplyError::X11Error(_)) => return Ok(false),
                Err(error) => return Err(failed(error)),
            };
            if window == self.id || window == x11rb::NONE {
                break;
            }
        }
        Ok(window == self.id)
    }
}
