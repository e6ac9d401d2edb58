//! Writes settings in a task of its own: callers go on at once, and wait for the disk only to know the outcome.
//! While a write hangs, one set of settings waits, the newest; a disk that comes back gets that one.

use confab_ipc::{ErrorCode, Settings, UserError};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How long a save may take before it counts as failed. The write goes on.
const SAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Writes settings; blocks for as long as the disk takes.
pub type Write = Arc<dyn Fn(&Settings) -> io::Result<()> + Send + Sync>;

/// The writing side of a store.
#[derive(Debug)]
pub struct Writer {
    /// Settings are numbered as they come.
    wanted: watch::Sender<(u64, Settings)>,
    written: watch::Receiver<Written>,
}

/// The last write that ended.
#[derive(Debug, Clone, Default)]
struct Written {
    number: u64,
    error: Option<String>,
}

/// Settings on their way to the disk.
#[derive(Debug)]
pub struct Save {
    number: u64,
    written: watch::Receiver<Written>,
    deadline: Instant,
}

impl Writer {
    /// Starts the task, which ends with this value. Needs a Tokio runtime.
    pub fn start(write: Write) -> Self {
        let (wanted, settings) = watch::channel((0, Settings::default()));
        let (result, written) = watch::channel(Written::default());
        tokio::spawn(run(write, settings, result));
        Self { wanted, written }
    }

    /// Has these settings written after the write that runs, in place of those that wait.
    pub fn save(&self, settings: Settings) -> Save {
        self.wanted.send_modify(|wanted| *wanted = (wanted.0 + 1, settings));
        self.latest()
    }

    /// The last save that was asked for.
    pub fn latest(&self) -> Save {
        let number = self.wanted.borrow().0;
        Save { number, written: self.written.clone(), deadline: Instant::now() + SAVE_TIMEOUT }
    }
}

async fn run(write: Write, mut wanted: watch::Receiver<(u64, Settings)>, written: watch::Sender<Written>) {
    while wanted.changed().await.is_ok() {
        let (number, settings) = wanted.borrow_and_update().clone();
        let write = Arc::clone(&write);
        let done =
            tokio::task::spawn_blocking(move || write(&settings)).await.unwrap_or_else(|error| Err(error.into()));
        written.send_replace(Written { number, error: done.err().map(|error| error.to_string()) });
    }
}

impl Save {
    /// Returns when these settings, or newer ones, are on the disk. Fails with `SettingsNotSaved`.
    pub async fn outcome(mut self) -> Result<(), UserError> {
        let failed = |why: &str| UserError::with_detail(ErrorCode::SettingsNotSaved, why);
        let written = self.written.wait_for(|written| written.number >= self.number);
        match timeout_at(self.deadline, written).await {
            Ok(Ok(written)) => written.error.as_deref().map_or(Ok(()), |error| Err(failed(error))),
            Ok(Err(_)) => Err(failed("the writer has ended")),
            Err(_) => Err(failed("the disk did not answer in time")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_gate::Gate;
    use std::sync::Mutex;

    /// A disk behind a gate, and the names in what was written to it.
    fn disk(gate: &Gate) -> (Write, Arc<Mutex<Vec<String>>>) {
        let (waiter, written) = (gate.waiter(), Arc::<Mutex<Vec<String>>>::default());
        let names = Arc::clone(&written);
        let write = Arc::new(move |settings: &Settings| {
            waiter.wait();
            names.lock().unwrap().push(settings.name.clone());
            Ok(())
        });
        (write, written)
    }

    fn named(name: &str) -> Settings {
        Settings { name: name.into(), ..Settings::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_hangs_is_an_error_and_the_newest_settings_are_written_after_it() {
        let gate = Gate::default();
        let (write, written) = disk(&gate);
        let writer = Writer::start(write);
        let first = writer.save(named("first"));
        gate.is_waited_at().await;
        let skipped = writer.save(named("skipped"));
        let newest = writer.save(named("newest"));
        tokio::time::advance(SAVE_TIMEOUT).await;
        for save in [first, skipped, newest] {
            let error = save.outcome().await.unwrap_err();
            assert_eq!(error.code, ErrorCode::SettingsNotSaved);
            assert_eq!(error.detail.as_deref(), Some("the disk did not answer in time"));
        }
        gate.open();
        writer.latest().outcome().await.unwrap();
        assert_eq!(*written.lock().unwrap(), ["first", "newest"]);
    }

    #[tokio::test]
    async fn what_was_asked_for_is_written_although_the_store_is_gone() {
        let gate = Gate::default();
        let (write, written) = disk(&gate);
        let writer = Writer::start(write);
        writer.save(named("first"));
        gate.is_waited_at().await;
        let last = writer.save(named("last"));
        drop(writer);
        gate.open();
        last.outcome().await.unwrap();
        assert_eq!(*written.lock().unwrap(), ["first", "last"]);
    }
}
