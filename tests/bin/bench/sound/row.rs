//! A line of the table.

use super::NO_GAP;
use crate::Kind;
use confab_testkit::score::{HeardSecond, quantile};
use serde_json::{Value, json};

/// What was heard of one program over one network.
pub struct Row {
    pub network: &'static str,
    pub kind: Kind,
    pub seconds: Vec<HeardSecond>,
}

impl Row {
    /// From the microphone to the speaker, in ms, that this share of the seconds keeps.
    pub fn delay(&self, share: f32) -> f64 {
        self.quantile(share, |second| second.delay)
    }

    /// Share of the seconds with a gap of more than `ms`.
    pub fn gaps(&self, ms: f32) -> f64 {
        let count = self.seconds.iter().filter(|second| second.gap > ms).count();
        count as f64 / self.seconds.len().max(1) as f64
    }

    fn quantile(&self, share: f32, of: impl Fn(&HeardSecond) -> f32) -> f64 {
        quantile(self.seconds.iter().map(of), share).into()
    }

    /// As a line of Markdown.
    pub fn line(&self) -> String {
        format!(
            "| {} | {:?} | {:.0} | {:.0} | {:.1} % of {} | {:.0} | {:+.1} | {:.2} |",
            self.network,
            self.kind,
            self.delay(0.5),
            self.delay(0.95),
            self.gaps(NO_GAP) * 100.0,
            self.seconds.len(),
            self.quantile(1.0, |second| second.gap),
            self.quantile(0.5, |second| second.level),
            self.quantile(0.5, |second| second.likeness),
        )
    }

    pub fn json(&self) -> Value {
        json!({
            "network": self.network, "program": format!("{:?}", self.kind).to_lowercase(), "seconds": self.seconds.len(),
            "mouthToEarMs": { "p50": self.delay(0.5), "p95": self.delay(0.95) },
            "gapsOver60Ms": self.gaps(NO_GAP), "longestGapMs": self.quantile(1.0, |second| second.gap),
            "levelDb": { "p5": self.quantile(0.05, |second| second.level), "p50": self.quantile(0.5, |second| second.level),
                "p95": self.quantile(0.95, |second| second.level) },
            "likeness": self.quantile(0.5, |second| second.likeness),
        })
    }
}
