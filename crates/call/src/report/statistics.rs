//! Statistics of the connections, collected beside the call: a peer that does not answer holds up nothing but its own numbers.

use confab_ipc::PeerStats;
use confab_rtcio::PeerReport;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often statistics are reported.
pub const STATISTICS_INTERVAL: Duration = Duration::from_secs(1);
/// Numbers that are older say nothing any more.
const OUTDATED: Duration = Duration::from_secs(15);
/// A collection that takes longer is given up.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// Collects the reports of all peers; it may take as long as it likes.
pub type Collect = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<PeerReport>> + Send>> + Send + Sync>;

/// The newest reports, and the collection of the next ones.
pub struct Statistics {
    collect: Collect,
    /// At most one at a time.
    collecting: JoinSet<Vec<PeerReport>>,
    begun: Instant,
    newest: Vec<(Instant, PeerReport)>,
}

impl Statistics {
    /// Nothing is known yet.
    pub fn new(collect: Collect) -> Self {
        Self { collect, collecting: JoinSet::new(), begun: Instant::now(), newest: Vec::new() }
    }

    /// Begins to collect, unless that is under way.
    pub fn collect(&mut self) {
        let now = Instant::now();
        if !self.collecting.is_empty() {
            if now - self.begun < GIVEN_UP {
                return;
            }
            self.collecting.abort_all();
            self.collecting = JoinSet::new();
        }
        self.begun = now;
        self.collecting.spawn((self.collect)());
    }

    /// Waits for reports; pending while none are collected. Safe to drop before it is done.
    pub async fn collected(&mut self) -> Vec<PeerReport> {
        match self.collecting.join_next().await {
            Some(Ok(reports)) => reports,
            Some(Err(error)) => {
                tracing::error!(%error, "statistics were not collected");
                Vec::new()
            }
            None => std::future::pending().await,
        }
    }

    /// Keeps what was collected. A peer without a report keeps its last one for a while.
    pub fn keep(&mut self, reports: Vec<PeerReport>) {
        let now = Instant::now();
        self.newest.retain(|(at, old)| now - *at < OUTDATED && reports.iter().all(|report| report.id != old.id));
        self.newest.extend(reports.into_iter().map(|report| (now, report)));
    }

    /// Puts what is known of the connection to a peer into its numbers.
    pub fn describe(&self, stats: &mut PeerStats) {
        let now = Instant::now();
        let known = self.newest.iter().find(|(at, report)| report.id == stats.id && now - *at < OUTDATED);
        let Some((_, report)) = known else { return };
        stats.rtt_ms = report.rtt_ms;
        stats.connection.clone_from(&report.path);
        let expected = report.packets_received + report.packets_lost;
        stats.loss = if expected == 0 { 0.0 } else { report.packets_lost as f32 / expected as f32 };
    }
}
