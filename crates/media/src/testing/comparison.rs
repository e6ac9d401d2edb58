//! Picture quality: received test pictures compared with their source.

use crate::testing::pattern::{self, PatternReading};
use crate::video::i420::{I420Frame, ScaleScratch};

/// Draws the source of a received test picture again and compares. Keeps its buffers between pictures.
#[derive(Debug)]
pub struct PatternComparison {
    source: I420Frame,
    scaled: I420Frame,
    scratch: ScaleScratch,
}

impl PatternComparison {
    /// For pictures whose source was drawn at this size.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            source: I420Frame::new(width, height),
            scaled: I420Frame::new(width, height),
            scratch: ScaleScratch::default(),
        }
    }

    /// Peak signal-to-noise ratio in dB of the luma of `received`, which shows `reading`, against its source scaled to the
    /// size received. Infinite where nothing was lost.
    pub fn psnr(&mut self, received: &I420Frame, reading: PatternReading) -> f64 {
        pattern::draw(&mut self.source, reading.number, reading.clock_ms);
        self.scaled.resize(received.width(), received.height());
        self.source.scale_into(&mut self.scaled, &mut self.scratch);
        self.scaled.psnr(received).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: PatternReading = PatternReading { number: 77, clock_ms: 1_790_000_000_123 };

    fn drawn(number: u32) -> I420Frame {
        let mut frame = I420Frame::new(640, 360);
        pattern::draw(&mut frame, number, READING.clock_ms);
        frame
    }

    #[test]
    fn the_source_itself_has_no_noise_at_any_size() {
        let mut comparison = PatternComparison::new(640, 360);
        let source = drawn(READING.number);
        assert_eq!(comparison.psnr(&source, READING), f64::INFINITY);
        let mut half = I420Frame::new(320, 180);
        source.scale_into(&mut half, &mut ScaleScratch::default());
        assert_eq!(comparison.psnr(&half, READING), f64::INFINITY);
    }

    #[test]
    fn noise_is_measured_in_decibels() {
        let mut noisy = drawn(READING.number);
        // Each sample off by 16: 10 log10(255² / 16²) dB.
        for sample in &mut noisy.planes_mut()[0][..] {
            *sample = if *sample < 128 { *sample + 16 } else { *sample - 16 };
        }
        let psnr = PatternComparison::new(640, 360).psnr(&noisy, READING);
        assert!((psnr - 24.05).abs() < 0.01, "{psnr}");
    }

    #[test]
    fn another_frame_is_another_picture() {
        let psnr = PatternComparison::new(640, 360).psnr(&drawn(READING.number + 10), READING);
        assert!(psnr < 30.0, "{psnr}");
    }
}
