//! What a receiver saw of a test pattern: times without a new picture, lost pictures, latency and quality.
//!
//! Every receiver, ours or a page, only tells when it got which picture. What follows from that is worked out here, the same
//! way for all.

use serde::Deserialize;
use serde_json::Value;

/// A second, in the unit of the times here.
const SECOND: f64 = 1_000.0;
/// Pictures over whose spacing the mean is taken (`freezeCount` of W3C webrtc-stats).
const AVERAGED: usize = 30;
/// How much longer than the mean a freeze is at least, in ms (`freezeCount` of W3C webrtc-stats).
const LONGER: f64 = 150.0;

/// A picture that was received.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Picture {
    /// When, in ms since 1970.
    pub at: f64,
    /// Its frame number.
    pub number: u32,
    /// Its age, in ms.
    pub latency: f64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Peak signal-to-noise ratio against its source in dB, where it was compared.
    pub psnr: Option<f64>,
}

/// A time without a new picture, in ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// The picture before it.
    pub from: f64,
    /// The picture after it, or the end of what was looked at.
    pub to: f64,
}

impl Gap {
    /// How long it was, in ms.
    pub fn ms(&self) -> f64 {
        self.to - self.from
    }
}

/// Freezes as W3C webrtc-stats counts them in `freezeCount` and `totalFreezesDuration`: a picture that comes later than three
/// times the mean of the last 30 spacings, and later than that mean and 150 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Freezes {
    /// How many.
    pub count: usize,
    /// How long together, in ms.
    pub total_ms: f64,
    /// How long the longest, in ms.
    pub longest_ms: f64,
}

/// Pictures with new numbers in the order in which they came, within a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Received {
    pictures: Vec<Picture>,
    from: f64,
    to: f64,
}

impl Received {
    /// Those of `pictures` that were new when they came.
    pub fn new(pictures: impl IntoIterator<Item = Picture>) -> Self {
        let mut newer: Vec<Picture> = Vec::new();
        for picture in pictures {
            if newer.last().is_none_or(|last| picture.number > last.number) {
                newer.push(picture);
            }
        }
        let (from, to) = (newer.first().map_or(0.0, |first| first.at), newer.last().map_or(0.0, |last| last.at));
        Self { pictures: newer, from, to }
    }

    /// What the statistics among the `events` of a `confab-peer --compare` tell of everybody.
    ///
    /// # Errors
    /// If a picture in them is told otherwise than this knows.
    pub fn told(events: &[Value]) -> Result<Self, serde_json::Error> {
        let peers = events.iter().filter_map(|event| event["peers"].as_array()).flatten();
        let pictures = peers.filter_map(|peer| peer["pictures"].as_array()).flatten();
        pictures.map(Picture::deserialize).collect::<Result<Vec<_>, _>>().map(Self::new)
    }

    /// What came from `from` until `to`, in ms since 1970.
    pub fn within(&self, from: f64, to: f64) -> Self {
        let pictures = self.pictures.iter().filter(|picture| (from..=to).contains(&picture.at)).copied().collect();
        Self { pictures, from, to }
    }

    /// The pictures.
    pub fn pictures(&self) -> &[Picture] {
        &self.pictures
    }

    /// Times without a new picture, those at both ends included.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> {
        let times = || self.pictures.iter().map(|picture| picture.at);
        let starts = std::iter::once(self.from).chain(times());
        starts.zip(times().chain([self.to])).map(|(from, to)| Gap { from, to })
    }

    /// The longest time without a new picture.
    pub fn longest_gap(&self) -> Gap {
        self.gaps().max_by(|a, b| a.ms().total_cmp(&b.ms())).unwrap_or(Gap { from: self.from, to: self.to })
    }

    /// Freezes among the gaps.
    pub fn freezes(&self) -> Freezes {
        let spacings: Vec<f64> = self.gaps().map(|gap| gap.ms()).collect();
        let mut freezes = Freezes::default();
        for (index, spacing) in spacings.iter().enumerate() {
            let before = &spacings[index.saturating_sub(AVERAGED)..index];
            if before.is_empty() {
                continue;
            }
            let mean = before.iter().sum::<f64>() / before.len() as f64;
            if *spacing >= (3.0 * mean).max(mean + LONGER) {
                freezes.count += 1;
                freezes.total_ms += spacing;
                freezes.longest_ms = freezes.longest_ms.max(*spacing);
            }
        }
        freezes
    }

    /// Pictures of the source between the first and the last that never came.
    pub fn lost(&self) -> u32 {
        let (Some(first), Some(last)) = (self.pictures.first(), self.pictures.last()) else { return 0 };
        last.number - first.number + 1 - self.pictures.len() as u32
    }

    /// Latencies in ms, sorted.
    pub fn latencies(&self) -> Vec<f64> {
        let mut latencies: Vec<f64> = self.pictures.iter().map(|picture| picture.latency).collect();
        latencies.sort_by(f64::total_cmp);
        latencies
    }

    /// Mean of the signal-to-noise ratios that were measured, in dB.
    pub fn psnr(&self) -> Option<f64> {
        let measured: Vec<f64> = self.pictures.iter().filter_map(|picture| picture.psnr).collect();
        (!measured.is_empty()).then(|| measured.iter().sum::<f64>() / measured.len() as f64)
    }

    /// The first moment at or after `from` from which on, for a second, pictures come and all are as `good` says.
    pub fn steadily(&self, from: f64, good: impl Fn(&Picture) -> bool) -> Option<f64> {
        let later = self.pictures.partition_point(|picture| picture.at < from);
        self.pictures[later..].iter().enumerate().find_map(|(index, first)| {
            let second = self.pictures[later + index..].iter().take_while(|picture| picture.at <= first.at + SECOND);
            let complete = first.at + SECOND <= self.to;
            (complete && second.clone().count() > 1 && second.clone().all(&good)).then_some(first.at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn picture(at: f64, number: u32) -> Picture {
        Picture { at, number, latency: 40.0, width: 640, height: 360, psnr: None }
    }

    /// 30 pictures a second from second 0 on, without those that `missing` names.
    fn steady(count: u32, missing: impl Fn(u32) -> bool) -> Received {
        let pictures = (0..count).filter(|number| !missing(*number));
        Received::new(pictures.map(|number| picture(f64::from(number) * 1_000.0 / 30.0, number)))
    }

    #[test]
    fn a_steady_stream_has_no_freeze_and_lost_nothing() {
        let received = steady(300, |_| false);
        assert_eq!(received.freezes(), Freezes::default());
        assert_eq!(received.lost(), 0);
        assert!(received.longest_gap().ms() < 34.0);
        // A third of a second's pictures at an even spacing is a low rate, not a freeze.
        assert_eq!(steady(300, |number| number % 3 != 0).freezes().count, 0);
    }

    #[test]
    fn a_hole_is_one_freeze_and_its_pictures_are_lost() {
        let received = steady(300, |number| (100..110).contains(&number));
        let freezes = received.freezes();
        assert_eq!((freezes.count, received.lost()), (1, 10));
        assert!((freezes.longest_ms - 11_000.0 / 30.0).abs() < 1.0, "{freezes:?}");
        assert_eq!(freezes.total_ms, freezes.longest_ms);
        let gap = received.longest_gap();
        assert!((gap.from - 3_300.0).abs() < 1.0 && (gap.to - 3_666.0).abs() < 1.0, "{gap:?}");
    }

    #[test]
    fn events_without_pictures_tell_nothing() {
        let told = json!({ "at": 5.5, "number": 3, "latency": 40.0, "width": 640, "height": 360, "psnr": null });
        let events = [
            json!({ "event": "chat", "text": "hello" }),
            json!({ "event": "stats", "peers": [{ "id": "ben" }] }),
            json!({ "event": "stats", "peers": [{ "id": "ben", "pictures": [told] }] }),
        ];
        assert_eq!(Received::told(&events).unwrap().pictures(), [picture(5.5, 3)]);
        assert!(Received::told(&[json!({ "peers": [{ "pictures": [{ "at": "noon" }] }] })]).is_err());
    }

    #[test]
    fn what_comes_again_or_late_is_not_new() {
        let received = Received::new([picture(0.0, 1), picture(10.0, 1), picture(20.0, 3), picture(30.0, 2)]);
        assert_eq!(received.pictures().len(), 2);
        assert_eq!(received.lost(), 1);
    }

    #[test]
    fn silence_at_the_end_of_what_is_looked_at_is_a_gap() {
        let received = steady(90, |_| false).within(1_000.0, 8_000.0);
        let gap = received.longest_gap();
        assert!((gap.ms() - 5_033.0).abs() < 35.0, "{gap:?}");
        assert_eq!(received.freezes().count, 1);
        assert_eq!(Received::default().within(0.0, 500.0).longest_gap().ms(), 500.0);
    }

    #[test]
    fn a_state_counts_once_it_lasts_a_second() {
        let late = |picture: Picture| Picture { latency: 400.0, ..picture };
        let all = steady(150, |_| false);
        let rough = |number: u32| number < 30 || number == 45;
        let received = Received::new(
            all.pictures().iter().map(|picture| if rough(picture.number) { late(*picture) } else { *picture }),
        );
        let settled = received.steadily(0.0, |picture| picture.latency < 150.0).unwrap();
        assert!((settled - 46.0 * 1_000.0 / 30.0).abs() < 1.0, "{settled}");
        assert_eq!(received.steadily(0.0, |picture| picture.latency < 10.0), None);
        // Its last second is not complete.
        assert_eq!(received.steadily(4_500.0, |picture| picture.latency < 150.0), None);
    }

    #[test]
    fn qualities_are_averaged_where_they_were_measured() {
        let pictures = [Some(30.0), None, Some(40.0)].into_iter().enumerate();
        let received = Received::new(
            pictures.map(|(number, psnr)| Picture { psnr, ..picture(number as f64 * 33.0, number as u32) }),
        );
        assert_eq!(received.psnr(), Some(35.0));
        assert_eq!(received.latencies(), [40.0; 3]);
    }
}
