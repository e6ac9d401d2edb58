//! The tray icon: shows and hides the window, leaves the call, quits. A desktop that shows no tray icons is not an error.

use super::{main_window, quit::quit};
use crate::app::App;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Manager, Runtime};
use tracing::{debug, warn};

const TOGGLE: &str = "toggle";
const LEAVE: &str = "leave";
const QUIT: &str = "quit";

/// Adds the icon where the desktop can have one.
pub fn add<R: Runtime>(app: &AppHandle<R>) {
    if !desktop_may_have_one() {
        debug!("no tray icon: no session bus");
        return;
    }
    // The library behind it is loaded at run time, and its loader panics when there is none.
    let added = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| build(app)));
    match added {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, "no tray icon"),
        Err(_) => warn!("no tray icon: libayatana-appindicator3 is not installed"),
    }
}

/// On Linux the icon lives in a program that is reached over the session bus.
fn desktop_may_have_one() -> bool {
    if !cfg!(target_os = "linux") || std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() {
        return true;
    }
    std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|dir| std::path::Path::new(&dir).join("bus").exists())
}

fn build<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    let menu = Menu::with_items(
        app,
        &[
            &MenuItem::with_id(app, TOGGLE, "Show or hide Confab", true, None::<&str>)?,
            &MenuItem::with_id(app, LEAVE, "Leave the call", true, None::<&str>)?,
            &PredefinedMenuItem::separator(app)?,
            &MenuItem::with_id(app, QUIT, "Quit", true, None::<&str>)?,
        ],
    )?;
    let icon = TrayIconBuilder::with_id("confab").tooltip("Confab").menu(&menu).on_menu_event(|app, event| match event
        .id()
        .as_ref()
    {
        TOGGLE => toggle(app),
        LEAVE => leave(app),
        QUIT => quit(app),
        _ => {}
    });
    icon.icon(tauri::include_image!("icons/tray.png")).build(app)?;
    Ok(())
}

fn toggle<R: Runtime>(app: &AppHandle<R>) {
    let visible = app.get_webview_window(main_window::MAIN).is_some_and(|window| window.is_visible().unwrap_or(false));
    if !visible {
        main_window::show(app);
    } else if let Some(window) = app.get_webview_window(main_window::MAIN)
        && let Err(error) = window.hide()
    {
        warn!(%error, "the window can't be hidden");
    }
}

fn leave<R: Runtime>(app: &AppHandle<R>) {
    let call = app.state::<App>().inner().clone();
    tauri::async_runtime::spawn(async move {
        if let Err(error) = call.leave().await {
            warn!(%error, "the call was not left");
        }
    });
}
