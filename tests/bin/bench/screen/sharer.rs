//! Who shares: `confab-peer`, and a page in Chromium with a head, which gives no screen without one.

use super::{BITRATE, FPS, SIZE};
use crate::{Kind, Outcome};
use confab_testkit::browser::{Browser, Page};
use confab_testkit::cost;
use confab_testkit::process::Peer;
use serde_json::json;

/// Size of the browser's pages; it is on the screen that is shared.
const WINDOW: (u32, u32) = (600, 300);

/// A running sharer of a whole display.
pub enum Sharer {
    Ours(Peer),
    Chromium(Browser, #[expect(dead_code, reason = "the page shares while it is open")] Page),
}

impl Sharer {
    /// Joins `link` and shares the display of this name.
    pub async fn start(kind: Kind, link: &str, display: &str) -> Outcome<Self> {
        if kind == Kind::Ours {
            let environment = [("DISPLAY", display), ("WAYLAND_DISPLAY", ""), ("XDG_SESSION_TYPE", "x11")];
            let mut peer = Peer::join_with(link, "Sharer", &["--share", "screen"], &environment)?;
            peer.joined().await?;
            return Ok(Self::Ours(peer));
        }
        let browser = Browser::start_sharing(display, WINDOW).await?;
        let page = browser.open("Sharer").await?;
        page.join(link, None, None).await?;
        let wish = json!({ "width": SIZE.0, "height": SIZE.1, "fps": FPS, "maxBitrate": BITRATE });
        page.eval(&format!("await call.shareDisplay({wish})")).await?;
        Ok(Self::Chromium(browser, page))
    }

    /// The processes that count: ours, or all of the browser's without the script that drives it.
    pub fn processes(&self) -> Vec<u32> {
        match self {
            Self::Ours(peer) => peer.process.id().into_iter().flat_map(cost::tree).collect(),
            Self::Chromium(browser, _) => cost::tree(browser.id()).into_iter().skip(1).collect(),
        }
    }

    pub async fn stop(self) -> Outcome {
        if let Self::Ours(peer) = self {
            peer.leave().await?;
        }
        Ok(())
    }
}
