//! What is shared of a display: a monitor or a window.

use x11rb::protocol::Event;

use crate::error::Error;

use super::desktop::Desktop;
use super::image::Area;

/// What is shared.
pub(super) trait Target {
    /// Something happened on the display.
    fn event(&mut self, event: &Event);

    /// Where its pixels are; `None` if there are none yet. An error is final: it is gone.
    fn area(&mut self, desktop: &Desktop) -> Result<Option<Area>, Error>;

    /// True while it is put away.
    fn hidden(&self) -> bool;

    /// Whether the pointer, whose tip is in its area, points at it and not at something that covers it.
    fn is_pointed_at(&self, desktop: &Desktop) -> Result<bool, Error>;
}
