//! The window: made in code, so that its folder and colours can depend on how the app was started.

use std::path::Path;
use tauri::webview::NewWindowResponse;
use tauri::window::Color;
use tauri::{App, AppHandle, Manager, Runtime, Theme, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

/// Its label, to which `capabilities/main.json` grants the commands.
pub const MAIN: &str = "main";
/// Colour behind the page until it is drawn, as `--ground` in `ui/src/styles/tokens.css`.
const DARK: Color = Color(0x0b, 0x0e, 0x13, 0xff);
const LIGHT: Color = Color(0xf4, 0xf6, 0xf8, 0xff);

/// Origins that pages of the app have: what `Origin` says in their requests, and where they may navigate.
pub fn origins() -> Vec<String> {
    let mut origins = vec!["tauri://localhost".to_owned()];
    if cfg!(windows) {
        origins.extend(["http://tauri.localhost".to_owned(), "https://tauri.localhost".to_owned()]);
    }
    if cfg!(debug_assertions) {
        origins.push("http://localhost:1420".to_owned());
    }
    origins
}

/// Opens the window. `data_dir` is where the web view keeps its files, or the system's place for them.
pub fn open<R: Runtime>(app: &App<R>, data_dir: Option<&Path>) -> tauri::Result<WebviewWindow<R>> {
    let window = builder(app, MAIN, WebviewUrl::App("index.html".into()), data_dir)
        .title("Confab")
        .inner_size(1280.0, 800.0)
        .min_inner_size(360.0, 480.0)
        .prevent_overflow()
        .center()
        // Hidden until its colour is known: no white flash in the dark.
        .visible(false)
        .build()?;
    let light = matches!(window.theme(), Ok(Theme::Light));
    window.set_background_color(Some(if light { LIGHT } else { DARK }))?;
    window.show()?;
    Ok(window)
}

/// A window for a page of the app, which nothing else is ever shown in. `data_dir` as for [`open`].
pub fn builder<'a, R: Runtime, M: Manager<R>>(
    app: &'a M,
    label: &str,
    page: WebviewUrl,
    data_dir: Option<&Path>,
) -> WebviewWindowBuilder<'a, R, M> {
    let builder = WebviewWindowBuilder::new(app, label, page)
        .on_navigation(may_navigate)
        .on_new_window(|_, _| NewWindowResponse::Deny);
    match data_dir {
        Some(dir) => builder.data_directory(dir.join("webview")),
        None => builder,
    }
}

/// Brings the window to the front.
pub fn show<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    let shown = window.show().and_then(|()| window.unminimize()).and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "the window can't be shown");
    }
}

/// Pages of the app are the only ones its window ever shows: a foreign page would have its commands.
fn may_navigate(url: &Url) -> bool {
    let origin = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    let origin = url.port().map_or(origin.clone(), |port| format!("{origin}:{port}"));
    let own = origins().contains(&origin) || url.as_str() == "about:blank";
    if !own {
        tracing::warn!(%origin, "the window stays where it is");
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_stays_with_the_app() {
        for (url, allowed) in [
            ("tauri://localhost/index.html", true),
            ("tauri://localhost", true),
            ("tauri://evil.example", false),
            ("https://example.org/", false),
            ("http://localhost:7420/r/a", false),
            ("http://localhost.evil.example:1420/", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(may_navigate(&url.parse().unwrap()), allowed, "{url}");
        }
    }
}
