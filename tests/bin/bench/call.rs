//! What a call costs, ours and Chromium in one run on one machine, and what is seen of it. The clip is 720p30 at 1.5 Mbit/s.

mod crowd;
mod participant;
mod sender;
mod times;

use crate::Outcome;
use confab_media::{I420Frame, Y4mWriter, pattern};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const PEERS: [usize; 4] = [1, 3, 5, 7];
const SIZE: (u32, u32) = (1280, 720);
const FPS: u32 = 30;
const BITRATE: u32 = 1_500_000;
/// Encoders and estimators settle in this time before anything is measured.
const WARM_UP: Duration = Duration::from_secs(8);
const MEASURED: Duration = Duration::from_secs(10);
/// A frame rate that counts as [`FPS`]: a measurement may miss a picture at each end, and a clip one at its seam.
const FULL_RATE: f64 = 29.0;

/// Of what one peer gets of another, the worst of all.
#[derive(Debug, Clone, Copy)]
struct Picture {
    fps: f64,
    size: (u64, u64),
}

impl Picture {
    fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        let best = Self { fps: f64::INFINITY, size: (u64::MAX, u64::MAX) };
        all.into_iter().fold(best, |worst, next| Self {
            fps: worst.fps.min(next.fps),
            size: (worst.size.0.min(next.size.0), worst.size.1.min(next.size.1)),
        })
    }

    fn json(self) -> Value {
        json!({ "fps": self.fps, "width": self.size.0, "height": self.size.1 })
    }

    /// As two cells of a table.
    fn cells(self) -> String {
        format!("{:.1} | {}x{}", self.fps, self.size.0, self.size.1)
    }
}

/// Prints tables; returns the figures.
pub async fn run() -> Outcome<Value> {
    let dir = tempfile::tempdir()?;
    let clip = dir.path().join("clip.y4m");
    write_clip(&clip)?;
    let sender = sender::run(&clip).await?;
    let participant = participant::run(&clip).await?;
    let times = times::run().await?;
    Ok(json!({ "sender": sender, "participant": participant, "times": times }))
}

/// Three seconds with motion and detail.
fn write_clip(path: &Path) -> Outcome {
    let mut writer = Y4mWriter::create(path, SIZE.0, SIZE.1, FPS)?;
    let mut frame = I420Frame::new(SIZE.0, SIZE.1);
    for number in 0..3 * FPS {
        pattern::draw(&mut frame, number, u64::from(number) * 1000 / u64::from(FPS));
        writer.write(&frame)?;
    }
    writer.finish()?;
    Ok(())
}
