//! The process in which the window's page lives. When it dies (out of memory, a fault of the web view), the window would stay as a
//! still picture while the call goes on: the page is loaded again, and gets everything in a snapshot.

use super::main_window;
use crate::app::App;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tauri::{AppHandle, Manager, Runtime, WebviewWindow};
use tracing::warn;

/// Pause before the page is loaded again, once it has died several times in a short time.
const PAUSE: Duration = Duration::from_secs(5);
/// Within this time two ends of the process follow on each other.
const SOON: Duration = Duration::from_secs(10);

/// Loads the page of `window` again whenever its process ends.
pub fn keep<R: Runtime>(window: &WebviewWindow<R>) -> tauri::Result<()> {
    let app = window.app_handle().clone();
    #[cfg(target_os = "linux")]
    window.with_webview(move |webview| {
        use webkit2gtk::WebViewExt;
        webview.inner().connect_web_process_terminated(move |_, reason| {
            warn!(?reason, "the process of the page ended");
            reload(&app);
        });
    })?;
    #[cfg(not(target_os = "linux"))]
    drop(app);
    Ok(())
}

#[cfg(target_os = "linux")]
fn reload<R: Runtime>(app: &AppHandle<R>) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let now = Instant::now();
    let before = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner).replace(now);
    let again = before.is_some_and(|before| now.duration_since(before) < SOON);
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        app.state::<App>().inner().clone().window_lost(main_window::MAIN).await;
        if again {
            tokio::time::sleep(PAUSE).await;
        }
        let Some(window) = app.get_webview_window(main_window::MAIN) else { return };
        if let Err(error) = window.reload() {
            warn!(%error, "the page can't be loaded again");
        }
    });
}
