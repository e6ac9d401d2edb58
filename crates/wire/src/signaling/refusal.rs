//! Why a server of ours refuses: a code for programs, its parameters, and what else is known.

use crate::limits;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal in $class:literal: $diagnosis:literal),+ $(,)?) => {
        /// Code of a [`Refusal`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RefusalCode {
            $($(#[$doc])* $name,)+
            /// A code that this program does not know.
            Unknown,
        }

        impl RefusalCode {
            /// Every code that a server of ours gives.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code, as it is on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ Self::Unknown => "unknown" }
            }

            /// The class of refusals that it belongs to: a `code` that every version of the program knows.
            pub fn class(self) -> &'static str {
                match self { $(Self::$name => $class,)+ Self::Unknown => "join-refused" }
            }

            /// What is wrong, for the developer of a client that has no text of its own for the code.
            pub fn diagnosis(self) -> &'static str {
                match self { $(Self::$name => $diagnosis,)+ Self::Unknown => "the server refuses" }
            }

            fn parse(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

codes! {
    /// No reason is given.
    JoinRefused = "join-refused" in "join-refused": "the server did not let you in",
    /// The room has as many members as it can hold.
    RoomFull = "room-full" in "room-full": "the room is full; try again when someone has left",
    /// The server does not serve this room.
    RoomClosed = "room-closed" in "room-closed": "the room is closed; ask for a new link",
    /// The name of the room is none. Parameter `max`: its longest, in characters.
    RoomName = "room-name" in "join-refused": "a room needs a name of visible characters, not too many",
    /// The socket is in as many rooms as it may. Parameter `max`: how many that are.
    TooManyRooms = "too-many-rooms" in "join-refused": "the connection is in too many rooms; leave one first",
    /// The socket asks about rooms too often.
    TooManyQuestions = "too-many-questions" in "join-refused": "too many questions; wait a moment, then ask again",
    /// The socket sends more messages or bytes than it may, and is disconnected.
    TooManyMessages = "too-many-messages" in "peer-misbehaving": "this client sends more than the server takes",
    /// The server has as many sockets as it can hold.
    ServerFull = "server-full" in "join-refused": "the server is full; try again later, or use another server",
    /// The server lets in nobody without a token.
    TokenRequired = "token-required" in "join-refused":
        "this server lets in only people with a token; ask its operator for one, and send it as auth.token",
    /// The token is no JSON Web Token; the detail says why.
    TokenMalformed = "token-malformed" in "join-refused":
        "the token can't be read; send the whole token, as its issuer gave it",
    /// The token is signed by another algorithm than HS256.
    TokenAlgorithm = "token-algorithm" in "join-refused":
        "the token is not signed with HS256, the only algorithm of this server; ask its issuer for another one",
    /// The token is signed with another key, or was changed.
    TokenSignature = "token-signature" in "join-refused":
        "the token was not issued for this server, or it was changed; ask its issuer for a new one",
    /// The token's `exp` is over.
    TokenExpired = "token-expired" in "join-refused":
        "the token has expired; ask its issuer for a new one, and connect again",
    /// The token's `nbf` has not come.
    TokenNotYetValid = "token-not-yet-valid" in "join-refused":
        "the token is not good yet; check the clocks of this computer and of its issuer",
    /// A claim of the token is too large. Parameter `claim`: which.
    TokenTooLarge = "token-too-large" in "join-refused":
        "a claim of the token is too large; ask its issuer for a smaller one",
    /// The token does not open the room.
    TokenRoom = "token-room" in "join-refused":
        "the token does not open this room; ask its issuer for one that does",
}

/// Why a server refuses: `error` of a `JoinReply` or a `PeekReply`, and the argument of `SERVER_ERROR`.
///
/// On the wire it is `{ code, reason?, params?, message, detail? }`: `code` is [`RefusalCode::class`], which versions
/// before this type know, `reason` the code itself where it says more, and `message` a diagnosis in English. Of a foreign
/// server `{ code, message?, detail? }` is understood, and a bare text, too: its `message` becomes the detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// What a text about it names, by the names that [`RefusalCode`] gives.
    pub params: BTreeMap<String, String>,
    /// Technical cause, or the words of a foreign server.
    pub detail: Option<String>,
}

impl Refusal {
    /// With a parameter.
    pub fn with_param(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.params.insert(name.to_owned(), value.to_string());
        self
    }

    /// With a technical cause.
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Reads the `message` of a refused connection (`connect_error` of Socket.IO), which has no other field for a code: a
    /// server of ours writes `code: diagnosis`, as [`Refusal`]'s `Display` does. Other texts become the detail.
    pub fn from_text(text: &str) -> Self {
        let (code, rest) = text.split_once(": ").unwrap_or((text, ""));
        match RefusalCode::parse(code) {
            Some(code) => {
                let detail = rest.strip_prefix(code.diagnosis()).unwrap_or(rest);
                let detail = detail.strip_prefix(" (").and_then(|detail| detail.strip_suffix(')')).unwrap_or(detail);
                Self { detail: clean(detail), ..code.into() }
            }
            None => Self { detail: clean(text), ..RefusalCode::JoinRefused.into() },
        }
    }
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Self {
        Self { code, params: BTreeMap::new(), detail: None }
    }
}

/// `code: diagnosis (detail)`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.code.diagnosis())?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            code: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'a str>,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            params: &'a BTreeMap<String, String>,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'a str>,
        }
        let (code, reason) = (self.code.class(), self.code.as_str());
        let reason = (code != reason && self.code != RefusalCode::Unknown).then_some(reason);
        let (params, message) = (&self.params, self.code.diagnosis());
        Wire { code, reason, params, message, detail: self.detail.as_deref() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Refusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(object) => Ok(read(&object)),
            Value::String(text) => Ok(Self::from_text(&text)),
            _ => Err(serde::de::Error::custom("a refusal is an object or a text")),
        }
    }
}

/// Reads what a server says, as far as it can be understood: a program that is refused must not fail over how.
fn read(object: &Map<String, Value>) -> Refusal {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let code = [text("reason"), text("code")].into_iter().flatten().find_map(RefusalCode::parse);
    let message = text("message").filter(|message| code.is_none_or(|code| *message != code.diagnosis()));
    // Nothing else tells what an unknown code means.
    let unknown = || if code.is_none() { text("code").and_then(clean) } else { None };
    let params = object.get("params").and_then(Value::as_object);
    Refusal {
        code: code.unwrap_or(RefusalCode::Unknown),
        params: params.into_iter().flatten().filter_map(param).take(limits::REFUSAL_PARAMS).collect(),
        detail: text("detail").and_then(clean).or_else(|| message.and_then(clean)).or_else(unknown),
    }
}

fn param((name, value): (&String, &Value)) -> Option<(String, String)> {
    let fits =
        |text: &str| (text.len() <= limits::ID_BYTES && !text.contains(char::is_control)).then(|| text.to_owned());
    Some((fits(name)?, fits(value.as_str()?)?))
}

/// One line of at most [`limits::REFUSAL_CHARS`]; `None` if there is nothing to read.
fn clean(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(limits::REFUSAL_CHARS).collect();
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Refusal {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_code_survives_the_wire_in_both_forms() {
        for &code in RefusalCode::ALL {
            let refusal = Refusal::from(code).with_param("max", 4).with_detail("why");
            assert_eq!(read(serde_json::to_value(&refusal).unwrap()), refusal);
            let plain = Refusal::from(code);
            assert_eq!(read(serde_json::to_value(&plain).unwrap()), plain);
            assert_eq!(Refusal::from_text(&plain.to_string()), plain);
            let detailed = plain.with_detail("why");
            assert_eq!(Refusal::from_text(&detailed.to_string()), detailed);
        }
    }

    #[test]
    fn earlier_versions_find_the_code_and_the_message_that_they_know() {
        let written = serde_json::to_value(Refusal::from(RefusalCode::TokenRoom)).unwrap();
        assert_eq!((&written["code"], &written["reason"]), (&json!("join-refused"), &json!("token-room")));
        assert!(written["message"].is_string());
        let written = serde_json::to_value(Refusal::from(RefusalCode::RoomFull)).unwrap();
        assert_eq!((&written["code"], written.get("reason")), (&json!("room-full"), None));
    }

    #[test]
    fn what_an_earlier_or_foreign_server_says_is_kept_as_the_detail() {
        let earlier = read(json!({ "code": "room-full", "message": "This call is full.\n" }));
        assert_eq!((earlier.code, earlier.detail.as_deref()), (RefusalCode::RoomFull, Some("This call is full.")));
        let both = read(json!({ "code": "room-full", "message": "This call is full.", "detail": "16" }));
        assert_eq!(both.detail.as_deref(), Some("16"));
        let foreign = read(json!({ "code": "not-on-the-list", "message": "You are not on the list." }));
        assert_eq!((foreign.code, foreign.detail.as_deref()), (RefusalCode::Unknown, Some("You are not on the list.")));
        assert_eq!(read(json!({ "code": "not-on-the-list" })).detail.as_deref(), Some("not-on-the-list"));
        assert_eq!(read(json!("no entry")).detail.as_deref(), Some("no entry"));
        assert_eq!(read(json!({ "code": 7, "message": [], "params": 3 })), RefusalCode::Unknown.into());
        assert_eq!(
            Refusal::from_text("You are not on the list."),
            Refusal::from(RefusalCode::JoinRefused).with_detail("You are not on the list.")
        );
        assert_eq!(Refusal::from_text(""), RefusalCode::JoinRefused.into());
    }

    #[test]
    fn what_a_server_says_is_bounded() {
        let params: Map<String, Value> = (0..100).map(|n| (n.to_string(), json!("x"))).collect();
        let long = "x".repeat(10_000);
        let refusal = read(json!({ "code": "room-full", "params": params, "detail": long }));
        assert_eq!(refusal.params.len(), limits::REFUSAL_PARAMS);
        assert_eq!(refusal.detail.unwrap().len(), limits::REFUSAL_CHARS);
        let refusal = read(json!({ "code": "room-full", "params": { "a": "x\n", "b": 7, "c": "y" } }));
        assert_eq!(refusal.params, BTreeMap::from([("c".to_owned(), "y".to_owned())]));
        assert!(
            serde_json::from_value::<Refusal>(json!(7)).is_err()
                && serde_json::from_value::<Refusal>(json!(null)).is_err()
        );
    }
}
