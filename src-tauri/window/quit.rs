//! The end of the program: by its window, the tray icon, or a signal.

use crate::app::App;
use std::sync::atomic::{AtomicBool, Ordering};
use tauri::{AppHandle, Manager, Runtime};
#[cfg(unix)]
use tracing::warn;

/// Leaves the call and ends the program. Asked a second time, it ends at once.
pub fn quit<R: Runtime>(handle: &AppHandle<R>) {
    static ASKED: AtomicBool = AtomicBool::new(false);
    if ASKED.swap(true, Ordering::SeqCst) {
        return handle.exit(0);
    }
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>().inner().clone();
        app.close().await;
        handle.exit(0);
    });
}

/// SIGTERM, SIGHUP and Ctrl+C quit as closing the window does.
#[cfg(unix)]
pub async fn quit_on_signal<R: Runtime>(handle: AppHandle<R>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        warn!("signals can't be handled");
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        quit(&handle);
    }
}

/// Ctrl+C quits as closing the window does.
#[cfg(not(unix))]
pub async fn quit_on_signal<R: Runtime>(handle: AppHandle<R>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        quit(&handle);
    }
}
