//! Listeners: queues of the events of one name (`socket.on`, `socket.peer(id).on`, `socket.server.on` of rtc.io).
//!
//! What fires an event only puts it into queues and never waits. So a listener that nobody reads holds up no peer; when
//! its queue is full, the newest event is dropped for it alone, counted and logged.

use confab_transport::receive::remote_track::{RemoteStream, RemoteTrack};
use futures_util::Stream;
use serde_json::Value;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Events that wait in one listener; then the newest is dropped.
pub const LISTENER_QUEUE: usize = 1024;

/// An event of a peer, as a [`Listener`] gets it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Message {
    /// Id of the peer from which it came, or whom it is about.
    pub peer: String,
    /// Event name.
    pub event: String,
    /// Its arguments; where a stream was stands its placeholder string.
    pub args: Vec<Value>,
    /// The stream that the event carries.
    pub stream: Option<RemoteStream>,
    /// The track of a `track-added` or `track-removed`.
    pub track: Option<RemoteTrack>,
}

/// An event of the signaling server, as a [`Listener`] gets it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerMessage {
    /// Event name.
    pub event: String,
    /// Its arguments.
    pub args: Vec<Value>,
}

impl ServerMessage {
    pub(crate) fn new(event: &str, args: Vec<Value>) -> Self {
        Self { event: event.to_owned(), args }
    }
}

/// Receives the events of one name; what `handler` is to `on(event, handler)` of rtc.io. Also a [`Stream`].
///
/// Ends ([`Listener::recv`] gives `None`) when the socket is closed, and a peer's listener when that peer is gone; what
/// was there before can still be read. Dropping it unregisters it.
#[derive(Debug)]
pub struct Listener<M = Message> {
    receiver: mpsc::Receiver<M>,
    dropped: Arc<AtomicU64>,
    _registration: Registration<M>,
}

impl<M> Listener<M> {
    /// The next event; `None` when no more can come.
    pub async fn recv(&mut self) -> Option<M> {
        self.receiver.recv().await
    }

    /// An event that has come already.
    pub fn try_recv(&mut self) -> Option<M> {
        self.receiver.try_recv().ok()
    }

    /// How many events were dropped because [`LISTENER_QUEUE`] of them were not read.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Listens no more (`off` of rtc.io). The same as dropping it.
    pub fn off(self) {}
}

impl<M> Stream for Listener<M> {
    type Item = M;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<M>> {
        self.receiver.poll_recv(context)
    }
}

impl<M> Unpin for Listener<M> {}

/// Where a listener is registered; dropping it takes the listener away.
#[derive(Debug)]
struct Registration<M> {
    table: Weak<Mutex<Table<M>>>,
    scope: Option<String>,
    event: String,
    number: u64,
}

impl<M> Drop for Registration<M> {
    fn drop(&mut self) {
        if let Some(table) = self.table.upgrade() {
            lock(&table).remove(self.scope.as_deref(), &self.event, self.number);
        }
    }
}

#[derive(Debug)]
struct Slot<M> {
    number: u64,
    once: bool,
    sender: mpsc::Sender<M>,
    dropped: Arc<AtomicU64>,
}

type Events<M> = HashMap<String, Vec<Slot<M>>>;

#[derive(Debug)]
struct Table<M> {
    /// Nothing fires any more.
    closed: bool,
    number: u64,
    /// `None` is for all peers; the others end with the peer they name.
    scopes: HashMap<Option<String>, Events<M>>,
}

/// All listeners of one kind.
#[derive(Debug)]
pub(crate) struct Listeners<M> {
    table: Arc<Mutex<Table<M>>>,
}

impl<M> Default for Listeners<M> {
    fn default() -> Self {
        Self { table: Arc::new(Mutex::new(Table { closed: false, number: 0, scopes: HashMap::new() })) }
    }
}

fn lock<M>(table: &Mutex<Table<M>>) -> MutexGuard<'_, Table<M>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<M: Clone> Listeners<M> {
    /// Listens to `event`: of the peer `scope`, or of all.
    pub(crate) fn on(&self, scope: Option<&str>, event: &str) -> Listener<M> {
        self.register(scope, event, LISTENER_QUEUE, false)
    }

    /// Listens to the next `event`, from now on.
    pub(crate) fn once(&self, scope: Option<&str>, event: &str) -> impl Future<Output = Option<M>> + Send + use<M>
    where
        M: Send + 'static,
    {
        let mut listener = self.register(scope, event, 1, true);
        async move { listener.recv().await }
    }

    fn register(&self, scope: Option<&str>, event: &str, queue: usize, once: bool) -> Listener<M> {
        let (sender, receiver) = mpsc::channel(queue);
        let dropped = Arc::new(AtomicU64::new(0));
        let (scope, event) = (scope.map(str::to_owned), event.to_owned());
        let mut table = lock(&self.table);
        table.number += 1;
        let number = table.number;
        if !table.closed {
            let slot = Slot { number, once, sender, dropped: Arc::clone(&dropped) };
            table.scopes.entry(scope.clone()).or_default().entry(event.clone()).or_default().push(slot);
        }
        drop(table);
        let registration = Registration { table: Arc::downgrade(&self.table), scope, event, number };
        Listener { receiver, dropped, _registration: registration }
    }

    /// Fires `event`: the listeners of all peers first, then those of the peer `scope`.
    pub(crate) fn fire(&self, scope: Option<&str>, event: &str, message: impl FnOnce() -> M) {
        let mut table = lock(&self.table);
        if !table.has(None, event) && !table.has(scope, event) {
            return;
        }
        let message = message();
        table.fire(None, event, &message);
        if scope.is_some() {
            table.fire(scope, event, &message);
        }
    }

    /// The peer is gone, and its listeners with it.
    pub(crate) fn end(&self, scope: &str) {
        lock(&self.table).scopes.remove(&Some(scope.to_owned()));
    }

    /// No event comes any more.
    pub(crate) fn close(&self) {
        let mut table = lock(&self.table);
        table.closed = true;
        table.scopes.clear();
    }
}

impl<M> Table<M> {
    fn has(&self, scope: Option<&str>, event: &str) -> bool {
        self.scopes.get(&scope.map(str::to_owned)).is_some_and(|events| events.contains_key(event))
    }

    fn remove(&mut self, scope: Option<&str>, event: &str, number: u64) {
        let scope = scope.map(str::to_owned);
        let Some(events) = self.scopes.get_mut(&scope) else { return };
        if let Some(slots) = events.get_mut(event) {
            slots.retain(|slot| slot.number != number);
            if slots.is_empty() {
                events.remove(event);
            }
        }
        if events.is_empty() {
            self.scopes.remove(&scope);
        }
    }
}

impl<M: Clone> Table<M> {
    fn fire(&mut self, scope: Option<&str>, event: &str, message: &M) {
        let scope = scope.map(str::to_owned);
        let Some(events) = self.scopes.get_mut(&scope) else { return };
        let Some(slots) = events.get_mut(event) else { return };
        slots.retain(|slot| {
            if let Err(mpsc::error::TrySendError::Full(_)) = slot.sender.try_send(message.clone()) {
                let dropped = slot.dropped.fetch_add(1, Ordering::Relaxed);
                if dropped == 0 {
                    tracing::warn!(event, "a listener is not read; the newest events are dropped for it");
                }
            }
            !slot.once
        });
        if slots.is_empty() {
            events.remove(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt};

    fn fire(listeners: &Listeners<u32>, scope: Option<&str>, event: &str, number: u32) {
        listeners.fire(scope, event, || number);
    }

    #[test]
    fn each_listener_gets_its_events_in_order() {
        let listeners = Listeners::default();
        let mut all = listeners.on(None, "chat");
        let mut again = listeners.on(None, "chat");
        let mut anns = listeners.on(Some("ann"), "chat");
        let mut other = listeners.on(None, "other");
        fire(&listeners, Some("ann"), "chat", 1);
        fire(&listeners, Some("ben"), "chat", 2);
        assert_eq!((all.try_recv(), all.try_recv(), all.try_recv()), (Some(1), Some(2), None));
        assert_eq!((again.try_recv(), again.try_recv()), (Some(1), Some(2)));
        assert_eq!((anns.try_recv(), anns.try_recv()), (Some(1), None));
        assert_eq!(other.try_recv(), None);
    }

    #[test]
    fn once_is_once_and_begins_at_once() {
        let listeners = Listeners::default();
        let once = listeners.once(None, "chat");
        fire(&listeners, None, "chat", 1);
        fire(&listeners, None, "chat", 2);
        assert_eq!(once.now_or_never(), Some(Some(1)));
        assert!(lock(&listeners.table).scopes.values().all(HashMap::is_empty));
    }

    #[test]
    fn off_and_dropping_unregister() {
        let listeners = Listeners::<u32>::default();
        let first = listeners.on(Some("ann"), "chat");
        let second = listeners.on(None, "chat");
        let once = listeners.once(None, "chat");
        first.off();
        drop(second);
        drop(once);
        assert!(lock(&listeners.table).scopes.is_empty());
    }

    #[test]
    fn a_peers_listeners_end_with_it_and_those_registered_later_do_not() {
        let listeners = Listeners::default();
        let mut anns = listeners.on(Some("ann"), "chat");
        let mut all = listeners.on(None, "chat");
        fire(&listeners, Some("ann"), "chat", 1);
        listeners.end("ann");
        let mut later = listeners.on(Some("ann"), "chat");
        fire(&listeners, Some("ann"), "chat", 2);
        assert_eq!(anns.recv().now_or_never(), Some(Some(1)));
        assert_eq!(anns.recv().now_or_never(), Some(None));
        // The old registration goes without taking the new one along.
        drop(anns);
        assert_eq!((all.try_recv(), all.try_recv()), (Some(1), Some(2)));
        assert_eq!(later.try_recv(), Some(2));
        listeners.close();
        assert_eq!(later.next().now_or_never(), Some(None));
        assert_eq!(listeners.on(None, "chat").recv().now_or_never(), Some(None));
    }

    #[test]
    fn a_full_listener_loses_the_newest_and_counts() {
        let listeners = Listeners::default();
        let mut full = listeners.on(None, "chat");
        for number in 0..LISTENER_QUEUE as u32 + 7 {
            fire(&listeners, None, "chat", number);
        }
        assert_eq!(full.dropped(), 7);
        for number in 0..LISTENER_QUEUE as u32 {
            assert_eq!(full.try_recv(), Some(number));
        }
        assert_eq!(full.try_recv(), None);
    }
}
