//! How large to encode: as large as the source and the configuration allow and the bitrate can fill.

use std::time::{Duration, Instant};

use crate::video::VideoConfig;
use confab_protocol::media::VideoDemand;

/// Under this many bits per pixel a smaller picture looks better (720p30: 500 kbit/s).
const TOO_FEW_BITS: f64 = 0.018;
/// Over this many bits per pixel of the larger size it is worth it again.
const ENOUGH_BITS: f64 = 0.027;
/// How long the bitrate has to stay low or high: every change costs a key frame.
const HOLD_DOWN: Duration = Duration::from_secs(2);
const HOLD_UP: Duration = Duration::from_secs(6);
/// Deepest step: a quarter of each side.
const MAX_SHIFT: u32 = 2;
/// Smallest picture, in pixels of its shorter side.
const MIN_SIDE: u32 = 90;

/// Chooses the size of the encoded picture.
#[derive(Debug)]
pub struct SizePolicy {
    config: VideoConfig,
    shift: u32,
    since: Option<(bool, Instant)>,
    fresh: bool,
}

impl SizePolicy {
    /// A policy that may decide at once for its first picture.
    pub fn new(config: VideoConfig) -> Self {
        Self { config, shift: 0, since: None, fresh: true }
    }

    /// Size for a picture of `source` pixels at `bitrate` bit/s, for what the demand says of size and frame rate.
    pub fn size(&mut self, source: (u32, u32), bitrate: u32, demand: &VideoDemand, now: Instant) -> (u32, u32) {
        let full = divide(fit(source, (self.config.width, self.config.height)), demand.scale_resolution_down_by);
        if demand.keeps_resolution() {
            // Few bits then cost frames, which the rate control drops.
            (self.shift, self.since) = (0, None);
            return full;
        }
        let fps = f64::from(self.config.fps.max(1));
        let fps = demand.max_framerate.map_or(fps, |most| fps.min(most));
        let density = |(width, height): (u32, u32)| f64::from(bitrate) / (f64::from(width) * f64::from(height) * fps);
        let lower = |shift: u32| {
            let (width, height) = shrink(full, shift);
            shift < MAX_SHIFT && width.min(height) / 2 >= MIN_SIDE && density((width, height)) < TOO_FEW_BITS
        };
        if std::mem::take(&mut self.fresh) {
            while lower(self.shift) {
                self.shift += 1;
            }
        }
        let down = lower(self.shift);
        let up = self.shift > 0 && density(shrink(full, self.shift - 1)) > ENOUGH_BITS;
        match self.since {
            _ if !down && !up => self.since = None,
            Some((direction, since)) if direction == down => {
                if now.saturating_duration_since(since) >= if down { HOLD_DOWN } else { HOLD_UP } {
                    self.shift = if down { self.shift + 1 } else { self.shift - 1 };
                    self.since = None;
                }
            }
            _ => self.since = Some((down, now)),
        }
        shrink(full, self.shift)
    }
}

/// The largest even size within `bounds` that keeps the shape; the size itself if it fits.
fn fit((width, height): (u32, u32), bounds: (u32, u32)) -> (u32, u32) {
    let (bound_width, bound_height) = (bounds.0.max(2), bounds.1.max(2));
    if width <= bound_width && height <= bound_height {
        return (width, height);
    }
    let scale = (f64::from(bound_width) / f64::from(width)).min(f64::from(bound_height) / f64::from(height));
    let side = |value: u32, bound: u32| ((f64::from(value) * scale / 2.0).round() as u32 * 2).clamp(2, bound);
    (side(width, bound_width), side(height, bound_height))
}

/// Each side divided by `by`, even as I420 likes it.
fn divide((width, height): (u32, u32), by: f64) -> (u32, u32) {
    // Not over 1, or not a number: nobody checked it.
    if by.partial_cmp(&1.0) != Some(std::cmp::Ordering::Greater) {
        return (width, height);
    }
    let side = |value: u32| ((f64::from(value) / by / 2.0).round() as u32 * 2).max(2);
    (side(width), side(height))
}

fn shrink((width, height): (u32, u32), shift: u32) -> (u32, u32) {
    if shift == 0 { (width, height) } else { ((width >> shift).max(2) & !1, (height >> shift).max(2) & !1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_protocol::media::{ContentHint, DegradationPreference};

    fn any() -> VideoDemand {
        VideoDemand::default()
    }

    #[test]
    fn a_larger_source_is_scaled_to_fit_and_a_smaller_one_kept() {
        assert_eq!(fit((1920, 1080), (1280, 720)), (1280, 720));
        assert_eq!(fit((640, 480), (1280, 720)), (640, 480));
        assert_eq!(fit((720, 1280), (1280, 720)), (406, 720));
        assert_eq!(fit((161, 91), (1280, 720)), (161, 91));
        assert_eq!(fit((4096, 2), (1280, 720)), (1280, 2));
    }

    #[test]
    fn a_low_bitrate_halves_the_picture_only_when_it_stays() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut policy = SizePolicy::new(VideoConfig::default());
        let source = (1280, 720);
        assert_eq!(policy.size(source, 1_500_000, &any(), at(0)), (1280, 720));
        assert_eq!(policy.size(source, 300_000, &any(), at(100)), (1280, 720));
        assert_eq!(policy.size(source, 1_500_000, &any(), at(1000)), (1280, 720), "a dip changes nothing");
        assert_eq!(policy.size(source, 300_000, &any(), at(2000)), (1280, 720));
        assert_eq!(policy.size(source, 300_000, &any(), at(4000)), (640, 360));
        assert_eq!(policy.size(source, 600_000, &any(), at(20_000)), (640, 360), "between the two marks it stays");
        assert_eq!(policy.size(source, 1_500_000, &any(), at(21_000)), (640, 360));
        assert_eq!(policy.size(source, 1_500_000, &any(), at(28_000)), (1280, 720));
    }

    #[test]
    fn a_capture_that_starts_low_starts_small_but_never_tiny() {
        let mut policy = SizePolicy::new(VideoConfig::default());
        assert_eq!(policy.size((1280, 720), 60_000, &any(), Instant::now()), (320, 180));
        let mut policy = SizePolicy::new(VideoConfig { width: 320, height: 180, fps: 30, bitrate: 150_000 });
        assert_eq!(policy.size((320, 180), 150_000, &any(), Instant::now()), (320, 180));
        let mut policy = SizePolicy::new(VideoConfig::default());
        assert_eq!(policy.size((160, 90), 50_000, &any(), Instant::now()), (160, 90));
    }

    #[test]
    fn the_demand_divides_both_sides() {
        let by = |scale| VideoDemand { scale_resolution_down_by: scale, ..any() };
        let size =
            |source, scale| SizePolicy::new(VideoConfig::default()).size(source, 1_500_000, &by(scale), Instant::now());
        assert_eq!(size((1280, 720), 2.0), (640, 360));
        assert_eq!(size((1920, 1080), 1.5), (854, 480));
        assert_eq!(size((64, 48), 1000.0), (2, 2));
        assert_eq!(size((640, 360), f64::NAN), (640, 360));
    }

    #[test]
    fn a_picture_that_keeps_its_resolution_is_never_halved() {
        let start = Instant::now();
        let text = VideoDemand { content_hint: ContentHint::Text, ..any() };
        let mut policy = SizePolicy::new(VideoConfig::default());
        for second in 0..20 {
            let now = start + Duration::from_secs(second);
            assert_eq!(policy.size((1280, 720), 100_000, &text, now), (1280, 720));
        }
        let smooth = VideoDemand { degradation_preference: DegradationPreference::MaintainFramerate, ..text };
        assert_eq!(policy.size((1280, 720), 100_000, &smooth, start + Duration::from_secs(20)), (320, 180));
    }

    #[test]
    fn fewer_frames_leave_bits_for_a_larger_picture() {
        let rare = VideoDemand { max_framerate: Some(5.0), ..any() };
        let mut policy = SizePolicy::new(VideoConfig::default());
        assert_eq!(policy.size((1280, 720), 300_000, &rare, Instant::now()), (1280, 720));
    }
}
