//! The mailbox of one frame between capture and encoder: a newer frame replaces one that was not taken yet.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::video::i420::I420Frame;

/// What the encoder gets from [`LatestFrame::take`].
#[derive(Debug)]
pub enum Taken {
    /// A picture, the time of its capture, and how many were replaced before it.
    Picture(I420Frame, Instant, u64),
    /// Nothing within the time.
    Timeout,
    /// The source ended, with its reason if it failed.
    Ended(Option<Error>),
}

#[derive(Debug, Default)]
struct MailboxState {
    picture: Option<(I420Frame, Instant)>,
    replaced: u64,
    spare: Option<I420Frame>,
    ended: bool,
    failure: Option<Error>,
}

/// A mailbox for one frame. Buffers go round: no picture is allocated after the first few.
#[derive(Debug, Default)]
pub struct LatestFrame {
    state: Mutex<MailboxState>,
    changed: Condvar,
}

impl LatestFrame {
    fn lock(&self) -> MutexGuard<'_, MailboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer to draw into.
    pub fn take_spare(&self) -> I420Frame {
        self.lock().spare.take().unwrap_or_else(|| I420Frame::new(2, 2))
    }

    /// Puts a picture in and returns a buffer for the next: the picture it replaces, or a spare one.
    pub fn put(&self, picture: I420Frame, captured: Instant) -> I420Frame {
        let mut state = self.lock();
        let replaced = state.picture.replace((picture, captured));
        self.changed.notify_one();
        if replaced.is_some() {
            state.replaced += 1;
        }
        let buffer = replaced.map(|(picture, _)| picture).or_else(|| state.spare.take());
        drop(state);
        buffer.unwrap_or_else(|| I420Frame::new(2, 2))
    }

    /// Gives a buffer back.
    pub fn give_back(&self, picture: I420Frame) {
        self.lock().spare = Some(picture);
    }

    /// Waits for a picture.
    pub fn take(&self, timeout: Duration) -> Taken {
        let mut state = self.lock();
        let deadline = Instant::now() + timeout;
        loop {
            if let Some((picture, captured)) = state.picture.take() {
                return Taken::Picture(picture, captured, std::mem::take(&mut state.replaced));
            }
            if state.ended {
                return Taken::Ended(state.failure.take());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Taken::Timeout;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Closes the mailbox with a reason.
    pub fn fail(&self, error: Error) {
        let mut state = self.lock();
        state.failure = Some(error);
        state.ended = true;
        self.changed.notify_one();
    }

    /// Closes the mailbox when the returned guard goes, also by a panic.
    pub fn close_on_drop(self: &std::sync::Arc<Self>) -> CloseOnDrop {
        CloseOnDrop(self.clone())
    }
}

/// See [`LatestFrame::close_on_drop`].
#[derive(Debug)]
pub struct CloseOnDrop(std::sync::Arc<LatestFrame>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_one();
    }
}
