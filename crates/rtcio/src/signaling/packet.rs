//! The words of the Socket.IO protocol, revision 5, inside those of Engine.IO, revision 4: one text each.
//!
//! Read and written here rather than by a library, because the one there is for Rust does not tell the own id, cannot
//! keep two acknowledgements apart, and loses events without arguments.

use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Shortest and longest time that a server may ask to be waited for between two pings, or for one.
const PING_TIMES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(120));

/// Answer to a ping.
pub(super) const PONG: &str = "3";

/// The first word of an Engine.IO connection.
#[derive(Debug, PartialEq)]
pub(super) struct Handshake {
    /// The longest silence of a server that is there.
    pub(super) silence: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    ping_interval: u64,
    ping_timeout: u64,
}

/// A word of the server.
#[derive(Debug, PartialEq)]
pub(super) enum Packet {
    /// The Engine.IO connection stands.
    Open(Handshake),
    /// The Engine.IO connection ends.
    Close,
    /// Wants a [`PONG`].
    Ping,
    /// The namespace took the client; it has this id.
    Connect { sid: String },
    /// The namespace did not, with the words of its middleware.
    ConnectError { message: String, data: Option<Value> },
    /// The server ends the connection to the namespace.
    Disconnect,
    /// An event, which may want an answer.
    Event { name: String, args: Vec<Value>, ack: Option<u64> },
    /// The answer to an event of ours.
    Ack { id: u64, args: Vec<Value> },
    /// Anything else: of another namespace, binary, or without meaning for a client.
    Other,
}

/// A text that is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word of Socket.IO: {0}")]
pub(super) struct Unreadable(&'static str);

/// Reads a text frame. `namespace` begins with a slash.
pub(super) fn decode(text: &str, namespace: &str) -> Result<Packet, Unreadable> {
    let (kind, rest) = text.split_at_checked(1).ok_or(Unreadable("an empty frame"))?;
    match kind {
        "0" => {
            let open: Open = serde_json::from_str(rest).map_err(|_| Unreadable("the handshake"))?;
            let time = |millis| Duration::from_millis(millis).clamp(PING_TIMES.0, PING_TIMES.1);
            Ok(Packet::Open(Handshake { silence: time(open.ping_interval) + time(open.ping_timeout) }))
        }
        "1" => Ok(Packet::Close),
        "2" => Ok(Packet::Ping),
        "4" => message(rest, namespace),
        "3" | "5" | "6" => Ok(Packet::Other),
        _ => Err(Unreadable("the type of a frame")),
    }
}

fn message(text: &str, namespace: &str) -> Result<Packet, Unreadable> {
    let (kind, rest) = text.split_at_checked(1).ok_or(Unreadable("an empty message"))?;
    if matches!(kind, "5" | "6") {
        return Ok(Packet::Other);
    }
    let (own, rest) = match rest.strip_prefix('/') {
        Some(_) => match rest.split_once(',') {
            Some((name, rest)) => (name.split('?').next() == Some(namespace), rest),
            None => (rest.split('?').next() == Some(namespace), ""),
        },
        None => (namespace == "/", rest),
    };
    if !own {
        return Ok(Packet::Other);
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, body) = rest.split_at(digits);
    let id = match id {
        "" => None,
        id => Some(id.parse::<u64>().map_err(|_| Unreadable("an acknowledgement id"))?),
    };
    match kind {
        "0" => {
            #[derive(Deserialize)]
            struct Body {
                sid: String,
            }
            let Body { sid } = serde_json::from_str(body).map_err(|_| Unreadable("the own id"))?;
            Ok(Packet::Connect { sid })
        }
        "1" => Ok(Packet::Disconnect),
        "2" => {
            let mut args: Vec<Value> = serde_json::from_str(body).map_err(|_| Unreadable("an event"))?;
            if !matches!(args.first(), Some(Value::String(_))) {
                return Err(Unreadable("the name of an event"));
            }
            match args.remove(0) {
                Value::String(name) => Ok(Packet::Event { name, args, ack: id }),
                _ => Err(Unreadable("the name of an event")),
            }
        }
        "3" => {
            let id = id.ok_or(Unreadable("an acknowledgement without an id"))?;
            let args = serde_json::from_str(body).map_err(|_| Unreadable("an acknowledgement"))?;
            Ok(Packet::Ack { id, args })
        }
        "4" => {
            // An object since revision 5; a text before.
            let body: Value = serde_json::from_str(body).map_err(|_| Unreadable("a refusal"))?;
            let message = body.get("message").unwrap_or(&body);
            let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
            Ok(Packet::ConnectError { message, data: body.get("data").cloned() })
        }
        _ => Err(Unreadable("the type of a message")),
    }
}

/// The head of a message: types, namespace and id.
fn head(kind: char, namespace: &str, id: Option<u64>) -> String {
    let mut text = format!("4{kind}");
    if namespace != "/" {
        text.push_str(namespace);
        text.push(',');
    }
    if let Some(id) = id {
        text.push_str(&id.to_string());
    }
    text
}

/// Asks to enter the namespace.
pub(super) fn connect(namespace: &str, auth: Option<&Value>) -> String {
    let mut text = head('0', namespace, None);
    if let Some(auth) = auth {
        text.push_str(&auth.to_string());
    }
    text
}

/// Leaves the namespace.
pub(super) fn disconnect(namespace: &str) -> String {
    head('1', namespace, None)
}

/// An event; with an id if it wants an answer.
pub(super) fn event(namespace: &str, name: &str, args: &[Value], id: Option<u64>) -> String {
    let mut text = head('2', namespace, id);
    text.push('[');
    text.push_str(&Value::from(name).to_string());
    for arg in args {
        text.push(',');
        text.push_str(&arg.to_string());
    }
    text.push(']');
    text
}

/// The answer to the event with this id.
pub(super) fn ack(namespace: &str, id: u64, args: Vec<Value>) -> String {
    head('3', namespace, Some(id)) + &Value::Array(args).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_of_the_server_are_read() {
        let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        for (text, packet) in [
            (open, Packet::Open(Handshake { silence: Duration::from_secs(45) })),
            ("1", Packet::Close),
            ("2", Packet::Ping),
            ("6", Packet::Other),
            (r#"40{"sid":"abc"}"#, Packet::Connect { sid: "abc".into() }),
            ("41", Packet::Disconnect),
            (r#"42["a"]"#, Packet::Event { name: "a".into(), args: vec![], ack: None }),
            (
                r#"4213["ä",{"n":[1]},null]"#,
                Packet::Event { name: "ä".into(), args: vec![json!({ "n": [1] }), json!(null)], ack: Some(13) },
            ),
            ("430[]", Packet::Ack { id: 0, args: vec![] }),
            (r#"4318446744073709551615[1,"b"]"#, Packet::Ack { id: u64::MAX, args: vec![json!(1), json!("b")] }),
            (
                r#"44{"message":"no","data":{"code":7}}"#,
                Packet::ConnectError { message: "no".into(), data: Some(json!({ "code": 7 })) },
            ),
            (r#"44"no""#, Packet::ConnectError { message: "no".into(), data: None }),
            (r#"42/admin,["a"]"#, Packet::Other),
            (r#"451-["a",{"_placeholder":true,"num":0}]"#, Packet::Other),
        ] {
            assert_eq!(decode(text, "/"), Ok(packet), "{text}");
        }
    }

    #[test]
    fn a_namespace_has_its_own_words() {
        let read = |text| decode(text, "/room");
        assert_eq!(read(r#"40/room,{"sid":"abc"}"#), Ok(Packet::Connect { sid: "abc".into() }));
        assert_eq!(read("41/room,"), Ok(Packet::Disconnect));
        assert_eq!(read("41/room"), Ok(Packet::Disconnect));
        assert_eq!(read(r#"42/room,7["a"]"#), Ok(Packet::Event { name: "a".into(), args: vec![], ack: Some(7) }));
        assert_eq!(read(r#"42["a"]"#), Ok(Packet::Other));
        assert_eq!(connect("/room", Some(&json!({ "a": 1 }))), r#"40/room,{"a":1}"#);
        assert_eq!(event("/room", "a", &[json!(1)], Some(7)), r#"42/room,7["a",1]"#);
        assert_eq!(disconnect("/room"), "41/room,");
    }

    #[test]
    fn rubbish_is_refused() {
        for text in [
            "",
            "4",
            "x",
            "ä",
            "0",
            "0{}",
            "40",
            "42",
            "42{}",
            "42[]",
            "42[1]",
            "43[]",
            "439",
            "44",
            "48",
            "4299999999999999999999[]",
            r#"0{"pingInterval":-1,"pingTimeout":1}"#,
        ] {
            assert!(decode(text, "/").is_err(), "{text}");
        }
        let deep = format!("42[\"a\",{}", "[".repeat(100_000));
        assert!(decode(&deep, "/").is_err());
    }

    #[test]
    fn times_of_a_server_are_bounded() {
        let read = |text| match decode(text, "/") {
            Ok(Packet::Open(handshake)) => handshake.silence,
            other => panic!("{other:?}"),
        };
        assert_eq!(read(r#"0{"pingInterval":0,"pingTimeout":0}"#), PING_TIMES.0 * 2);
        assert_eq!(read(r#"0{"pingInterval":18446744073709551615,"pingTimeout":1000}"#), Duration::from_secs(121));
    }

    #[test]
    fn our_words_are_those_of_the_protocol() {
        assert_eq!(connect("/", None), "40");
        assert_eq!(connect("/", Some(&json!({ "token": "t" }))), r#"40{"token":"t"}"#);
        assert_eq!(event("/", "a", &[], None), r#"42["a"]"#);
        assert_eq!(event("/", "a\"b", &[json!("x"), json!(null)], Some(0)), r#"420["a\"b","x",null]"#);
        assert_eq!(ack("/", 3, vec![json!(1)]), "433[1]");
        assert_eq!(disconnect("/"), "41");
    }
}
