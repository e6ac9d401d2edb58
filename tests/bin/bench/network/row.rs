//! A line of the table.

use super::party::Kind;
use super::scene::{Change, Record, Scene};
use crate::percentile;
use confab_testkit::received::{Freezes, Received};
use serde_json::{Value, json};

/// Latency over that of the wide line up to which the queue counts as gone, in ms.
const SHORT_QUEUE: f64 = 150.0;
/// Share of the earlier bitrate that counts as full.
const FULL: f64 = 0.8;
const SECOND: f64 = 1_000.0;

/// How a call came over a change. In ms; infinite where it did not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Recovery {
    /// There was no change.
    Nothing,
    /// After a step.
    Step {
        /// From the narrowing until, for a second, no picture is more than 150 ms older than before.
        queue: f64,
        /// From the narrowing until, for a second, no packet waits more than 150 ms for the line itself.
        line: f64,
        /// From the widening until, for a second, the pictures have their size and 80 % of their bitrate again.
        quality: f64,
    },
    /// After a cut or a change of address: from the moment the network is there until the first picture.
    Back(f64),
}

impl std::fmt::Display for Recovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Step { queue, line, quality } => {
                write!(f, "queue {queue:.0} ms (of the line {line:.0}), quality {quality:.0} ms")
            }
            Self::Back(ms) => write!(f, "back in {ms:.0} ms"),
        }
    }
}

/// The figures of one scene between two parties.
pub struct Row {
    pub scene: &'static str,
    pub from: Kind,
    pub to: Kind,
    pub freezes: Freezes,
    pub longest_gap: f64,
    pub lost: u32,
    pub kbit: f64,
    pub size: (u32, u32),
    pub psnr: f64,
    pub latencies: Vec<f64>,
    pub recovery: Recovery,
    /// Seconds since the beginning, and dB.
    pub psnr_over_time: Vec<(f64, f64)>,
}

impl Row {
    /// Works out what `record` says.
    pub fn new(scene: &Scene, from: Kind, to: Kind, record: &Record) -> Self {
        let seen = record.received.within(record.begin, record.end);
        let measured = seen.pictures().iter().filter_map(|picture| Some((picture.at, picture.psnr?)));
        Self {
            scene: scene.name,
            from,
            to,
            freezes: seen.freezes(),
            longest_gap: seen.longest_gap().ms(),
            lost: seen.lost(),
            kbit: record.kbit(record.begin, record.end),
            size: seen.pictures().last().map_or((0, 0), |last| (last.width, last.height)),
            psnr: seen.psnr().unwrap_or(f64::NAN),
            latencies: seen.latencies(),
            recovery: recovery(scene.change, record),
            psnr_over_time: measured.map(|(at, psnr)| ((at - record.begin) / SECOND, psnr)).collect(),
        }
    }

    /// As a line of Markdown.
    pub fn line(&self) -> String {
        format!(
            "| {} | {:?} → {:?} | {} | {:.0} | {:.0} | {} | {:.0} | {}x{} | {:.1} | {:.0} | {:.0} | {} |",
            self.scene,
            self.from,
            self.to,
            self.freezes.count,
            self.freezes.longest_ms,
            self.longest_gap,
            self.lost,
            self.kbit,
            self.size.0,
            self.size.1,
            self.psnr,
            percentile(&self.latencies, 0.50),
            percentile(&self.latencies, 0.95),
            self.recovery,
        )
    }

    /// Latency that 95 of 100 pictures keep, in ms.
    pub fn p95(&self) -> f64 {
        percentile(&self.latencies, 0.95)
    }

    pub fn json(&self) -> Value {
        let recovery = match self.recovery {
            Recovery::Nothing => Value::Null,
            Recovery::Step { queue, line, quality } => {
                json!({ "queueMs": queue, "lineQueueMs": line, "fullQualityMs": quality })
            }
            Recovery::Back(ms) => json!({ "picturesBackMs": ms }),
        };
        json!({
            "profile": self.scene, "from": name(self.from), "to": name(self.to),
            "freezes": self.freezes.count, "longestFreezeMs": self.freezes.longest_ms,
            "totalFreezesMs": self.freezes.total_ms, "longestGapMs": self.longest_gap, "lostPictures": self.lost,
            "kbit": self.kbit, "width": self.size.0, "height": self.size.1, "psnrDb": self.psnr,
            "latencyMs": { "p50": percentile(&self.latencies, 0.50), "p95": self.p95() },
            "recovery": recovery, "psnrOverTime": self.psnr_over_time,
        })
    }
}

fn name(kind: Kind) -> String {
    format!("{kind:?}").to_lowercase()
}

fn recovery(change: Change, record: &Record) -> Recovery {
    match change {
        Change::Nothing => Recovery::Nothing,
        Change::Step => Recovery::Step {
            queue: until_fresh(record),
            line: until_short_queue(record),
            quality: until_full_quality(record),
        },
        Change::Cut | Change::Move => {
            // The longest silence is that of the change: pictures already on their way may come after it began.
            let gap = record.received.within(record.changed, record.end).longest_gap();
            Recovery::Back(if gap.to < record.end { (gap.to - record.back).max(0.0) } else { f64::INFINITY })
        }
    }
}

fn before(record: &Record) -> Received {
    record.received.within(record.begin, record.changed)
}

fn until_fresh(record: &Record) -> f64 {
    let limit = percentile(&before(record).latencies(), 0.50) + SHORT_QUEUE;
    let narrow = record.received.within(record.changed, record.back);
    // A queue takes a moment to build: what counts is when it is gone.
    let late = narrow.pictures().iter().find(|picture| picture.latency >= limit);
    let from = late.map_or(record.changed, |late| late.at);
    let settled = narrow.steadily(from, |picture| picture.latency < limit);
    match (late, settled) {
        (None, Some(_)) => 0.0,
        (Some(_), Some(at)) => at - record.changed,
        (_, None) => f64::INFINITY,
    }
}

fn until_short_queue(record: &Record) -> f64 {
    let narrow: Vec<_> = record.line.iter().filter(|look| (record.changed..record.back).contains(&look.at)).collect();
    let full = narrow.iter().position(|look| look.queue >= SHORT_QUEUE);
    let settled = |from: &usize| {
        let until = narrow[*from].at + SECOND;
        until <= record.back && narrow[*from..].iter().all(|look| look.at > until || look.queue < SHORT_QUEUE)
    };
    match full {
        None => 0.0,
        Some(full) => (full..narrow.len()).find(settled).map_or(f64::INFINITY, |at| narrow[at].at - record.changed),
    }
}

fn until_full_quality(record: &Record) -> f64 {
    let Some(width) = before(record).pictures().last().map(|last| last.width) else { return f64::INFINITY };
    let full = FULL * record.kbit(record.begin, record.changed);
    let wide = record.received.within(record.back, record.end);
    let good = |at: f64| record.kbit(at - SECOND, at) >= full;
    let settled = wide.steadily(record.back, |picture| picture.width >= width && good(picture.at));
    settled.map_or(f64::INFINITY, |at| at - record.back)
}
