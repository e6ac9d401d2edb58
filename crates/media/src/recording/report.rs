//! Where the thread of a recording reports that it can't be written.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind};

/// Failures that wait to be told. More are not told: they say the same.
pub(crate) const FAILURES: usize = 64;

/// Belongs to one recording. That it is dropped says that the file is whole, or that a failure was reported.
#[derive(Debug, Clone)]
pub(crate) struct RecordingReport {
    path: PathBuf,
    failures: mpsc::Sender<Error>,
}

impl RecordingReport {
    pub(crate) fn new(path: &Path, failures: mpsc::Sender<Error>) -> Self {
        Self { path: path.to_owned(), failures }
    }

    /// The file that is written.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reports `cause`; never waits.
    pub(crate) fn failed(&self, cause: impl Display) {
        let error = Error::with_detail(ErrorKind::RecordingFailed, format!("{}: {cause}", self.path.display()));
        tracing::warn!(%error, "a recording fails");
        // Nobody listens, or knows already.
        let _ = self.failures.try_send(error);
    }
}
