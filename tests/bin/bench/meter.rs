//! CPU time and memory of a tree of processes over some time.

use confab_testkit::cost::{self, Cost};
use std::collections::BTreeMap;
use std::time::Instant;

/// Parts that a profile names.
const NAMED: usize = 12;

/// A measurement that goes on.
pub struct CostMeter {
    begun: Instant,
    cost: Cost,
    threads: BTreeMap<String, f64>,
}

/// What the processes cost in the time measured.
#[derive(Debug)]
pub struct Spent {
    /// CPU time, user and system, in seconds per 10 s.
    pub cpu_seconds: f64,
    /// Proportional set size at the end, in MB.
    pub pss_mb: f64,
    threads: Vec<(String, f64)>,
    programs: Vec<(String, f64)>,
}

impl CostMeter {
    /// Begins to measure these processes.
    pub fn start(processes: &[u32]) -> Self {
        Self { begun: Instant::now(), cost: cost::measure(processes), threads: cost::threads(processes) }
    }

    /// Ends it; some of the processes may be new.
    pub fn stop(self, processes: &[u32]) -> Spent {
        let now = cost::measure(processes);
        let per_10s = 10.0 / self.begun.elapsed().as_secs_f64();
        let before = |name: &str| self.threads.get(name).copied().unwrap_or_default();
        let threads = cost::threads(processes).into_iter().map(|(name, seconds)| {
            let spent = (seconds - before(&name)) * per_10s;
            (name, spent)
        });
        Spent {
            cpu_seconds: (now.cpu_seconds - self.cost.cpu_seconds) * per_10s,
            pss_mb: now.pss_mb,
            threads: threads.collect(),
            programs: cost::programs(processes).into_iter().collect(),
        }
    }
}

impl Spent {
    /// CPU time of the threads of this name, in seconds per 10 s.
    pub fn thread(&self, name: &str) -> f64 {
        let end = format!("/{name}");
        self.threads.iter().filter(|(thread, _)| thread.ends_with(&end)).map(|(_, seconds)| seconds).sum()
    }

    /// Where the time goes: the threads that take the most.
    pub fn cpu_profile(&self) -> String {
        format!("CPU-s per 10 s: {}", most(&self.threads))
    }

    /// Where the memory goes.
    pub fn memory_profile(&self) -> String {
        format!("PSS in MB: {}", most(&self.programs))
    }
}

/// The largest first, and of the rest nothing.
fn most(parts: &[(String, f64)]) -> String {
    let mut parts: Vec<_> = parts.iter().filter(|(_, value)| *value >= 0.01).collect();
    parts.sort_by(|one, other| other.1.total_cmp(&one.1));
    parts.iter().take(NAMED).map(|(name, value)| format!("{name} {value:.2}")).collect::<Vec<_>>().join(", ")
}
