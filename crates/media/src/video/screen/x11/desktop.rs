//! A connection to an X server that can do what capturing needs.

use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::{composite, damage, randr, shm, xfixes, xproto};
use x11rb::rust_connection::RustConnection;

use composite::ConnectionExt as _;
use damage::ConnectionExt as _;
use randr::ConnectionExt as _;
use shm::ConnectionExt as _;
use xfixes::ConnectionExt as _;
use xproto::ConnectionExt as _;

use super::error::failed;
use super::text::{TextType, decode};
use crate::error::{Error, ErrorKind};
use crate::video::screen::matching;

x11rb::atom_manager! {
    /// Names of properties and of their types.
    pub(super) Atoms: AtomsCookie {
        _NET_CLIENT_LIST,
        _NET_WM_NAME,
        _NET_WM_STATE,
        _NET_WM_STATE_SKIP_TASKBAR,
        _NET_WM_WINDOW_TYPE,
        _NET_WM_WINDOW_TYPE_COMBO,
        _NET_WM_WINDOW_TYPE_DESKTOP,
        _NET_WM_WINDOW_TYPE_DIALOG,
        _NET_WM_WINDOW_TYPE_DND,
        _NET_WM_WINDOW_TYPE_DOCK,
        _NET_WM_WINDOW_TYPE_DROPDOWN_MENU,
        _NET_WM_WINDOW_TYPE_MENU,
        _NET_WM_WINDOW_TYPE_NORMAL,
        _NET_WM_WINDOW_TYPE_NOTIFICATION,
        _NET_WM_WINDOW_TYPE_POPUP_MENU,
        _NET_WM_WINDOW_TYPE_SPLASH,
        _NET_WM_WINDOW_TYPE_TOOLBAR,
        _NET_WM_WINDOW_TYPE_TOOLTIP,
        _NET_WM_WINDOW_TYPE_UTILITY,
        COMPOUND_TEXT,
        UTF8_STRING,
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Desktop {
    pub(super) connection: RustConnection,
    pub(super) root: xproto::Window,
    pub(super) atoms: Atoms,
    /// Covered windows can be captured.
    pub(super) composite: bool,
    /// Changes come as events.
    pub(super) damage: bool,
    /// There can be more than one monitor.
    pub(super) randr: bool,
    /// Pixels can come by shared memory.
    pub(super) shared: bool,
    /// The pointer's picture can be had.
    pub(super) xfixes: bool,
}

impl Desktop {
    /// The display with this name, or the one of the environment.
    pub(super) fn connect(display: Option<&str>) -> Result<Self, Error> {
        let (connection, screen) = RustConnection::connect(display)
            .map_err(|error| Error::with_detail(ErrorKind::ScreenUnsupported, error))?;
        let root = connection.setup().roots.get(screen).ok_or_else(|| failed("no such screen"))?.root;
        let atoms = Atoms::new(&connection).map_err(failed)?.reply().map_err(failed)?;
        let has = |name| connection.extension_information(name).map(|found| found.is_some()).map_err(failed);
        let (composite, damage, xfixes) =
            (has(composite::X11_EXTENSION_NAME)?, has(damage::X11_EXTENSION_NAME)?, has(xfixes::X11_EXTENSION_NAME)?);
        let (mut randr, mut shared) = (has(randr::X11_EXTENSION_NAME)?, has(shm::X11_EXTENSION_NAME)?);
        // Each needs to know the client's version first.
        if composite {
            connection.composite_query_version(0, 4).map_err(failed)?.reply().map_err(failed)?;
        }
        if xfixes {
            connection.xfixes_query_version(5, 0).map_err(failed)?.reply().map_err(failed)?;
        }
        if damage {
            connection.damage_query_version(1, 1).map_err(failed)?.reply().map_err(failed)?;
        }
        if randr {
            let version = connection.randr_query_version(1, 5).map_err(failed)?.reply().map_err(failed)?;
            randr = (version.major_version, version.minor_version) >= (1, 5);
        }
        if shared {
            // Memory of the server's making came with 1.2.
            let version = connection.shm_query_version().map_err(failed)?.reply().map_err(failed)?;
            shared = (version.major_version, version.minor_version) >= (1, 2);
        }
        Ok(Self { connection, root, atoms, composite, damage, randr, shared, xfixes })
    }

    /// Size of a window or pixmap, and its depth.
    pub(super) fn geometry(&self, drawable: xproto::Drawable) -> Result<xproto::GetGeometryReply, Error> {
        self.connection.get_geometry(drawable).map_err(failed)?.reply().map_err(failed)
    }

    /// Refuses what has pixels of another kind than blue, green, red and a byte that means nothing.
    pub(super) fn check_pixels(&self, depth: u8) -> Result<(), Error> {
        let setup = self.connection.setup();
        let fits = |format: &&xproto::Format| format.depth == depth && format.bits_per_pixel == 32;
        let known = matches!(depth, 24 | 32) && setup.image_byte_order == xproto::ImageOrder::LSB_FIRST;
        if known && setup.pixmap_formats.iter().find(fits).is_some() {
            return Ok(());
        }
        Err(failed(format!("pixels of {depth} bits")))
    }

    /// Title of a window: the property for window managers of today, or else the old one. `None` if it has none to read.
    pub(super) fn title(&self, window: xproto::Window) -> Result<Option<String>, Error> {
        let property = |name: u32| {
            self.connection.get_property(false, window, name, xproto::AtomEnum::ANY, 0, 256).map_err(failed)
        };
        let (modern, old) = (property(self.atoms._NET_WM_NAME)?, property(xproto::AtomEnum::WM_NAME.into())?);
        // A window that has gone meanwhile has no title.
        let (Ok(modern), Ok(old)) = (modern.reply(), old.reply()) else { return Ok(None) };
        Ok(self.text(&modern).or_else(|| self.text(&old)))
    }

    /// The text of a property, whatever its type.
    fn text(&self, property: &xproto::GetPropertyReply) -> Option<String> {
        let kind = match property.type_ {
            kind if kind == self.atoms.UTF8_STRING => TextType::Utf8,
            kind if kind == self.atoms.COMPOUND_TEXT => TextType::Compound,
            kind if kind == u32::from(xproto::AtomEnum::STRING) => TextType::Latin1,
            // A type of a program's own: UTF-8 is what programs write.
            _ => TextType::Utf8,
        };
        if property.format != 8 {
            return None;
        }
        let text = decode(kind, &property.value);
        // The end of a long one may be half a character.
        matching::clean(text.trim_end_matches(char::REPLACEMENT_CHARACTER))
    }
}
