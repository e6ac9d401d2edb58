//! How large to encode: as large as the source, the configuration and the demand allow.
//!
//! Which layers the bitrates allow is not decided here, but where layers are chosen for each peer.

use crate::video::types::VideoConfig;
use confab_wire::media::VideoDemand;

/// Size of the full layer for a picture of `source` pixels.
pub fn full_size(source: (u32, u32), config: VideoConfig, demand: &VideoDemand) -> (u32, u32) {
    divide(fit(source, (config.width, config.height)), demand.scale_resolution_down_by)
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

/// Each side divided by `by`, rounded to even numbers for I420.
fn divide((width, height): (u32, u32), by: f64) -> (u32, u32) {
    // Not over 1, or not a number: the value is unchecked.
    if by.partial_cmp(&1.0) != Some(std::cmp::Ordering::Greater) {
        return (width, height);
    }
    let side = |value: u32| ((f64::from(value) / by / 2.0).round() as u32 * 2).max(2);
    (side(width), side(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_source_is_scaled_to_fit_and_a_smaller_one_kept() {
        assert_eq!(fit((1920, 1080), (1280, 720)), (1280, 720));
        assert_eq!(fit((640, 480), (1280, 720)), (640, 480));
        assert_eq!(fit((720, 1280), (1280, 720)), (406, 720));
        assert_eq!(fit((161, 91), (1280, 720)), (161, 91));
        assert_eq!(fit((4096, 2), (1280, 720)), (1280, 2));
    }

    #[test]
    fn the_demand_divides_both_sides() {
        let by = |scale| VideoDemand { scale_resolution_down_by: scale, ..VideoDemand::full() };
        let size = |source, scale| full_size(source, VideoConfig::default(), &by(scale));
        assert_eq!(size((1280, 720), 2.0), (640, 360));
        assert_eq!(size((1920, 1080), 1.5), (854, 480));
        assert_eq!(size((64, 48), 1000.0), (2, 2));
        assert_eq!(size((640, 360), f64::NAN), (640, 360));
    }
}
