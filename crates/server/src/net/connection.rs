//! What the layers of the server know of one TCP connection.

use super::address::Place;
use super::backlog::Backlog;
use crate::sync::lock;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A TCP connection of a client.
pub(crate) struct TcpConnection {
    /// The address at its other end: the client, or a proxy.
    pub(crate) remote: IpAddr,
    cut: CancellationToken,
    /// The socket that it carries, once it is a WebSocket.
    backlog: OnceLock<Arc<Backlog>>,
    /// Its place among the connections; given up when it ends.
    place: Mutex<Option<Place>>,
    /// Milliseconds for which its client may be silent; 0 for as long as any other.
    silence: AtomicU64,
}

impl TcpConnection {
    pub(crate) fn new(remote: IpAddr, place: Place) -> Self {
        let (cut, backlog) = (CancellationToken::new(), OnceLock::new());
        Self { remote, cut, backlog, place: Mutex::new(Some(place)), silence: AtomicU64::new(0) }
    }

    /// Lets it count for another address, that of the client behind a proxy. False if that one has no place.
    pub(crate) fn count_for(&self, place: Option<Place>) -> bool {
        let Some(place) = place else { return false };
        let mut held = lock(&self.place);
        if held.is_some() {
            *held = Some(place);
        }
        true
    }

    /// Lets its client be silent for so long, where that is another time than for all.
    pub(crate) fn allow_silence(&self, silence: Duration) {
        self.silence.store(u64::try_from(silence.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn allowed_silence(&self) -> Option<Duration> {
        Some(self.silence.load(Ordering::Relaxed)).filter(|silence| *silence > 0).map(Duration::from_millis)
    }

    /// Ends it, whatever waits to be read or written.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    pub(super) fn when_cut(&self) -> WaitForCancellationFutureOwned {
        self.cut.clone().cancelled_owned()
    }

    /// From now on what is written is what was queued for this socket.
    pub(crate) fn carries(&self, backlog: Arc<Backlog>) {
        // A connection is upgraded once.
        self.backlog.set(backlog).ok();
    }

    pub(super) fn written(&self, bytes: usize) {
        if let Some(backlog) = self.backlog.get() {
            backlog.written(bytes);
        }
    }

    pub(super) fn closed(&self) {
        self.cut.cancel();
        lock(&self.place).take();
    }
}
