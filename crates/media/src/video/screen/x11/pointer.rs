//! The pointer: its position and image, drawn into the picture, since captured pixels do not have it.

use x11rb::protocol::xfixes::{ConnectionExt as _, GetCursorImageReply};

use super::desktop::Desktop;
use super::error::failed;
use super::image::Area;
use crate::error::Error;
use crate::video::screen::bgrx::PIXEL;

/// Where the left upper corner of the pointer's picture is in an area, in pixels, and which picture it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PointerPosition {
    x: i32,
    y: i32,
    picture: u32,
}

/// The pointer as of the last query.
#[derive(Debug, Default)]
pub(super) struct Pointer(Option<GetCursorImageReply>);

impl Pointer {
    /// Queries its position and image.
    pub(super) fn look(&mut self, desktop: &Desktop) -> Result<(), Error> {
        if desktop.xfixes {
            // A server without a pointer has no picture of one.
            self.0 = desktop.connection.xfixes_get_cursor_image().map_err(failed)?.reply().ok();
        }
        Ok(())
    }

    /// Where it is in `area`; `None` if its tip is outside.
    pub(super) fn position_in(&self, area: &Area) -> Option<PointerPosition> {
        let cursor = self.0.as_ref()?;
        let (x, y) = (i32::from(cursor.x) - area.origin.0, i32::from(cursor.y) - area.origin.1);
        let inside = (0..i32::from(area.width)).contains(&x) && (0..i32::from(area.height)).contains(&y);
        let (hot_x, hot_y) = (i32::from(cursor.xhot), i32::from(cursor.yhot));
        inside.then_some(PointerPosition { x: x - hot_x, y: y - hot_y, picture: cursor.cursor_serial })
    }

    /// Draws it into the pixels of an area that is `width` wide.
    pub(super) fn draw(&self, position: PointerPosition, width: u16, pixels: &mut [u8]) {
        let Some(cursor) = &self.0 else { return };
        let rows = cursor.cursor_image.chunks_exact(usize::from(cursor.width).max(1));
        let stride = usize::from(width) * PIXEL;
        for (y, row) in (position.y..).zip(rows) {
            let Some(line) = usize::try_from(y).ok().and_then(|y| pixels.chunks_exact_mut(stride).nth(y)) else {
                continue;
            };
            for (x, pixel) in (position.x..).zip(row) {
                let target = usize::try_from(x).ok().and_then(|x| line.chunks_exact_mut(PIXEL).nth(x));
                if let Some(target) = target {
                    blend(target, *pixel);
                }
            }
        }
    }
}

/// Puts a pixel of alpha, red, green and blue, premultiplied, over one of blue, green and red.
fn blend(under: &mut [u8], over: u32) {
    let [blue, green, red, alpha] = over.to_le_bytes();
    for (under, over) in under.iter_mut().zip([blue, green, red]) {
        let rest = (u32::from(*under) * u32::from(255 - alpha) + 127) / 255;
        *under = over.saturating_add(rest as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_clear_stays_and_what_is_half_clear_is_mixed() {
        let mut pixel = [10, 100, 200, 0];
        blend(&mut pixel, 0);
        assert_eq!(pixel, [10, 100, 200, 0]);
        // White at half, premultiplied.
        blend(&mut pixel, 0x8080_8080);
        assert_eq!(pixel, [133, 178, 228, 0]);
        blend(&mut pixel, 0xFF01_0203);
        assert_eq!(pixel, [3, 2, 1, 0]);
    }
}
