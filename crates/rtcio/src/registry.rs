//! The replay registry: streams that were emitted, and the events that carried them (protocol section 4).

use crate::EmitError;
use crate::media::stream::RtcioStream;
use confab_wire::limits;
use serde_json::{Map, Value};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Streams of one socket, present and future peers get them.
#[derive(Debug)]
pub(crate) struct Registry {
    entries: Mutex<Vec<Entry>>,
    /// Grows with each change here and in the streams themselves.
    version: watch::Sender<u64>,
}

#[derive(Debug)]
struct Entry {
    stream: RtcioStream,
    /// Event name → arguments of the emit.
    events: Map<String, Value>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { entries: Mutex::default(), version: watch::Sender::new(0) }
    }
}

impl Registry {
    /// Remembers that `event` carried `stream`; the newest arguments of an event count.
    pub(crate) fn track(&self, stream: &RtcioStream, event: &str, args: Vec<Value>) -> Result<(), EmitError> {
        {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let known = entries.iter().position(|entry| entry.stream.id() == stream.id());
            let index = match known {
                Some(index) => index,
                None if entries.len() >= limits::STREAMS_PER_PEER => return Err(EmitError::TooMany("streams")),
                None => {
                    entries.push(Entry { stream: stream.clone(), events: Map::new() });
                    entries.len() - 1
                }
            };
            let events = &mut entries[index].events;
            if events.len() >= limits::EVENTS_PER_STREAM && !events.contains_key(event) {
                return Err(EmitError::TooMany("events of one stream"));
            }
            events.insert(event.to_owned(), Value::Array(args));
        }
        stream.subscribe(&self.version);
        self.version.send_modify(|version| *version += 1);
        Ok(())
    }

    /// Forgets a stream: later peers do not get it.
    pub(crate) fn untrack(&self, stream: &RtcioStream) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.stream.id() != stream.id());
    }

    /// The streams a peer is to have.
    pub(crate) fn streams(&self) -> Vec<RtcioStream> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|entry| entry.stream.clone()).collect()
    }

    /// The events of the stream with this MediaStream id; `None` if there are none to tell.
    pub(crate) fn events(&self, msid: &str) -> Option<Map<String, Value>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|entry| entry.stream.msid() == msid).map(|entry| entry.events.clone())
    }

    /// Wakes on every change of the registry or of a stream in it.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}
