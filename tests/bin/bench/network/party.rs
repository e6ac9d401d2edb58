//! Who sends and who receives: ours without a window, or a Chromium page.
//!
//! Why the comparison is fair: both senders draw one picture, sample for sample (`confab_media::pattern`, and `picture.js`
//! in the page, which hands I420 to a track as a camera does; drawing takes it about 2 ms a picture), with the clock of the
//! moment, at one size, rate and highest bitrate. Both receivers note a picture when it is decoded and handed on to be shown;
//! Chromium evens out jitter before that, ours shows what comes.
//! What they noted is worked out by one program, the signal-to-noise ratio of what a page decoded too: against the source
//! scaled to the size that came, so a smaller picture is no worse for that; its size stands beside it.

use crate::Outcome;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use confab_media::{I420Frame, PatternComparison, pattern::PatternReading};
use confab_testkit::browser::Page;
use confab_testkit::network::lab::Node;
use confab_testkit::network::profile::{CLEAN, Profile};
use confab_testkit::received::{Picture, Received};
use confab_tests::call_network::{CallNetwork, Guest, PageGuest};
use confab_wire::room::RoomLink;
use serde_json::{Value, json};

/// Size, rate and highest bitrate (kbit/s) of the picture: 720p at what browsers send at most if nobody says otherwise.
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const FPS: u32 = 30;
const KBIT: u32 = 2_500;
/// Time between two pictures of which a page keeps the luma, in ms; `confab-peer` compares as often.
const LUMA_EVERY: u32 = 500;

/// A kind of participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `confab-peer`.
    Ours,
    /// Headless Chromium.
    Chromium,
}

/// A participant in the laboratory.
pub enum Party {
    /// `confab-peer`.
    Ours(Box<Guest>),
    /// Headless Chromium.
    Chromium(PageGuest),
}

impl Party {
    /// Joins behind a network like `profile`, and sends nothing.
    pub async fn receiver(network: &mut CallNetwork, kind: Kind, profile: Profile) -> Outcome<Self> {
        if kind == Kind::Ours {
            let size = format!("{WIDTH}x{HEIGHT}");
            return Ok(Self::Ours(Box::new(network.guest("Receiver", profile, &["--compare", &size]).await?)));
        }
        let guest = network.page("Receiver", profile).await?;
        guest.page.eval(&format!("call.record({LUMA_EVERY})")).await?;
        join(&guest.page, &network.link(), json!({ "name": "Receiver" })).await?;
        Ok(Self::Chromium(guest))
    }

    /// Joins on a clean line, and sends the pattern and a tone.
    pub async fn sender(network: &mut CallNetwork, kind: Kind) -> Outcome<Self> {
        if kind == Kind::Ours {
            let (size, fps, kbit) = (format!("{WIDTH}x{HEIGHT}"), FPS.to_string(), KBIT.to_string());
            let video = ["--video", "pattern", "--size", &size, "--fps", &fps, "--bitrate", &kbit];
            let arguments = [&video[..], &["--audio", "tone:440"]].concat();
            return Ok(Self::Ours(Box::new(network.guest("Sender", CLEAN, &arguments).await?)));
        }
        let guest = network.page("Sender", CLEAN).await?;
        let video = json!({ "width": WIDTH, "height": HEIGHT, "fps": FPS, "maxBitrate": KBIT * 1_000 });
        join(&guest.page, &network.link(), json!({ "name": "Sender", "audio": 440, "video": video })).await?;
        Ok(Self::Chromium(guest))
    }

    /// Its host.
    pub fn host(&mut self) -> &mut Node {
        match self {
            Self::Ours(guest) => &mut guest.host,
            Self::Chromium(guest) => &mut guest.host,
        }
    }

    /// Waits until this receiver sees the sender.
    pub async fn sees(&mut self) -> Outcome {
        match self {
            Self::Ours(guest) => guest.sees("Sender", FPS.into()).await.map(drop)?,
            Self::Chromium(guest) => guest.page.wait_for_person("Sender", "video?.patterns > 30").await.map(drop)?,
        }
        Ok(())
    }

    /// What this receiver saw so far.
    pub async fn received(&mut self) -> Outcome<Received> {
        match self {
            Self::Ours(guest) => {
                // What was seen since the last statistics comes with the next.
                let now = guest.now();
                guest.peer.wait_for("stats", |stats| stats["t"].as_u64() > Some(now)).await?;
                Ok(Received::told(&guest.peer.events())?)
            }
            Self::Chromium(guest) => Ok(Received::new(kept(&guest.page).await?)),
        }
    }
}

async fn join(page: &Page, link: &str, mut wish: Value) -> Outcome {
    let link: RoomLink = link.parse().map_err(|error| format!("{error}"))?;
    wish["server"] = json!(link.server);
    wish["room"] = json!(link.room);
    page.eval(&format!("await call.join({wish})")).await?;
    Ok(())
}

/// The pictures that a page has kept, some compared with their source.
async fn kept(page: &Page) -> Outcome<Vec<Picture>> {
    let told = page.eval("return [call.recorder.pictures, call.recorder.lumas.length]").await?;
    let (mut pictures, lumas): (Vec<Picture>, usize) = serde_json::from_value(told)?;
    let mut comparison = PatternComparison::new(WIDTH, HEIGHT);
    for number in 0..lumas {
        let luma = page.eval(&format!("return call.recorder.luma({number})")).await?;
        let index = luma["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        let picture = index.and_then(|index| pictures.get_mut(index)).ok_or("a page kept what it did not see")?;
        let bytes = BASE64_STANDARD.decode(luma["base64"].as_str().ok_or("no luma")?)?;
        let mut frame = I420Frame::new(picture.width, picture.height);
        let plane = &mut frame.planes_mut()[0];
        if plane.len() != bytes.len() {
            return Err("a page kept a picture of another size".into());
        }
        plane.copy_from_slice(&bytes);
        let reading = PatternReading { number: picture.number, clock_ms: (picture.at - picture.latency) as u64 };
        picture.psnr = Some(comparison.psnr(&frame, reading));
    }
    Ok(pictures)
}
