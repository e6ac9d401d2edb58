//! The arguments of an event.

use crate::EmitError;
use crate::stream::RtcioStream;
use confab_wire::{ctrl::STREAM_PLACEHOLDER, limits};
use serde_json::Value;

/// Arguments of an event: JSON values, and the streams that stand inside them.
///
/// In rtc.io a stream object may stand anywhere inside the arguments of `socket.emit`. Here its
/// [placeholder](RtcioStream::placeholder), which is also what goes over the wire, stands there, at any depth, and the
/// arguments hold the handle beside it:
///
/// ```
/// use confab_rtcio::{Args, RtcioStream};
/// use serde_json::json;
///
/// let stream = RtcioStream::new();
/// let args: Args = stream.args([json!({ "stream": &stream, "name": "Ann" })]);
/// let plain: Args = vec![json!("hello"), json!(1)].into();
/// ```
///
/// A placeholder without its handle is text: what a peer said can be repeated without sending a stream by that.
#[derive(Debug, Clone, Default)]
pub struct Args {
    values: Vec<Value>,
    streams: Vec<RtcioStream>,
}

impl Args {
    /// Arguments without a stream.
    pub fn new(values: impl IntoIterator<Item = Value>) -> Self {
        Self { values: values.into_iter().collect(), streams: Vec::new() }
    }

    /// Adds the handle of a stream whose placeholder stands in the values. When there are several, the event carries the
    /// one whose placeholder comes first, as rtc.io does (fields of an object count in the order in which they are sent);
    /// the placeholders of the others stay what they are, text.
    pub fn with_stream(mut self, stream: &RtcioStream) -> Self {
        self.streams.push(stream.clone());
        self
    }

    /// The values; a stream is its placeholder.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The values alone.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The values, and the stream that the event carries. Fails if there are streams but none is in the values.
    pub(crate) fn split(self) -> Result<(Vec<Value>, Option<RtcioStream>), EmitError> {
        if self.streams.is_empty() {
            return Ok((self.values, None));
        }
        let mut found = Vec::new();
        for value in &self.values {
            placeholders(value, &mut found);
        }
        let first = found.iter().find_map(|id| self.streams.iter().find(|stream| stream.id() == *id)).cloned();
        match first {
            Some(stream) => Ok((self.values, Some(stream))),
            None => Err(EmitError::NoPlaceholder),
        }
    }
}

impl RtcioStream {
    /// Arguments of an event that carries this stream: `values` hold its [placeholder](Self::placeholder), at any depth;
    /// the stream itself serializes as it.
    pub fn args(&self, values: impl IntoIterator<Item = Value>) -> Args {
        Args::new(values).with_stream(self)
    }
}

/// The UUID in the first placeholder anywhere inside `value`.
pub(crate) fn placeholder(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => {
            text.strip_prefix(STREAM_PLACEHOLDER).filter(|id| !id.is_empty() && id.len() <= limits::ID_BYTES)
        }
        Value::Array(values) => values.iter().find_map(placeholder),
        Value::Object(fields) => fields.values().find_map(placeholder),
        _ => None,
    }
}

/// The UUIDs of all placeholders inside `value`, in order.
fn placeholders<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| placeholders(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| placeholders(value, found)),
        value => found.extend(placeholder(value)),
    }
}

impl From<Vec<Value>> for Args {
    fn from(values: Vec<Value>) -> Self {
        Self::new(values)
    }
}

impl<const N: usize> From<[Value; N]> for Args {
    fn from(values: [Value; N]) -> Self {
        Self::new(values)
    }
}

/// One argument; an array is one argument, too.
impl From<Value> for Args {
    fn from(value: Value) -> Self {
        Self::new([value])
    }
}

/// One text argument.
impl From<&str> for Args {
    fn from(text: &str) -> Self {
        Self::new([Value::from(text)])
    }
}

/// No argument.
impl From<()> for Args {
    fn from((): ()) -> Self {
        Self::default()
    }
}

/// The stream as the only argument.
impl From<&RtcioStream> for Args {
    fn from(stream: &RtcioStream) -> Self {
        stream.args([Value::from(stream.placeholder())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stream_is_found_anywhere_inside_the_arguments() {
        let stream = RtcioStream::new();
        let deep = json!([1, { "a": [null, { "b": [[{ "stream": stream.placeholder() }]] }] }]);
        let (values, found) = stream.args([json!("text"), deep.clone()]).split().unwrap();
        assert_eq!(values, [json!("text"), deep]);
        assert_eq!(found.unwrap().id(), stream.id());
        let (values, found) = Args::from(&stream).split().unwrap();
        assert_eq!(values, [json!(stream.placeholder())]);
        assert!(found.is_some());
    }

    #[test]
    fn of_several_streams_the_first_is_carried() {
        let (camera, screen) = (RtcioStream::new(), RtcioStream::new());
        let values = [json!([screen.placeholder()]), json!(camera.placeholder())];
        let (kept, found) = camera.args(values.clone()).with_stream(&screen).split().unwrap();
        assert_eq!(found.unwrap().id(), screen.id());
        assert_eq!(kept, values);
    }

    #[test]
    fn a_stream_that_is_not_in_the_arguments_is_refused_and_a_placeholder_without_handle_is_text() {
        let stream = RtcioStream::new();
        assert_eq!(stream.args([json!("[RTCIOStream] other")]).split().unwrap_err(), EmitError::NoPlaceholder);
        assert!(Args::from(vec![json!(stream.placeholder())]).split().unwrap().1.is_none());
    }

    #[test]
    fn anything_that_json_knows_becomes_arguments() {
        assert!(Args::from(()).values().is_empty());
        assert_eq!(Args::from("text").values(), [json!("text")]);
        assert_eq!(Args::from(json!([1, 2])).values(), [json!([1, 2])]);
        assert_eq!(Args::from([json!(1), json!(null)]).values(), [json!(1), json!(null)]);
        assert_eq!(Args::from(vec![json!(1), json!(null)]).values(), [json!(1), json!(null)]);
    }
}
