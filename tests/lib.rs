//! End-to-end tests of Confab: what several test files and the programs `demo` and `bench` share.

pub mod call_network;
#[cfg(target_os = "linux")]
pub mod member;

use confab_testkit::window::{Window, WindowError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Folder for screenshots and other things a person may want to see after a run; git ignores it.
pub fn artifacts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-artifacts")
}

/// Reads the frame number of the test pattern out of the canvas of `peer`'s tile, as `confab_media::pattern` draws it:
/// null if there is no canvas or no code on it. A statement of JavaScript that returns it.
pub fn frame_number_script(peer: &str) -> String {
    let selector = format!("[data-testid='tile'][data-peer='{peer}'] [data-testid='tile-video'] canvas");
    format!(
        "const canvas = document.querySelector({});
        if (!canvas || !canvas.width) return null;
        const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const row = (r) => {{
            let bits = 0n;
            for (let c = 0; c < 32; c++) {{
                const x = Math.floor((c + 0.5) * canvas.width / 32), y = Math.floor((r + 0.5) * canvas.height / 16);
                bits = (bits << 1n) | (image.data[(y * canvas.width + x) * 4 + 1] > 126 ? 1n : 0n);
            }}
            return Number(bits);
        }};
        return (row(0) >>> 16) === 0xB2D4 ? row(1) : null;",
        json!(selector)
    )
}

/// Waits until the picture of `peer` in `window` shows frame numbers that advance; returns two of them.
pub async fn sees_frames_advance(window: &Window, peer: &str) -> Result<(u64, u64), WindowError> {
    let script = frame_number_script(peer);
    let first = window.wait(&format!("a picture of {peer}"), &script).await?.as_u64().unwrap_or_default();
    let later =
        format!("const read = () => {{ {script} }}; const now = read(); return now > {} ? now : null;", first + 15);
    let second = window.wait(&format!("{peer} moving on from frame {first}"), &later).await?;
    Ok((first, second.as_u64().unwrap_or_default()))
}

/// Waits for the tile of someone called `name` and returns their peer id.
pub async fn tile_of(window: &Window, name: &str) -> Result<String, WindowError> {
    let script = format!(
        "for (const tile of document.querySelectorAll(\"[data-testid='tile']\")) {{
            const name = tile.querySelector(\"[data-testid='tile-name']\");
            if (tile.dataset.peer !== 'self' && name && name.textContent.includes({})) return tile.dataset.peer;
        }}
        return null;",
        json!(name)
    );
    let id = window.wait(&format!("the tile of {name}"), &script).await?;
    Ok(id.as_str().unwrap_or_default().to_owned())
}

/// Waits until the attribute `data-<key>` of `peer`'s tile is `value`.
pub async fn tile_says(window: &Window, peer: &str, key: &str, value: &str) -> Result<Value, WindowError> {
    let selector = format!("[data-testid='tile'][data-peer='{peer}']");
    let script = format!("return document.querySelector({})?.dataset.{key} === {}", json!(selector), json!(value));
    window.wait(&format!("{key}={value} on the tile of {peer}"), &script).await
}
