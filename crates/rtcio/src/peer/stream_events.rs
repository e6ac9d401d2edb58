//! Events that carry a stream, as its owner tells them (protocol section 4).

use crate::args::placeholder;
use confab_wire::{ctrl::is_reserved, limits};
use serde_json::{Map, Value};

/// What an owner says about one of its streams.
#[derive(Debug, PartialEq)]
pub(crate) struct StreamEvents {
    /// The owner's UUID of the stream, if a placeholder says it.
    pub(crate) id: Option<String>,
    /// Name and arguments of the events to dispatch.
    pub(crate) events: Vec<(String, Vec<Value>)>,
}

impl StreamEvents {
    /// Reads what a peer told. Events with names that are not allowed are left out.
    pub(crate) fn read(told: Map<String, Value>) -> Self {
        let (mut id, mut events) = (None, Vec::new());
        for (event, args) in told {
            let Value::Array(args) = args else { continue };
            if is_reserved(&event) || event.len() > limits::EVENT_NAME_BYTES {
                tracing::warn!("a peer's stream event has a name that is not allowed");
                continue;
            }
            if let Some(found) = args.iter().find_map(placeholder) {
                id = Some(found.to_owned());
            }
            events.push((event, args));
        }
        Self { id, events }
    }

    /// The JSON that travels beside the stream: the first argument that is an object, without placeholders.
    pub(crate) fn metadata(&self) -> Option<Map<String, Value>> {
        self.events.iter().find_map(|(_, args)| metadata(args))
    }
}

fn metadata(args: &[Value]) -> Option<Map<String, Value>> {
    let mut metadata = args.iter().find_map(Value::as_object)?.clone();
    metadata.retain(|_, value| !(value.is_string() && placeholder(value).is_some()));
    Some(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stream_takes_the_uuid_of_its_owner() {
        let told = json!({ "camera": [{ "name": "Ann", "stream": "[RTCIOStream] u" }], "peer-connect": [1] });
        let read = StreamEvents::read(told.as_object().unwrap().clone());
        assert_eq!(read.id.as_deref(), Some("u"));
        assert_eq!(read.events.len(), 1);
        assert_eq!(read.metadata(), json!({ "name": "Ann" }).as_object().cloned());
    }

    #[test]
    fn metadata_is_the_first_object_wherever_the_stream_stands() {
        assert_eq!(metadata(&[json!("[RTCIOStream] u"), json!({ "a": 1 })]), json!({ "a": 1 }).as_object().cloned());
        assert_eq!(metadata(&[json!("[RTCIOStream] u")]), None);
    }
}
