//! A limiter: keeps a sum of sounds under full scale.

use crate::format::BLOCK;

/// Loudest sample that leaves the mix.
const CEILING: f32 = 0.95;
/// Release: blocks in which the limiter opens by half, 200 ms.
const RELEASE: f32 = 0.966;
/// Attack in samples: 2.5 ms, audible as neither click nor pumping.
const ATTACK: usize = BLOCK / 4;

/// Keeps what is loud together under full scale: the gain follows the peak of each block, and what slips through while it
/// closes is clipped softly.
#[derive(Debug)]
pub(crate) struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    /// Limits a block, which follows the last one.
    pub(crate) fn apply(&mut self, block: &mut [f32; BLOCK]) {
        let peak = block.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
        let allowed = if peak > CEILING { CEILING / peak } else { 1.0 };
        let before = self.gain;
        self.gain = if allowed < before { allowed } else { allowed.min(1.0 - (1.0 - before) * RELEASE) };
        if before == 1.0 && self.gain == 1.0 {
            return;
        }
        for (i, sample) in block.iter_mut().enumerate() {
            let way = (i as f32 / ATTACK as f32).min(1.0);
            *sample = soft_clip(*sample * (before + (self.gain - before) * way));
        }
    }
}

/// Leaves what is under the ceiling alone and bends the rest towards 1.
fn soft_clip(sample: f32) -> f32 {
    let over = sample.abs() - CEILING;
    if over <= 0.0 { sample } else { sample.signum() * (CEILING + (1.0 - CEILING) * (over / (over + 0.1))) }
}
