//! The events of a call on their way to their reader. Whoever adds one never waits: a reader that is slow, or does not read at
//! all, holds up nothing else.

use confab_ipc::UiEvent;
use std::collections::VecDeque;
use tokio::sync::mpsc::{self, error::TrySendError};

/// Events that wait for their reader in the channel.
const CHANNEL: usize = 1024;
/// Events that wait behind those. When this many do, the oldest is dropped: whoever reads again after so long asks for a
/// snapshot.
const BACKLOG: usize = 4096;

/// The events of a call or a rehearsal, in order.
#[derive(Debug)]
pub struct CallEvents {
    events: mpsc::Receiver<UiEvent>,
}

impl CallEvents {
    /// The next event; `None` after the call ended (its last event is `call-state` `idle`) and the goodbyes to the peers are sent.
    pub async fn recv(&mut self) -> Option<UiEvent> {
        self.events.recv().await
    }
}

/// Where a call puts its events.
#[derive(Debug)]
pub struct EventQueue {
    sender: mpsc::Sender<UiEvent>,
    backlog: VecDeque<UiEvent>,
    dropped: u64,
}

/// A queue and its reader's end.
pub fn event_queue() -> (EventQueue, CallEvents) {
    event_queue_of(CHANNEL)
}

fn event_queue_of(channel: usize) -> (EventQueue, CallEvents) {
    let (sender, events) = mpsc::channel(channel);
    (EventQueue { sender, backlog: VecDeque::new(), dropped: 0 }, CallEvents { events })
}

impl EventQueue {
    /// A way past the queue, for the last events of a call whose task failed and took the queue along.
    pub fn bypass(&self) -> mpsc::Sender<UiEvent> {
        self.sender.clone()
    }

    /// Adds an event. Levels and statistics are dropped if the reader is behind, since the next ones come soon; an event
    /// with the whole state of something replaces the one before.
    pub fn push(&mut self, event: UiEvent) {
        let event = if self.backlog.is_empty() {
            match self.sender.try_send(event) {
                Ok(()) => return,
                // Nobody listens any more: the call is about to end.
                Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full(event)) => event,
            }
        } else {
            event
        };
        if matches!(event, UiEvent::Levels { .. } | UiEvent::Stats { .. }) {
            return;
        }
        if let Some(old) = self.backlog.iter().position(|old| is_replaced(old, &event)) {
            self.backlog.remove(old);
        } else if self.backlog.len() >= BACKLOG {
            self.backlog.pop_front();
            self.dropped += 1;
            if self.dropped.is_power_of_two() {
                tracing::warn!(dropped = self.dropped, "the events of the call are not read");
            }
        }
        self.backlog.push_back(event);
    }

    /// Hands over one event that waits, once the reader has room for it; pending if none waits. Safe to drop before it is
    /// done.
    pub async fn deliver(&mut self) {
        if self.backlog.is_empty() {
            return std::future::pending().await;
        }
        match self.sender.reserve().await {
            Ok(room) => {
                if let Some(event) = self.backlog.pop_front() {
                    room.send(event);
                }
            }
            // Nobody listens any more.
            Err(_) => self.backlog.clear(),
        }
    }

    /// Hands over everything that waits, however long the reader takes.
    pub async fn finish(mut self) {
        while !self.backlog.is_empty() {
            self.deliver().await;
        }
    }
}

/// True if whoever hears `new` does not need `old`.
fn is_replaced(old: &UiEvent, new: &UiEvent) -> bool {
    match (old, new) {
        (UiEvent::Me { .. }, UiEvent::Me { .. })
        | (UiEvent::Rehearsal { .. }, UiEvent::Rehearsal { .. })
        | (UiEvent::ActiveSpeaker { .. }, UiEvent::ActiveSpeaker { .. })
        | (UiEvent::SpeakingWhileMuted, UiEvent::SpeakingWhileMuted) => true,
        (UiEvent::PeerState { id: old, .. }, UiEvent::PeerState { id: new, .. })
        | (UiEvent::MediaState { id: old, .. }, UiEvent::MediaState { id: new, .. }) => old == new,
        (UiEvent::ParticipantChanged { participant: old }, UiEvent::ParticipantChanged { participant: new }) => {
            old.id == new.id
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_ipc::{CallState, PeerState};
    use tokio::time::{Duration, timeout};

    fn peer(id: usize, state: PeerState) -> UiEvent {
        UiEvent::PeerState { id: id.to_string(), state }
    }

    const LEVELS: UiEvent = UiEvent::Levels { levels: Vec::new() };

    #[tokio::test]
    async fn a_slow_reader_gets_everything_but_levels_in_order() {
        let (mut queue, mut events) = event_queue_of(2);
        queue.push(LEVELS);
        for id in 0..5 {
            queue.push(peer(id, PeerState::Connecting));
            queue.push(LEVELS);
        }
        queue.push(peer(3, PeerState::Connected));
        queue.push(UiEvent::CallState { state: CallState::Idle });
        let finished = tokio::spawn(queue.finish());
        let mut read = Vec::new();
        while let Some(event) = events.recv().await {
            read.push(event);
        }
        finished.await.unwrap();
        let mut expected = vec![LEVELS];
        expected.extend([0, 1, 2, 4].map(|id| peer(id, PeerState::Connecting)));
        expected.extend([peer(3, PeerState::Connected), UiEvent::CallState { state: CallState::Idle }]);
        assert_eq!(read, expected);
    }

    #[tokio::test]
    async fn a_reader_that_reads_nothing_costs_a_bounded_queue() {
        let (mut queue, _events) = event_queue_of(1);
        for id in 0..3 * BACKLOG {
            queue.push(peer(id, PeerState::Connecting));
        }
        assert_eq!(queue.backlog.len(), BACKLOG);
        assert_eq!(queue.backlog.back(), Some(&peer(3 * BACKLOG - 1, PeerState::Connecting)), "the newest are kept");
        let waits = timeout(Duration::from_millis(10), queue.deliver()).await;
        assert!(waits.is_err(), "there is no room");
    }

    #[tokio::test]
    async fn without_a_reader_nothing_is_kept() {
        let (mut queue, events) = event_queue_of(1);
        for id in 0..4 {
            queue.push(peer(id, PeerState::Connecting));
        }
        drop(events);
        queue.finish().await;
    }
}
