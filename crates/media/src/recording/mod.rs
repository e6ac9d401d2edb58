//! Recordings: files that threads of their own write, so that no disk holds up the mix or a task.

pub(crate) mod pictures;
pub(crate) mod report;
pub(crate) mod sound;

use std::path::Path;

use tokio::sync::mpsc;

use crate::error::Error;
use crate::recording::pictures::PictureRecording;
use crate::recording::report::{FAILURES, RecordingReport};
use crate::recording::sound::SoundRecording;

/// Starts recordings. A clone starts those of the same [`RecordingFailures`].
#[derive(Debug, Clone)]
pub struct Recorder {
    failures: mpsc::Sender<Error>,
}

/// What becomes of the recordings that one [`Recorder`] started.
#[derive(Debug)]
pub struct RecordingFailures(mpsc::Receiver<Error>);

/// A recorder, and what becomes of its recordings.
pub fn recorder() -> (Recorder, RecordingFailures) {
    let (failures, receiver) = mpsc::channel(FAILURES);
    (Recorder { failures }, RecordingFailures(receiver))
}

impl Recorder {
    /// Records pictures as IVF into a file that is created or overwritten.
    pub fn record_pictures(&self, path: impl AsRef<Path>) -> PictureRecording {
        PictureRecording::start(self.report(path.as_ref()))
    }

    /// Records sound as WAV with 48 kHz, mono, 16 bit, into a file that is created or overwritten.
    pub fn record_sound(&self, path: impl AsRef<Path>) -> SoundRecording {
        SoundRecording::start(self.report(path.as_ref()))
    }

    fn report(&self, path: &Path) -> RecordingReport {
        RecordingReport::new(path, self.failures.clone())
    }
}

impl RecordingFailures {
    /// Why the next recording can't be written, in part or at all. `None` once the recorder is dropped, all recordings have ended
    /// and their files are whole.
    pub async fn next(&mut self) -> Option<Error> {
        self.0.recv().await
    }
}
