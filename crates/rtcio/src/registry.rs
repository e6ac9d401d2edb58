//! The replay registry: streams that were emitted, and the events that carried them (protocol section 4).

use crate::EmitError;
use crate::stream::RtcioStream;
use confab_transport::Endpoint;
use confab_wire::limits;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// Streams of one socket, present and future peers get them.
#[derive(Debug)]
pub(crate) struct Registry {
    entries: Mutex<Vec<Entry>>,
    /// What the connections send is in its set of streams.
    endpoint: Arc<Endpoint>,
}

#[derive(Debug)]
struct Entry {
    stream: RtcioStream,
    /// Event name → arguments of the emit.
    events: Map<String, Value>,
}

impl Registry {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self { entries: Mutex::default(), endpoint }
    }

    /// Remembers that `event` carried `stream`; the newest arguments of an event count.
    pub(crate) fn track(&self, stream: &RtcioStream, event: &str, args: Vec<Value>) -> Result<(), EmitError> {
        let stream = {
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
            entries[index].stream.local().clone()
        };
        self.endpoint.streams.add(&stream);
        Ok(())
    }

    /// Forgets a stream: later peers do not get it.
    pub(crate) fn untrack(&self, stream: &RtcioStream) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| {
            let other = entry.stream.id() != stream.id();
            if !other {
                self.endpoint.streams.remove(entry.stream.msid());
            }
            other
        });
    }

    /// The events of the stream with this MediaStream id; `None` if there are none to tell.
    pub(crate) fn events(&self, msid: &str) -> Option<Map<String, Value>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|entry| entry.stream.msid() == msid).map(|entry| entry.events.clone())
    }
}
