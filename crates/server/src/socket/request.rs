//! What a client says, parsed at the edge: everything behind it is typed and bounded.

use crate::rooms::Join;
use confab_wire::{
    limits, name,
    room::canonical_room,
    signaling::{
        ASK_ICE, DIRECT_MESSAGE, DirectCode, DirectMessage, JOIN_ROOM, LEAVE_ROOM, MESSAGE, PEEK_ROOM, PROBE, Refusal,
        RefusalCode, Relayed, Signal,
    },
};
use serde_json::Value;

/// Peers that a join may name as connected; more than a room can hold serve nothing.
pub(crate) const MAX_CONNECTED: usize = 4 * limits::ROOM_MEMBERS;

/// What a client asks for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Pass a signal on to a member.
    Relay { target: String, data: Value },
    /// Get into a room.
    Join(Join),
    /// Pass an application's message on to a member.
    Direct(DirectMessage),
    /// Leave this room, or all of them.
    Leave(Option<String>),
    /// Say who is in a room.
    Peek(String),
    /// Say that the server is there.
    Probe,
    /// Name the ICE servers.
    AskIce,
    /// An event of an application.
    Other,
}

/// Why a message is not obeyed.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// Nobody waits for an answer.
    Dropped(String),
    /// The answer to a join.
    Join(Refusal),
    /// The answer to a peek.
    Peek(Refusal),
    /// The answer to a direct message.
    Direct(DirectCode),
}

impl Request {
    /// Reads the JSON array of a Socket.IO event: its name and its first argument; no event of this wire has two.
    pub(crate) fn parse(text: &str) -> Result<Self, Rejected> {
        let dropped = |why: &str| Rejected::Dropped(why.to_owned());
        let message: Vec<Value> = serde_json::from_str(text).map_err(|_| dropped("it is no array of JSON"))?;
        let mut parts = message.into_iter();
        let Some(Value::String(event)) = parts.next() else { return Err(dropped("it has no event")) };
        let argument = parts.next().unwrap_or(Value::Null);
        match event.as_str() {
            MESSAGE => parse_relay(argument),
            JOIN_ROOM => parse_join(&argument).map(Self::Join).map_err(Rejected::Join),
            DIRECT_MESSAGE => parse_direct(argument).map(Self::Direct).map_err(Rejected::Direct),
            LEAVE_ROOM => Ok(Self::Leave(argument.get("roomId").unwrap_or(&argument).as_str().map(str::to_owned))),
            PEEK_ROOM => room(&argument).map(Self::Peek).map_err(Rejected::Peek),
            PROBE => Ok(Self::Probe),
            ASK_ICE => Ok(Self::AskIce),
            _ => Ok(Self::Other),
        }
    }
}

fn parse_relay(argument: Value) -> Result<Request, Rejected> {
    let Ok(Relayed { target, data, .. }) = serde_json::from_value(argument) else {
        return Err(Rejected::Dropped("it is a signal to no one".to_owned()));
    };
    Signal::parse(&data).map_err(|error| Rejected::Dropped(error.to_string()))?;
    Ok(Request::Relay { target, data })
}

fn parse_direct(argument: Value) -> Result<DirectMessage, DirectCode> {
    let message: DirectMessage = serde_json::from_value(argument).map_err(|_| DirectCode::Malformed)?;
    let size = serde_json::to_string(&message.data).map_or(usize::MAX, |text| text.len());
    if size > limits::DIRECT_MESSAGE_BYTES { Err(DirectCode::TooLarge) } else { Ok(message) }
}

/// The room that `join-room` or `peek-room` names.
fn room(argument: &Value) -> Result<String, Refusal> {
    let room = argument.get("roomId").and_then(Value::as_str);
    room.filter(|room| limits::is_clean(room, limits::ROOM_ID_CHARS))
        .map(canonical_room)
        .ok_or_else(|| Refusal::from(RefusalCode::RoomName).with_param("max", limits::ROOM_ID_CHARS))
}

/// Reads `join-room`. Stock applications put fields of their own beside ours, and leave out the name.
fn parse_join(argument: &Value) -> Result<Join, Refusal> {
    let text = |key: &str| argument.get(key).and_then(Value::as_str);
    let room = room(argument)?;
    let ids = argument.get("connected").and_then(Value::as_array);
    Ok(Join {
        room,
        name: name::shown(text("name").unwrap_or_default()).unwrap_or_default(),
        resume: text("resume").filter(|token| token.len() <= 2 * limits::ID_BYTES).map(str::to_owned),
        connected: ids.into_iter().flatten().filter_map(Value::as_str).take(MAX_CONNECTED).map(str::to_owned).collect(),
        metadata: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_cleaned_and_our_rooms_have_one_name() {
        let join = |name: &str| parse_join(&json!({ "roomId": "HOTUK-Mujiv", "name": name })).unwrap();
        assert_eq!(join("").room, "hotuk-mujiv");
        assert_eq!(join("  Ann\u{202e}\n ").name, "Ann");
        assert_eq!(join("\u{3164}").name, "");
        assert_eq!(join(&"x".repeat(1000)).name.len(), limits::NAME_CHARS);
        assert_eq!(join("Zoë 🦊").name, "Zoë 🦊");
    }

    #[test]
    fn joins_of_stock_clients_are_read_and_rubbish_is_refused() {
        let join = parse_join(&json!({ "roomId": "my room", "name": null, "avatar": "x" })).unwrap();
        assert_eq!((join.room.as_str(), join.name.as_str()), ("my room", ""));
        for rubbish in [
            json!(null),
            json!("room"),
            json!({}),
            json!({ "roomId": 7 }),
            json!({ "roomId": " " }),
            json!({ "roomId": "a\u{0}" }),
            json!({ "roomId": "x".repeat(limits::ROOM_ID_CHARS + 1) }),
        ] {
            assert_eq!(parse_join(&rubbish).unwrap_err().code, RefusalCode::RoomName, "{rubbish}");
        }
    }
}
