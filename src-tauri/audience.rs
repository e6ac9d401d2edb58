//! Who hears the app's events: the windows that subscribed.

use confab_ipc::{Snapshot, UiEvent};
use std::collections::VecDeque;
use tracing::warn;

/// Events that wait for the first window; with one more the oldest goes.
const WAITING: usize = 8;

/// Takes one event to a window; false if the window is gone.
pub type Listener = Box<dyn Fn(UiEvent) -> bool + Send>;

/// The subscribed windows.
#[derive(Default)]
pub struct Audience {
    listeners: Vec<(String, Listener)>,
    waiting: VecDeque<UiEvent>,
}

impl Audience {
    /// Adds a window, in the place of its former self if it reloaded. It hears the snapshot first, then what waited for
    /// it.
    pub fn add(&mut self, window: String, listener: Listener, snapshot: Snapshot) {
        self.listeners.retain(|(known, _)| *known != window);
        if !listener(UiEvent::Snapshot { snapshot: Box::new(snapshot) }) {
            return;
        }
        self.listeners.push((window, listener));
        for event in std::mem::take(&mut self.waiting) {
            self.tell(event);
        }
    }

    /// Tells all windows. While there is none, notices and links wait; the rest is in the next snapshot.
    pub fn tell(&mut self, event: UiEvent) {
        self.listeners.retain(|(_, listener)| listener(event.clone()));
        if self.listeners.is_empty() && matches!(event, UiEvent::Notice { .. } | UiEvent::OpenLink { .. }) {
            if self.waiting.len() >= WAITING {
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
    use confab_ipc::{CallState, Settings};
    use std::sync::mpsc;

    fn snapshot() -> Snapshot {
        Snapshot { state: CallState::Idle, call: None, settings: Settings::default(), version: String::new() }
    }

    fn listener() -> (Listener, mpsc::Receiver<UiEvent>) {
        let (tx, rx) = mpsc::channel();
        (Box::new(move |event| tx.send(event).is_ok()), rx)
    }

    fn link(text: &str) -> UiEvent {
        UiEvent::OpenLink { link: text.into() }
    }

    #[test]
    fn a_window_hears_the_snapshot_then_what_waited_then_the_rest() {
        let mut audience = Audience::default();
        for number in 0..=WAITING {
            audience.tell(link(&number.to_string()));
        }
        audience.tell(UiEvent::CallState { state: CallState::Joining });
        let (window, heard) = listener();
        audience.add("main".into(), window, snapshot());
        audience.tell(link("last"));
        let mut expected = vec![UiEvent::Snapshot { snapshot: Box::new(snapshot()) }];
        expected.extend((1..=WAITING).map(|number| link(&number.to_string())));
        expected.push(link("last"));
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_reloaded_window_takes_the_place_of_its_former_self() {
        let mut audience = Audience::default();
        let (before, heard_before) = listener();
        let (after, heard_after) = listener();
        audience.add("main".into(), before, snapshot());
        audience.add("main".into(), after, snapshot());
        audience.tell(link("x"));
        assert_eq!(heard_before.try_iter().count(), 1);
        assert_eq!(heard_after.try_iter().count(), 2);
    }

    #[test]
    fn what_a_closed_window_missed_waits_for_the_next() {
        let mut audience = Audience::default();
        let (gone, heard) = listener();
        audience.add("main".into(), gone, snapshot());
        drop(heard);
        audience.tell(link("x"));
        let (next, heard) = listener();
        audience.add("main".into(), next, snapshot());
        assert_eq!(heard.try_iter().nth(1), Some(link("x")));
    }
}
