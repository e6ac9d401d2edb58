//! What waits to be sent to the signaling server.

use super::link::Link;
use super::link_event::Broken;
use confab_wire::signaling;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Entries that wait during an outage, events and signals each; the oldest go first.
const WAITING: usize = 256;
/// Signals that wait on a live link. More only when the server takes nothing; then the link breaks by its timeout.
const LIVE: usize = 4096;

/// An entry.
#[derive(Debug, PartialEq)]
pub(super) enum Outgoing {
    /// An event of the application.
    Event { event: String, args: Vec<Value> },
    /// A `#rtcio:message`.
    Signal {
        /// To whom.
        target: String,
        /// What.
        data: Value,
        /// True if it means nothing after an outage: offers and candidates.
        perishable: bool,
    },
}

/// Two queues, each in order: events go as soon as a link stands (the application joins its room with one of them),
/// signals only when the room has been joined.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    events: VecDeque<Outgoing>,
    signals: VecDeque<Outgoing>,
}

impl Outbox {
    /// Adds an entry while there is no link.
    pub(super) fn push(&mut self, entry: Outgoing) {
        match entry {
            Outgoing::Signal { perishable: true, .. } => {}
            entry @ Outgoing::Signal { .. } => bounded(&mut self.signals, entry, WAITING),
            entry @ Outgoing::Event { .. } => bounded(&mut self.events, entry, WAITING),
        }
    }

    /// Adds an entry while there is a link.
    pub(super) fn push_live(&mut self, entry: Outgoing) {
        bounded(&mut self.signals, entry, LIVE);
    }

    /// Forgets what an outage spoils.
    pub(super) fn link_lost(&mut self) {
        self.signals.retain(|entry| !matches!(entry, Outgoing::Signal { perishable: true, .. }));
    }

    /// Sends what may go: signals only in the name of `source`, the own id of this moment.
    pub(super) async fn flush(&mut self, link: &mut Link, source: Option<&str>) -> Result<(), Broken> {
        while let Some(entry) = self.next(source.is_some()) {
            match entry {
                Outgoing::Event { event, args } => link.emit(&event, &args, None).await?,
                Outgoing::Signal { target, data, .. } => {
                    let message = json!({ "source": source, "target": target, "data": data });
                    link.emit(signaling::MESSAGE, &[message], None).await?;
                }
            }
        }
        Ok(())
    }

    fn next(&mut self, signals: bool) -> Option<Outgoing> {
        self.events.pop_front().or_else(|| if signals { self.signals.pop_front() } else { None })
    }
}

fn bounded(queue: &mut VecDeque<Outgoing>, entry: Outgoing, bound: usize) {
    if queue.len() >= bound {
        queue.pop_front();
        tracing::warn!("too much waits for the signaling server; the oldest is dropped");
    }
    queue.push_back(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> Outgoing {
        Outgoing::Event { event: name.to_owned(), args: Vec::new() }
    }

    fn signal(n: u64, perishable: bool) -> Outgoing {
        Outgoing::Signal { target: "peer".to_owned(), data: Value::from(n), perishable }
    }

    #[test]
    fn an_outage_keeps_order_and_forgets_what_it_spoils() {
        let mut outbox = Outbox::default();
        outbox.push_live(signal(1, true));
        outbox.push_live(signal(2, false));
        outbox.link_lost();
        outbox.push(signal(3, true));
        outbox.push(signal(4, false));
        outbox.push(event("a"));
        outbox.push(event("b"));
        assert_eq!(outbox.next(false), Some(event("a")));
        assert_eq!(outbox.next(false), Some(event("b")));
        assert_eq!(outbox.next(false), None);
        assert_eq!(outbox.next(true), Some(signal(2, false)));
        assert_eq!(outbox.next(true), Some(signal(4, false)));
        assert_eq!(outbox.next(true), None);
    }

    #[test]
    fn the_oldest_go_first() {
        let mut outbox = Outbox::default();
        for n in 0..WAITING + 3 {
            outbox.push(event(&n.to_string()));
        }
        assert_eq!(outbox.next(false), Some(event("3")));
        assert_eq!(outbox.events.len(), WAITING - 1);
    }
}
