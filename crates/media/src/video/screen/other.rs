//! Screens and windows of Windows and macOS, by xcap. It draws no pointer and reports no changes, so each check captures a
//! picture.

use xcap::image::RgbaImage;
use xcap::{Monitor, Window, XCapError};

use super::bgrx::{self, Bgrx, Picture};
use super::matching::{self, LEAST_SIDE, MOST_WINDOWS};
use super::types::{ScreenBackend, ScreenStream, THUMBNAIL_SIDE};
use crate::error::{Error, ErrorKind};
use crate::selector::ScreenSelector;
use crate::thread::stop::StopFlag;
use crate::video::screen::types::ShareSource;

/// See the module.
#[derive(Debug)]
pub(crate) struct PlatformScreens;

impl ScreenBackend for PlatformScreens {
    fn list(thumbnails: bool) -> Result<Vec<ShareSource>, Error> {
        let mut sources = Vec::new();
        for (number, monitor) in (1..).zip(Monitor::all().map_err(failed)?) {
            let name = matching::clean(&monitor.friendly_name().map_err(failed)?).unwrap_or_default();
            let size = (monitor.width().map_err(failed)?, monitor.height().map_err(failed)?);
            let mut source = matching::screen(number, &matching::screen_title(number, &name), size);
            source.thumbnail = thumbnail(thumbnails, || monitor.capture_image())?;
            sources.push(source);
        }
        for titled in windows()? {
            let mut source = matching::window(titled.id, &titled.title, titled.size);
            source.thumbnail = thumbnail(thumbnails, || titled.window.capture_image())?;
            sources.push(source);
        }
        Ok(sources)
    }

    fn asks() -> bool {
        false
    }

    fn open(selector: &ScreenSelector, _: u32, _: &StopFlag) -> Result<Box<dyn ScreenStream>, Error> {
        let target = match selector {
            ScreenSelector::Screen(number) => {
                let monitors = Monitor::all().map_err(failed)?;
                let found =
                    matching::screen_by_number(&monitors, *number, |monitor| monitor.is_primary().unwrap_or(false))?;
                XcapTarget::Monitor(found.clone())
            }
            ScreenSelector::Window(wanted) => XcapTarget::Window(find(wanted)?),
        };
        let mut shared = XcapStream { target, hidden: false, shown: Picture::default() };
        shared.changed()?;
        Ok(Box::new(shared))
    }
}

/// The error of the system or of xcap, as the technical cause.
fn failed(error: XCapError) -> Error {
    let code =
        if matches!(error, XCapError::NotSupported) { ErrorKind::ScreenUnsupported } else { ErrorKind::ScreenFailed };
    Error::with_detail(code, error)
}

/// A visible window with a title.
struct XcapWindow {
    window: Window,
    id: u32,
    title: String,
    size: (u32, u32),
}

impl XcapWindow {
    /// `None` for one without a title, for one that is too small, and for one that has gone meanwhile.
    fn read(window: Window) -> Option<Self> {
        let (id, title) = (window.id().ok()?, matching::clean(&window.title().ok()?)?);
        let size = (window.width().ok()?, window.height().ok()?);
        let seen = size.0.min(size.1) >= LEAST_SIDE && !window.is_minimized().ok()?;
        seen.then_some(Self { window, id, title, size })
    }
}

fn windows() -> Result<Vec<XcapWindow>, Error> {
    let all = Window::all().map_err(failed)?;
    Ok(all.into_iter().filter_map(XcapWindow::read).take(MOST_WINDOWS).collect())
}

/// The window that a selector means: by its id, its title, or a part of it, in this order.
fn find(wanted: &str) -> Result<Window, Error> {
    let windows = windows()?;
    let found = match matching::window_id(wanted) {
        Some(id) => windows.iter().find(|window| window.id == id),
        None => matching::find_by_title(&windows, wanted, |window| &window.title),
    };
    found.map(|found| found.window.clone()).ok_or_else(|| matching::no_window(wanted))
}

/// `None` if none is wanted, or if it can't be had at this moment.
fn thumbnail(wanted: bool, capture: impl FnOnce() -> Result<RgbaImage, XCapError>) -> Result<Option<Vec<u8>>, Error> {
    let Some(image) = wanted.then(capture).and_then(Result::ok) else { return Ok(None) };
    let picture = Picture::from(image);
    let Some(shown) = picture.as_bgrx() else { return Ok(None) };
    let drawn = bgrx::thumbnail(&shown, THUMBNAIL_SIDE);
    drawn.map(Some).map_err(|error| Error::with_detail(ErrorKind::ScreenFailed, error))
}

impl From<RgbaImage> for Picture {
    fn from(image: RgbaImage) -> Self {
        let (width, height) = image.dimensions();
        let mut picture = Self { width, height, data: image.into_raw() };
        picture.put_blue_first();
        picture
    }
}

/// What is shared.
enum XcapTarget {
    Monitor(Monitor),
    Window(Window),
}

impl XcapTarget {
    /// Follows it; answers whether it is put away. An error is final: it is gone.
    fn is_hidden(&mut self) -> Result<bool, Error> {
        match self {
            Self::Monitor(monitor) => {
                *monitor = again(monitor).ok_or_else(matching::disconnected)?;
                Ok(false)
            }
            Self::Window(window) => match window.is_minimized().and_then(|hidden| window.width().map(|_| hidden)) {
                Ok(hidden) => Ok(hidden),
                // macOS does not distinguish minimized windows from closed ones.
                Err(_) if cfg!(target_os = "macos") => Ok(true),
                Err(_) => Err(ErrorKind::ShareEnded.into()),
            },
        }
    }

    fn capture(&self) -> Result<RgbaImage, XCapError> {
        match self {
            Self::Monitor(monitor) => monitor.capture_image(),
            Self::Window(window) => window.capture_image(),
        }
    }
}

/// The same monitor as the system has it now. Its id may change with the arrangement of the monitors, and twins have one name.
fn again(monitor: &Monitor) -> Option<Monitor> {
    let (id, name) = (monitor.id().ok(), monitor.name().ok());
    let all = Monitor::all().ok()?;
    let same = all.iter().find(|other| id.is_some() && other.id().ok() == id);
    same.or_else(|| all.iter().find(|other| name.is_some() && other.name().ok() == name)).cloned()
}

struct XcapStream {
    target: XcapTarget,
    hidden: bool,
    shown: Picture,
}

impl ScreenStream for XcapStream {
    fn changed(&mut self) -> Result<bool, Error> {
        self.hidden = self.target.is_hidden()?;
        Ok(!self.hidden)
    }

    fn grab(&mut self) -> Result<Option<Bgrx<'_>>, Error> {
        // The last picture of a window that is put away stands, and of one that can't be had at this moment.
        if !self.hidden
            && let Ok(image) = self.target.capture()
        {
            self.shown = image.into();
        }
        Ok(self.shown.as_bgrx())
    }

    fn hidden(&self) -> bool {
        self.hidden
    }
}
