//! What a microphone and a camera have in common: a capture, and the task that carries what it gives.

use confab_media::{AudioCapture, VideoCapture};
use tokio::task::AbortHandle;

/// A task that carries what a device gives, and not one thing more when this is dropped: none may come between those of its
/// successor.
#[derive(Debug)]
pub struct CarrierTask(pub AbortHandle);

impl Drop for CarrierTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What captures.
pub trait Capture: Send + 'static {
    /// Ends it; the device is free when this is done, in seconds at most.
    fn stop(self) -> impl Future<Output = ()> + Send + 'static;
}

impl Capture for AudioCapture {
    fn stop(self) -> impl Future<Output = ()> + Send + 'static {
        self.stop()
    }
}

impl Capture for VideoCapture {
    fn stop(self) -> impl Future<Output = ()> + Send + 'static {
        self.stop()
    }
}

/// A capture in use. Dropping it ends it.
#[derive(Debug)]
pub struct RunningCapture<C> {
    capture: C,
    task: CarrierTask,
}

impl<C: Capture> RunningCapture<C> {
    /// `task` carries what `capture` gives.
    pub fn new(capture: C, task: CarrierTask) -> Self {
        Self { capture, task }
    }

    /// The capture.
    pub fn capture(&self) -> &C {
        &self.capture
    }

    /// Carries nothing more from this call on, and ends the capture.
    pub fn stop(self) -> impl Future<Output = ()> + Send + 'static {
        drop(self.task);
        self.capture.stop()
    }
}
