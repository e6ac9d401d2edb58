//! The sharing bar: a small window that stays on top during a share, with a button that stops it. On X11 it is a window like any other, so
//! who shares the whole screen shares it, too.

use super::main_window;
use std::path::PathBuf;
use tauri::webview::PageLoadEvent;
use tauri::{AppHandle, LogicalPosition, Manager, Runtime, WebviewUrl};
use tokio::sync::watch;
use tracing::warn;

/// Its label, to which `capabilities/sharing.json` grants its two commands.
const SHARING: &str = "sharing";
/// Its page: the app's, which shows only the bar there.
const PAGE: &str = "index.html?view=sharing";
/// Width and height in logical pixels.
const SIZE: (f64, f64) = (360.0, 56.0);

/// Opens the bar whenever a share begins, and closes it with the share.
pub async fn keep<R: Runtime>(app: AppHandle<R>, data_dir: Option<PathBuf>, mut sharing: watch::Receiver<bool>) {
    loop {
        let wanted = *sharing.borrow_and_update();
        let (app, data_dir) = (app.clone(), data_dir.clone());
        // Aside: it waits for the thread of the windows.
        let done = tokio::task::spawn_blocking(move || match (wanted, app.get_webview_window(SHARING)) {
            (true, None) => open(&app, data_dir.as_deref()),
            (false, Some(bar)) => bar.destroy(),
            _ => Ok(()),
        });
        if let Ok(Err(error)) = done.await {
            // The main window shows the share and can stop it, too.
            warn!(%error, wanted, "the bar over a shared screen");
        }
        if sharing.changed().await.is_err() {
            return;
        }
    }
}

/// At the top of the primary screen, in its middle.
fn open<R: Runtime>(app: &AppHandle<R>, data_dir: Option<&std::path::Path>) -> tauri::Result<()> {
    let mut builder = main_window::builder(app, SHARING, WebviewUrl::App(PAGE.into()), data_dir)
        .title("Confab is sharing")
        .inner_size(SIZE.0, SIZE.1)
        // Not by `resizable(false)`: GTK would take the web view's natural height for it.
        .min_inner_size(SIZE.0, SIZE.1)
        .max_inner_size(SIZE.0, SIZE.1)
        .decorations(false)
        .always_on_top(true)
        .skip_taskbar(true)
        // Hidden until its page is there: no white flash over whatever is being shown to others.
        .visible(false)
        .on_page_load(|bar, load| {
            if load.event() == PageLoadEvent::Finished
                && let Err(error) = bar.show()
            {
                warn!(%error, "the bar over a shared screen is not shown");
            }
        })
        .focused(false);
    if let Some(monitor) = app.primary_monitor()? {
        let scale = monitor.scale_factor();
        let corner: LogicalPosition<f64> = monitor.position().to_logical(scale);
        let width = monitor.size().to_logical::<f64>(scale).width;
        builder = builder.position(corner.x + (width - SIZE.0) / 2.0, corner.y);
    }
    builder.build().map(drop)
}
