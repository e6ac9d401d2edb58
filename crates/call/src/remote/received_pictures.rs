//! Statistics of the decoded pictures of one track, kept until somebody asks.

use confab_media::{I420Frame, PatternComparison, pattern};
use serde::Serialize;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Latencies and pictures kept until somebody asks; later ones are not noted.
const KEPT: usize = 4096;
/// Time between two pictures that are compared with their source: often enough to see a change, too seldom to cost.
const COMPARE_EVERY: Duration = Duration::from_millis(500);
/// Latencies beyond this are of clocks that have nothing to do with each other, in ms.
const BELIEVED: f64 = 60_000.0;

/// One decoded picture with a test pattern.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReceivedPicture {
    /// When it was decoded, in ms since 1970.
    pub at: f64,
    /// Its frame number.
    pub number: u32,
    /// Capture-to-decode latency in ms, by the clock drawn into it.
    pub latency: f64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Peak signal-to-noise ratio of its luma against its source, in dB; of two pictures a second.
    pub psnr: Option<f64>,
}

/// What was decoded since the last reading.
#[derive(Debug, Default)]
pub struct ReceivedPictures {
    pub first_decoded: Option<Instant>,
    pub pattern: Option<u32>,
    pub latencies_ms: Vec<f32>,
    pub pictures: Vec<ReceivedPicture>,
    comparison: Option<(PatternComparison, Option<Instant>)>,
}

impl ReceivedPictures {
    /// Notes each picture, and compares some with their source of this size, if one is given.
    pub fn new(compare: Option<(u32, u32)>) -> Self {
        let comparison = compare.map(|(width, height)| (PatternComparison::new(width, height), None));
        Self { comparison, ..Self::default() }
    }

    /// Takes a picture that was decoded just now.
    pub fn add(&mut self, picture: &I420Frame) {
        let (now, at) = (Instant::now(), unix_ms());
        self.first_decoded.get_or_insert(now);
        let reading = pattern::read(picture);
        self.pattern = reading.map(|reading| reading.number);
        let Some(reading) = reading else { return };
        let latency = at - reading.clock_ms as f64;
        if latency.abs() >= BELIEVED || self.latencies_ms.len() >= KEPT {
            return;
        }
        self.latencies_ms.push(latency as f32);
        if let Some((comparison, last)) = &mut self.comparison {
            let due = last.is_none_or(|last| now.duration_since(last) >= COMPARE_EVERY);
            let psnr = due.then(|| comparison.psnr(picture, reading));
            if due {
                *last = Some(now);
            }
            let (width, height) = (picture.width(), picture.height());
            self.pictures.push(ReceivedPicture { at, number: reading.number, latency, width, height, psnr });
        }
    }
}

fn unix_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: u32, age_ms: u64) -> I420Frame {
        let mut frame = I420Frame::new(320, 180);
        pattern::draw(&mut frame, number, unix_ms() as u64 - age_ms);
        frame
    }

    #[test]
    fn a_comparison_notes_every_picture_and_measures_some() {
        let mut received = ReceivedPictures::new(Some((320, 180)));
        for number in 5..8 {
            received.add(&shown(number, 40));
        }
        assert_eq!(received.pictures.iter().map(|picture| picture.number).collect::<Vec<_>>(), [5, 6, 7]);
        let first = received.pictures[0];
        assert_eq!((first.width, first.height, first.psnr), (320, 180, Some(f64::INFINITY)));
        assert!((40.0..1_000.0).contains(&first.latency), "{first:?}");
        assert_eq!(received.latencies_ms.len(), 3);
    }

    #[test]
    fn without_one_only_latencies_are_noted() {
        let mut received = ReceivedPictures::new(None);
        received.add(&shown(5, 40));
        assert_eq!((received.pattern, received.latencies_ms.len(), received.pictures.len()), (Some(5), 1, 0));
        received.add(&I420Frame::new(320, 180));
        assert_eq!((received.pattern, received.latencies_ms.len()), (None, 1), "a picture without a code");
        received.add(&shown(6, 120_000));
        assert_eq!((received.pattern, received.latencies_ms.len()), (Some(6), 1), "a clock of its own");
    }
}
