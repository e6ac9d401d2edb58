//! Events, acknowledgements and refusals of the library, as the types of this crate.

use crate::connect_error::{ConnectError, ConnectErrorKind};
use rust_socketio::{Event, Payload};
use serde::Deserialize;
use serde_json::Value;

/// Longest words of a server that refuses, in characters.
const REFUSAL_CHARS: usize = 500;
/// What the library writes before the words of a server that refuses.
const REFUSAL: &str = "Received an ConnectError frame: ";

/// Name and arguments of an event. The library hands an event without arguments over as `message` with the name as its
/// only argument.
pub(super) fn event_of(event: Event, payload: Payload) -> (String, Vec<Value>) {
    let args = args_of(payload);
    match (event, args.as_slice()) {
        (Event::Message, [Value::String(name)]) => (name.clone(), Vec::new()),
        (event, _) => (event.as_str().to_owned(), args),
    }
}

/// The arguments of an event; binary ones are none.
pub(super) fn args_of(payload: Payload) -> Vec<Value> {
    match payload {
        Payload::Text(args) => args,
        _ => Vec::new(),
    }
}

/// The arguments of an acknowledgement, which the library wraps once more.
pub(super) fn ack_args(payload: Payload) -> Vec<Value> {
    match payload {
        Payload::Text(mut values) => match values.as_mut_slice() {
            [Value::Array(args)] => std::mem::take(args),
            _ => values,
        },
        _ => Vec::new(),
    }
}

pub(super) fn text_of(payload: Payload) -> String {
    match payload {
        Payload::Text(values) => values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" "),
        _ => String::new(),
    }
}

/// The server's middleware said no: its words are for people, the data beside them is technical. `None` if `error` is
/// another failure.
pub(super) fn refusal(error: &str) -> Option<ConnectError> {
    error.strip_prefix(REFUSAL).map(refused)
}

fn refused(said: &str) -> ConnectError {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(default)]
        message: String,
        #[serde(default)]
        data: Option<Value>,
    }
    let clean = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).take(REFUSAL_CHARS).collect() };
    let refusal = serde_json::from_str(said).unwrap_or(Refusal { message: String::new(), data: None });
    ConnectError {
        message: Some(clean(&refusal.message)).filter(|text| !text.trim().is_empty()),
        detail: refusal.data.map(|data| clean(&data.to_string())),
        ..ConnectError::new(ConnectErrorKind::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_without_arguments_gets_its_name_back() {
        let (name, args) = event_of(Event::Message, Payload::Text(vec![json!("room-closed")]));
        assert_eq!((name.as_str(), args.len()), ("room-closed", 0));
        let (name, args) = event_of(Event::Custom("user-connected".into()), Payload::Text(vec![json!({ "id": "a" })]));
        assert_eq!((name.as_str(), args), ("user-connected", vec![json!({ "id": "a" })]));
    }

    #[test]
    fn acknowledgements_are_unwrapped() {
        assert_eq!(ack_args(Payload::Text(vec![json!([{ "id": "a" }])])), vec![json!({ "id": "a" })]);
        assert_eq!(ack_args(Payload::Text(vec![json!(1)])), vec![json!(1)]);
    }

    #[test]
    fn a_refusal_keeps_the_words_of_the_server() {
        let error = refused(r#"{"message":"You are\n not on the list."}"#);
        assert_eq!(
            (error.kind, error.message.as_deref()),
            (ConnectErrorKind::Refused, Some("You are not on the list."))
        );
        assert_eq!(refused(r#"{"message":"no","data":{"code":7}}"#).detail.as_deref(), Some(r#"{"code":7}"#));
        for silent in ["", "{}", "\"No error message provided\"", r#"{"message":7}"#] {
            assert_eq!(refused(silent), ConnectError::new(ConnectErrorKind::Refused), "{silent}");
        }
        let long = json!({ "message": "x".repeat(10_000) }).to_string();
        assert_eq!(refused(&long).message.unwrap().len(), REFUSAL_CHARS);
    }
}
