//! Packet loss on the way to a receiver, smoothed over its RTCP receiver reports.

/// How far a report that is worse moves the estimate: redundancy that comes late mends nothing.
const RISE: f32 = 0.5;
/// How far one that is better does: losses come in bursts, with good seconds between them.
const FALL: f32 = 0.3;
/// Share under which nothing is made of it.
const NEGLIGIBLE: f32 = 0.005;

/// A smoothed share of lost packets, 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct LossEstimate(f32);

impl LossEstimate {
    /// Takes the fraction lost of a report, in 1/256 (RFC 3550 section 6.4.1).
    pub fn report(&mut self, fraction: u8) {
        let now = f32::from(fraction) / 256.0;
        self.0 += (now - self.0) * if now > self.0 { RISE } else { FALL };
        if self.0 < NEGLIGIBLE {
            self.0 = 0.0;
        }
    }

    /// In percent, rounded up: any loss that counts is at least one.
    pub fn percent(self) -> u8 {
        (self.0 * 100.0).ceil() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_believed_soon_and_forgotten_slowly() {
        let mut loss = LossEstimate::default();
        assert_eq!(loss.percent(), 0);
        for _ in 0..4 {
            loss.report(26);
        }
        assert!((9..=11).contains(&loss.percent()), "{loss:?}");
        loss.report(0);
        assert!(loss.percent() > 5, "one good report is no good line: {loss:?}");
        for _ in 0..12 {
            loss.report(0);
        }
        assert_eq!(loss.percent(), 0);
        loss.report(2);
        assert_eq!(loss.percent(), 0, "one packet in a hundred now and then is not worth the bits");
        for _ in 0..100 {
            loss.report(255);
        }
        assert_eq!(loss.percent(), 100);
    }
}
