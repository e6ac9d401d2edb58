//! A full participant: the app's window, which sends one picture and draws N others, and a page in Chromium, with a head
//! on the same kind of display, that does the same with video elements at the places and of the sizes of the app's tiles.
//! Neither has a GPU; the display's own process counts for neither.

use super::crowd::{Crowd, received};
use super::{BITRATE, FPS, FULL_RATE, MEASURED, PEERS, Picture, SIZE, WARM_UP};
use crate::meter::{CostMeter, Spent};
use crate::{Kind, Outcome, judge};
use confab_testkit::browser::{Browser, Page};
use confab_testkit::cost;
use confab_testkit::process::Server;
use confab_testkit::window::{Display, Window};
use serde_json::{Value, json};
use std::path::Path;
use tokio::time::sleep;

/// Size of the app's window and of the page.
const WINDOW: (u32, u32) = (1280, 800);
/// Room for what a browser has around its page.
const SCREEN: (u32, u32) = (1400, 1000);
/// The call that the targets are about has four people.
const OTHERS_OF_TARGET: usize = 3;
/// What the page does.
const PAGE: &str = include_str!("participant.js");
/// The app's tiles: their places, and what was drawn in them.
const LOOK: &str = "const tiles = [...document.querySelectorAll(\"[data-testid='tile']\")].map((tile) => {
        const { x, y, width, height } = tile.getBoundingClientRect();
        const video = tile.querySelector(\"[data-testid='tile-video']\");
        const canvas = video?.querySelector('canvas');
        const picture = [canvas?.width ?? 0, canvas?.height ?? 0];
        const own = tile.dataset.peer === 'self';
        return { own, x, y, width, height, frames: Number(video?.dataset.frames ?? 0), picture };
    });
    return { at: performance.now(), tiles };";

struct Row {
    kind: Kind,
    others: usize,
    spent: Spent,
    drawn: Picture,
    sent: Picture,
}

/// Prints the table and the targets; returns the figures.
pub async fn run(clip: &Path) -> Outcome<Value> {
    println!("\nA full participant: sends 720p30 at 1.5 Mbit/s to N others and draws them and itself in a window of");
    println!("{}x{}; the app and Chromium with a head, both on Xvfb, all their processes\n", WINDOW.0, WINDOW.1);
    println!("| program | others | CPU-s per 10 s | PSS MB | fps drawn (least) | drawn | fps sent (least) | sent |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for others in PEERS {
        let mut places = Value::Null;
        for kind in Kind::BOTH {
            let row = measure(kind, others, clip, &mut places).await?;
            let Spent { cpu_seconds, pss_mb, .. } = row.spent;
            let (drawn, sent) = (row.drawn.cells(), row.sent.cells());
            println!("| {kind:?} | {others} | {cpu_seconds:.2} | {pss_mb:.0} | {drawn} | {sent} |");
            rows.push(row);
        }
    }
    println!();
    targets(&rows);
    Ok(rows.iter().map(json).collect())
}

fn json(row: &Row) -> Value {
    json!({ "program": format!("{:?}", row.kind).to_lowercase(), "others": row.others,
        "cpuSecondsPer10s": row.spent.cpu_seconds, "pssMb": row.spent.pss_mb, "drawn": row.drawn.json(),
        "sent": row.sent.json() })
}

fn targets(rows: &[Row]) {
    let find = |kind| rows.iter().find(|row| row.kind == kind && row.others == OTHERS_OF_TARGET);
    let (Some(ours), Some(page)) = (find(Kind::Ours), find(Kind::Chromium)) else { return };
    let cpu = ours.spent.cpu_seconds / page.spent.cpu_seconds;
    let profile = || ours.spent.cpu_profile();
    judge("participant in a call of 4: CPU over the page's (at most 0.6)", cpu, cpu <= 0.6, profile);
    // Whoever draws fewer pictures costs less.
    let (fps, least) = (ours.drawn.fps, page.drawn.fps.min(FULL_RATE));
    judge("participant in a call of 4: fps drawn (at least 29, or the page's)", fps, fps >= least, profile);
    let memory = ours.spent.pss_mb / page.spent.pss_mb;
    let profile = || ours.spent.memory_profile();
    judge("participant in a call of 4: memory over the page's (at most 0.5)", memory, memory <= 0.5, profile);
}

/// `places` are those of the app's tiles, which ours finds and the page takes.
async fn measure(kind: Kind, others: usize, clip: &Path, places: &mut Value) -> Outcome<Row> {
    let server = Server::start().await?;
    let crowd = Crowd::join(&server.url, "bench", others, clip).await?;
    let program = Program::start(kind, &server.url, clip, places).await?;
    program.draws(others).await?;
    sleep(WARM_UP).await;
    let (meter, before, sent_before) = (CostMeter::start(&program.processes()), program.look().await?, crowd.look());
    sleep(MEASURED).await;
    let (spent, after, sent_after) = (meter.stop(&program.processes()), program.look().await?, crowd.look());
    if kind == Kind::Ours {
        *places = after["tiles"].clone();
    }
    let row = Row { kind, others, spent, drawn: drawn(&before, &after), sent: received(&sent_before, &sent_after) };
    program.stop().await?;
    crowd.leave().await;
    server.stop().await?;
    Ok(row)
}

/// The worst of what was drawn of the others between two looks.
fn drawn(before: &Value, after: &Value) -> Picture {
    let seconds = (after["at"].as_f64().unwrap_or_default() - before["at"].as_f64().unwrap_or_default()) / 1000.0;
    let tiles = |look: &'static str, value: &Value| {
        let all = value["tiles"].as_array().cloned().unwrap_or_default();
        let others = all.into_iter().filter(|tile| tile["own"] == false);
        others.map(move |tile| (tile[look].clone(), tile["picture"].clone())).collect::<Vec<_>>()
    };
    let pairs = tiles("frames", before).into_iter().zip(tiles("frames", after));
    Picture::worst(pairs.map(|((before, _), (after, picture))| Picture {
        fps: (after.as_f64().unwrap_or_default() - before.as_f64().unwrap_or_default()) / seconds,
        size: (picture[0].as_u64().unwrap_or_default(), picture[1].as_u64().unwrap_or_default()),
    }))
}

/// A running participant.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Program {
    Ours(Window),
    Chromium { page: Page, browser: Browser, _display: Display },
}

impl Program {
    async fn start(kind: Kind, server: &str, clip: &Path, places: &Value) -> Outcome<Self> {
        let clip = clip.to_string_lossy();
        if kind == Kind::Ours {
            let link = format!("{server}/r/bench");
            let me = ["--join", &link, "--name", "Participant"];
            let media = ["--video", &clip, "--audio", "none", "--speaker", "none"];
            let window = Window::open("Participant", WINDOW, &[me.as_slice(), &media].concat()).await?;
            return Ok(Self::Ours(window));
        }
        let display = Display::start(SCREEN.0, SCREEN.1).await?;
        let camera = format!("--use-file-for-fake-video-capture={clip}");
        let browser = Browser::start_on(&display.name, WINDOW, &[&camera]).await?;
        let page = browser.open("Participant").await?;
        page.eval(PAGE).await?;
        let wish = json!({ "server": server, "room": "bench", "width": SIZE.0, "height": SIZE.1, "fps": FPS,
            "maxBitrate": BITRATE, "places": places });
        page.eval(&format!("await participant.join({wish})")).await?;
        Ok(Self::Chromium { page, browser, _display: display })
    }

    /// Waits until all the others are drawn.
    async fn draws(&self, others: usize) -> Outcome {
        let all = format!(".tiles.filter((tile) => !tile.own && tile.frames > 30).length === {others}");
        match self {
            Self::Ours(window) => {
                window.wait("pictures of all", &format!("const look = () => {{ {LOOK} }}; return look(){all}")).await?
            }
            Self::Chromium { page, .. } => page.wait("pictures of all", &format!("participant.look(){all}")).await?,
        };
        Ok(())
    }

    async fn look(&self) -> Outcome<Value> {
        Ok(match self {
            Self::Ours(window) => window.eval(LOOK).await?,
            Self::Chromium { page, .. } => page.eval("return participant.look()").await?,
        })
    }

    /// The processes that count: all under the driver.
    fn processes(&self) -> Vec<u32> {
        let driver = match self {
            Self::Ours(window) => window.driver_id(),
            Self::Chromium { browser, .. } => Some(browser.id()),
        };
        driver.into_iter().flat_map(|driver| cost::tree(driver).into_iter().skip(1)).collect()
    }

    async fn stop(self) -> Outcome {
        if let Self::Ours(window) = self {
            window.close().await?;
        }
        Ok(())
    }
}
