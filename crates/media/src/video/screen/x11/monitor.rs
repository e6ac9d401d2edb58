//! One screen: a monitor, as RandR knows it, or the whole display.

use x11rb::protocol::Event;
use x11rb::protocol::randr::{ConnectionExt as _, NotifyMask};
use x11rb::protocol::xproto::{Atom, ConnectionExt as _};

use super::desktop::Desktop;
use super::error::failed;
use super::image::Area;
use super::target::Target;
use crate::error::Error;
use crate::video::screen::matching;

/// A monitor and its area on the display, in pixels.
#[derive(Debug, Clone)]
pub(super) struct MonitorGeometry {
    /// `None`: the whole display.
    name: Option<Atom>,
    pub(super) title: String,
    x: i16,
    y: i16,
    pub(super) width: u16,
    pub(super) height: u16,
    primary: bool,
}

/// The monitors there are; the whole display where the server knows of none.
pub(super) fn all(desktop: &Desktop) -> Result<Vec<MonitorGeometry>, Error> {
    let mut monitors_found = Vec::new();
    if desktop.randr {
        let monitors = desktop.connection.randr_get_monitors(desktop.root, true).map_err(failed)?;
        for (number, monitor) in (1..).zip(monitors.reply().map_err(failed)?.monitors) {
            let name = desktop.connection.get_atom_name(monitor.name).map_err(failed)?.reply().map_err(failed)?.name;
            let title = matching::screen_title(number, &String::from_utf8_lossy(&name));
            let (x, y, width, height) = (monitor.x, monitor.y, monitor.width, monitor.height);
            monitors_found.push(MonitorGeometry {
                name: Some(monitor.name),
                title,
                x,
                y,
                width,
                height,
                primary: monitor.primary,
            });
        }
    }
    if monitors_found.is_empty() {
        let root = desktop.geometry(desktop.root)?;
        let (width, height) = (root.width, root.height);
        monitors_found.push(MonitorGeometry {
            name: None,
            title: matching::screen_title(1, ""),
            x: 0,
            y: 0,
            width,
            height,
            primary: true,
        });
    }
    Ok(monitors_found)
}

/// The screen with this number, counted from 1, or the primary one.
pub(super) fn find(desktop: &Desktop, number: Option<u32>) -> Result<MonitorGeometry, Error> {
    matching::screen_by_number(&all(desktop)?, number, |geometry| geometry.primary).cloned()
}

/// A monitor that is shared.
#[derive(Debug)]
pub(super) struct Monitor {
    geometry: MonitorGeometry,
    /// The arrangement of the monitors changed.
    stale: bool,
}

impl Monitor {
    /// Follows a monitor.
    pub(super) fn open(desktop: &Desktop, geometry: &MonitorGeometry) -> Result<Self, Error> {
        desktop.check_pixels(desktop.geometry(desktop.root)?.depth)?;
        if desktop.randr {
            let mask = NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE | NotifyMask::OUTPUT_CHANGE;
            desktop.connection.randr_select_input(desktop.root, mask).map_err(failed)?;
        }
        Ok(Self { geometry: geometry.clone(), stale: false })
    }
}

impl Target for Monitor {
    fn event(&mut self, event: &Event) {
        self.stale |= matches!(event, Event::RandrScreenChangeNotify(_) | Event::RandrNotify(_));
    }

    fn area(&mut self, desktop: &Desktop) -> Result<Option<Area>, Error> {
        if std::mem::take(&mut self.stale) {
            let found = all(desktop)?.into_iter().find(|geometry| geometry.name == self.geometry.name);
            self.geometry = found.ok_or_else(matching::disconnected)?;
        }
        let MonitorGeometry { x, y, width, height, .. } = self.geometry;
        Ok(Some(Area { drawable: desktop.root, x, y, width, height, origin: (x.into(), y.into()) }))
    }

    fn hidden(&self) -> bool {
        false
    }

    fn is_pointed_at(&self, _: &Desktop) -> Result<bool, Error> {
        Ok(true)
    }
}
