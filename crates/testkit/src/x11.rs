//! A display and a program on it, whose windows a test moves, resizes and closes.
// A helper of tests may expect what a test may: the server is of the test's making.
#![allow(clippy::expect_used)]

use crate::window::{Display, WindowError};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeGCAux, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Drawable, MapState,
    PropMode, Rectangle, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT, NONE};

/// Width of the windows' borders in pixels.
pub const BORDER: u16 = 3;

/// A window as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownWindow {
    /// Its title.
    pub title: String,
    /// Left and upper edge, in pixels.
    pub position: (i16, i16),
    /// Width and height, in pixels.
    pub size: (u16, u16),
}

/// The windows that a display without a window manager shows.
pub fn shown_windows(display: &Display) -> Vec<ShownWindow> {
    let (connection, screen) = RustConnection::connect(Some(&display.name)).expect("connects");
    let root = connection.setup().roots[screen].root;
    let tree = connection.query_tree(root).expect("sent").reply().expect("an answer");
    let look = |id: Window| {
        // One that has gone meanwhile is not shown.
        let attributes = connection.get_window_attributes(id).expect("sent").reply().ok()?;
        let place = connection.get_geometry(id).expect("sent").reply().ok()?;
        let title = connection.get_property(false, id, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256).expect("sent");
        let title = String::from_utf8_lossy(&title.reply().ok()?.value).into_owned();
        let (position, size) = ((place.x, place.y), (place.width, place.height));
        (attributes.map_state == MapState::VIEWABLE).then_some(ShownWindow { title, position, size })
    };
    tree.children.into_iter().filter_map(look).collect()
}

/// An X server without a screen, and a connection to it.
#[derive(Debug)]
pub struct Stage {
    /// The server.
    pub display: Display,
    /// For what only one test asks of it.
    pub connection: RustConnection,
    /// The root window.
    pub root: Window,
}

impl Stage {
    /// Starts a server with a screen of this size. The pointer is in its left upper corner.
    pub async fn new(width: u32, height: u32) -> Result<Self, WindowError> {
        let display = Display::start(width, height).await?;
        let (connection, screen) =
            RustConnection::connect(Some(&display.name)).map_err(|error| WindowError::Session(error.to_string()))?;
        let root = connection.setup().roots[screen].root;
        let stage = Self { display, connection, root };
        stage.point_at(0, 0);
        Ok(stage)
    }

    /// Returns when the server has done all that was asked of it.
    pub fn done(&self) {
        self.connection.sync().expect("the server answers");
    }

    /// A window full of one colour (0xRRGGBB), which the server draws, with a border of [`BORDER`].
    pub fn window(&self, title: &str, (x, y): (i16, i16), (width, height): (u16, u16), colour: u32) -> Window {
        let id = self.connection.generate_id().expect("an id");
        let look = CreateWindowAux::new().background_pixel(colour);
        let (root, class) = (self.root, WindowClass::INPUT_OUTPUT);
        self.connection
            .create_window(
                COPY_DEPTH_FROM_PARENT,
                id,
                root,
                x,
                y,
                width,
                height,
                BORDER,
                class,
                COPY_FROM_PARENT,
                &look,
            )
            .expect("sent");
        self.connection
            .change_property8(PropMode::REPLACE, id, AtomEnum::WM_NAME, AtomEnum::STRING, title.as_bytes())
            .expect("sent");
        self.map(id);
        id
    }

    /// Shows a window.
    pub fn map(&self, window: Window) {
        self.connection.map_window(window).expect("sent");
        self.done();
    }

    /// Puts a window away, as a window manager that minimizes it.
    pub fn unmap(&self, window: Window) {
        self.connection.unmap_window(window).expect("sent");
        self.done();
    }

    /// Closes a window.
    pub fn close(&self, window: Window) {
        self.connection.destroy_window(window).expect("sent");
        self.done();
    }

    /// Moves, resizes or restacks a window.
    pub fn configure(&self, window: Window, change: ConfigureWindowAux) {
        self.connection.configure_window(window, &change).expect("sent");
        self.done();
    }

    /// Gives a window another size in pixels.
    pub fn resize(&self, window: Window, width: u32, height: u32) {
        self.configure(window, ConfigureWindowAux::new().width(width).height(height));
    }

    /// Fills a part of a window or pixmap, as a program does that draws.
    pub fn draw(&self, on: Drawable, (x, y): (i16, i16), (width, height): (u16, u16), colour: u32) {
        let gc = self.connection.generate_id().expect("an id");
        self.connection.create_gc(gc, on, &CreateGCAux::new()).expect("sent");
        self.connection.change_gc(gc, &ChangeGCAux::new().foreground(colour)).expect("sent");
        self.connection.poly_fill_rectangle(on, gc, &[Rectangle { x, y, width, height }]).expect("sent");
        self.connection.free_gc(gc).expect("sent");
        self.done();
    }

    /// Puts the pointer somewhere.
    pub fn point_at(&self, x: i16, y: i16) {
        self.connection.warp_pointer(NONE, self.root, 0, 0, 0, 0, x, y).expect("sent");
        self.done();
    }
}
