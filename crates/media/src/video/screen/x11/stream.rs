//! The stream of pictures of one monitor or window of an X server.

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, Damage, ReportLevel};
use x11rb::protocol::xproto::Drawable;

use super::desktop::Desktop;
use super::error::failed;
use super::image::{Area, ImageReader};
use super::monitor::Monitor;
use super::pointer::{Pointer, PointerPosition};
use super::target::Target;
use super::window::SharedWindow;
use super::{listing, monitor};
use crate::error::{Error, ErrorKind};
use crate::selector::ScreenSelector;
use crate::video::screen::bgrx::Bgrx;
use crate::video::screen::types::ScreenStream;

/// See the module.
pub(super) struct X11Stream {
    desktop: Desktop,
    target: Box<dyn Target>,
    images: ImageReader,
    pointer: Pointer,
    /// `None`: there are no events of changes, so each frame may be one.
    damage: Option<Damage>,
    area: Option<Area>,
    /// Where the pointer was drawn last.
    pointer_position: Option<PointerPosition>,
}

impl X11Stream {
    /// Opens what the selector means.
    pub(super) fn open(desktop: Desktop, selector: &ScreenSelector) -> Result<Self, Error> {
        let (target, drawable): (Box<dyn Target>, _) = match selector {
            ScreenSelector::Screen(number) => {
                let monitor = monitor::find(&desktop, *number)?;
                (Box::new(Monitor::open(&desktop, &monitor)?), desktop.root)
            }
            ScreenSelector::Window(wanted) => {
                let id = listing::find(&desktop, wanted)?;
                (Box::new(SharedWindow::open(&desktop, id)?), id)
            }
        };
        let damage = if desktop.damage { Some(watch(&desktop, drawable)?) } else { None };
        let images = ImageReader::new(&desktop);
        let mut opened =
            Self { desktop, target, images, pointer: Pointer::default(), damage, area: None, pointer_position: None };
        opened.changed()?;
        if opened.area.is_none() {
            let detail = "the window is not shown; open it before it is shared";
            return Err(Error::with_detail(ErrorKind::ScreenMissing, detail));
        }
        Ok(opened)
    }
}

/// Subscribes to changes of the pixels.
fn watch(desktop: &Desktop, drawable: Drawable) -> Result<Damage, Error> {
    let id = desktop.connection.generate_id().map_err(failed)?;
    desktop.connection.damage_create(id, drawable, ReportLevel::NON_EMPTY).map_err(failed)?.ignore_error();
    Ok(id)
}

impl ScreenStream for X11Stream {
    fn changed(&mut self) -> Result<bool, Error> {
        let mut changed = self.damage.is_none();
        while let Some(event) = self.desktop.connection.poll_for_event().map_err(failed)? {
            if let (Event::DamageNotify(_), Some(damage)) = (&event, self.damage) {
                changed = true;
                // The next event comes only after this.
                let connection = &self.desktop.connection;
                connection.damage_subtract(damage, x11rb::NONE, x11rb::NONE).map_err(failed)?.ignore_error();
            }
            self.target.event(&event);
        }
        let area = self.target.area(&self.desktop)?;
        self.pointer.look(&self.desktop)?;
        let mut position = area.filter(|_| !self.target.hidden()).and_then(|area| self.pointer.position_in(&area));
        if position.is_some() && !self.target.is_pointed_at(&self.desktop)? {
            position = None;
        }
        changed |= area != self.area || position != self.pointer_position;
        (self.area, self.pointer_position) = (area, position);
        Ok(changed)
    }

    fn grab(&mut self) -> Result<Option<Bgrx<'_>>, Error> {
        let Some(area) = self.area else { return Ok(None) };
        let Some(data) = self.images.read(&self.desktop, area)? else { return Ok(None) };
        if let Some(position) = self.pointer_position {
            self.pointer.draw(position, area.width, data);
        }
        Ok(Some(Bgrx { width: area.width.into(), height: area.height.into(), data }))
    }

    fn hidden(&self) -> bool {
        self.target.hidden()
    }
}
