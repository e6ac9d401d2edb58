//! The windows that subscribed to the app's events.

use confab_ipc::{Snapshot, UiEvent};
use std::collections::VecDeque;
use tracing::warn;

/// Events that wait for the first window; with one more the oldest goes.
const BACKLOG: usize = 8;

/// Takes one event to a window; false if the window is gone.
pub type Listener = Box<dyn Fn(UiEvent) -> bool + Send>;

/// The subscribed windows.
#[derive(Default)]
pub struct Subscribers {
    listeners: Vec<(String, Listener)>,
    waiting: VecDeque<UiEvent>,
    /// A window whose page is gone and has not come again.
    lost: bool,
}

impl Subscribers {
    /// Adds a window, in place of its former subscription if it reloaded. It gets the snapshot first, then what waited for
    /// it.
    pub fn add(&mut self, window: String, listener: Listener, snapshot: Snapshot) {
        self.listeners.retain(|(known, _)| *known != window);
        if !listener(UiEvent::Snapshot { snapshot: Box::new(snapshot) }) {
            return;
        }
        self.listeners.push((window, listener));
        self.lost = false;
        for event in std::mem::take(&mut self.waiting) {
            self.send(event);
        }
    }

    /// Removes a window whose page is gone: notices and links wait until it subscribes again.
    pub fn lose(&mut self, window: &str) {
        self.listeners.retain(|(known, _)| known != window);
        self.lost = true;
    }

    /// Sends an event to all windows. While there is none, notices and links wait; the rest is in the next snapshot.
    pub fn send(&mut self, event: UiEvent) {
        self.listeners.retain(|(_, listener)| listener(event.clone()));
        let nobody = self.lost || self.listeners.is_empty();
        if nobody && matches!(event, UiEvent::Notice { .. } | UiEvent::OpenLink { .. }) {
            if self.waiting.len() >= BACKLOG {
                warn!("an event for the window was dropped, since there is no window");
                self.waiting.pop_front();
            }
            self.waiting.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_ipc::{CallState, Opening, Settings};
    use std::sync::mpsc;

    fn snapshot() -> Snapshot {
        Snapshot { state: CallState::Idle, call: None, settings: Settings::default(), version: String::new() }
    }

    fn listener() -> (Listener, mpsc::Receiver<UiEvent>) {
        let (tx, rx) = mpsc::channel();
        (Box::new(move |event| tx.send(event).is_ok()), rx)
    }

    fn link(text: &str) -> UiEvent {
        UiEvent::OpenLink { opening: Opening { text: text.into(), ..Opening::default() } }
    }

    #[test]
    fn a_window_gets_the_snapshot_then_what_waited_then_the_rest() {
        let mut subscribers = Subscribers::default();
        for number in 0..=BACKLOG {
            subscribers.send(link(&number.to_string()));
        }
        subscribers.send(UiEvent::CallState { state: CallState::Joining });
        let (window, received) = listener();
        subscribers.add("main".into(), window, snapshot());
        subscribers.send(link("last"));
        let mut expected = vec![UiEvent::Snapshot { snapshot: Box::new(snapshot()) }];
        expected.extend((1..=BACKLOG).map(|number| link(&number.to_string())));
        expected.push(link("last"));
        assert_eq!(received.try_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_reloaded_window_replaces_its_former_subscription() {
        let mut subscribers = Subscribers::default();
        let (before, received_before) = listener();
        let (after, received_after) = listener();
        subscribers.add("main".into(), before, snapshot());
        subscribers.add("main".into(), after, snapshot());
        subscribers.send(link("x"));
        assert_eq!(received_before.try_iter().count(), 1);
        assert_eq!(received_after.try_iter().count(), 2);
    }

    #[test]
    fn what_a_window_without_a_page_missed_waits_although_another_hears_it() {
        let mut subscribers = Subscribers::default();
        let ((main, gone), (bar, _bar)) = (listener(), listener());
        subscribers.add("main".into(), main, snapshot());
        subscribers.add("sharing".into(), bar, snapshot());
        subscribers.lose("main");
        subscribers.send(link("x"));
        assert_eq!(gone.try_iter().count(), 1, "the snapshot alone");
        let (again, received) = listener();
        subscribers.add("main".into(), again, snapshot());
        assert_eq!(received.try_iter().nth(1), Some(link("x")));
    }

    #[test]
    fn what_a_closed_window_missed_waits_for_the_next() {
        let mut subscribers = Subscribers::default();
        let (gone, received) = listener();
        subscribers.add("main".into(), gone, snapshot());
        drop(received);
        subscribers.send(link("x"));
        let (next, received) = listener();
        subscribers.add("main".into(), next, snapshot());
        assert_eq!(received.try_iter().nth(1), Some(link("x")));
    }
}
