//! Pixels of a part of a window or pixmap: by shared memory, or over the connection where there is none.

use x11rb::errors::ReplyError;
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xproto::{ConnectionExt as _, Drawable, ImageFormat};

use super::desktop::Desktop;
use super::error::failed;
use super::shared_memory::Segment;
use crate::error::Error;
use crate::video::screen::bgrx::PIXEL;

/// The captured area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) drawable: Drawable,
    /// Left and upper edge in the drawable, in pixels.
    pub(super) x: i16,
    pub(super) y: i16,
    pub(super) width: u16,
    pub(super) height: u16,
    /// Where its left upper corner is on the display, in pixels.
    pub(super) origin: (i32, i32),
}

impl Area {
    fn bytes(&self) -> usize {
        usize::from(self.width) * usize::from(self.height) * PIXEL
    }
}

/// Keeps its memory between pictures.
#[derive(Debug)]
pub(super) struct ImageReader {
    shared: bool,
    segment: Option<Segment>,
    plain: Vec<u8>,
}

impl ImageReader {
    /// Nothing is allocated before the first picture.
    pub(super) fn new(desktop: &Desktop) -> Self {
        Self { shared: desktop.shared, segment: None, plain: Vec::new() }
    }

    /// The pixels of `area` in rows without padding; `None` if the server has none, because the area has just changed.
    pub(super) fn read(&mut self, desktop: &Desktop, area: Area) -> Result<Option<&mut [u8]>, Error> {
        if area.width == 0 || area.height == 0 {
            return Ok(None);
        }
        if self.shared && !self.make_room(desktop, area.bytes()) {
            self.shared = false;
        }
        match &mut self.segment {
            Some(segment) => read_shared(desktop, area, segment),
            None => read_plain(desktop, area, &mut self.plain),
        }
    }

    /// False if there is no shared memory: the server is on another computer.
    fn make_room(&mut self, desktop: &Desktop, bytes: usize) -> bool {
        if self.segment.as_ref().is_some_and(|segment| segment.len() >= bytes) {
            return true;
        }
        if let Some(small) = self.segment.take() {
            small.detach(desktop);
        }
        match Segment::new(desktop, bytes) {
            Ok(segment) => self.segment = Some(segment),
            Err(error) => tracing::info!(%error, "no memory is shared with the X server: pictures cost more"),
        }
        self.segment.is_some()
    }
}

fn read_shared<'a>(desktop: &Desktop, area: Area, segment: &'a mut Segment) -> Result<Option<&'a mut [u8]>, Error> {
    let Area { drawable, x, y, width, height, .. } = area;
    let format = u8::from(ImageFormat::Z_PIXMAP);
    let asked = desktop.connection.shm_get_image(drawable, x, y, width, height, !0, format, segment.id(), 0);
    match asked.map_err(failed)?.reply() {
        Ok(_) => Ok(segment.data().get_mut(..area.bytes())),
        Err(ReplyError::X11Error(_)) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn read_plain<'a>(desktop: &Desktop, area: Area, plain: &'a mut Vec<u8>) -> Result<Option<&'a mut [u8]>, Error> {
    let Area { drawable, x, y, width, height, .. } = area;
    let asked = desktop.connection.get_image(ImageFormat::Z_PIXMAP, drawable, x, y, width, height, !0);
    match asked.map_err(failed)?.reply() {
        Ok(image) => *plain = image.data,
        Err(ReplyError::X11Error(_)) => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    Ok(plain.get_mut(..area.bytes()))
}
