//! `confab://` links and second starts of the app: both end as a link that the window offers.
//!
//! Linux and Windows start the program again with the link as its argument; the second process hands its arguments to
//! the first and ends. macOS sends the link to the running app.

use super::main_window;
use crate::app::App;
use crate::options::Options;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager, Runtime};
use tauri_plugin_deep_link::DeepLinkExt;

/// One app per person: a second start shows the window of the first, and hands over its link.
pub fn single_instance<R: Runtime>() -> TauriPlugin<R> {
    tauri_plugin_single_instance::init(|app, args, _folder| {
        main_window::show(app);
        if let Some(text) = Options::link_of_second_start(&args) {
            offer(app, text);
        }
    })
}

/// Listens for links that the system sends to the running app.
pub fn listen<R: Runtime>(app: &AppHandle<R>) {
    let handle = app.clone();
    app.deep_link().on_open_url(move |event| {
        for url in event.urls() {
            main_window::show(&handle);
            offer(&handle, url.into());
        }
    });
}

/// Lets the window offer a link, or say what is wrong with it.
fn offer<R: Runtime>(app: &AppHandle<R>, text: String) {
    let app = app.state::<App>().inner().clone();
    tauri::async_runtime::spawn(async move { app.open(&text).await });
}
