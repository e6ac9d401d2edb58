//! What the desktop shows of the app: its windows, the tray icon, links that the system opens, and the choice of a renderer.

pub(crate) mod links;
pub(crate) mod main_window;
pub(crate) mod page_process;
pub(crate) mod quit;
pub mod renderer;
pub(crate) mod sharing_bar;
pub(crate) mod tray;
