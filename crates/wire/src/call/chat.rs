//! Chat messages: what one says, and what is kept for those who come later.

use crate::limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "typescript")]
use ts_rs::TS;

/// A [`ChatMessage`].
pub const CHAT: &str = "chat";
/// A list of [`ChatMessage`], to a peer that connects.
pub const CHAT_HISTORY: &str = "chat-history";

/// A chat message. A stock page may send a bare string or leave fields out; [`ChatMessage::parse`] fills them in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(TS))]
pub struct ChatMessage {
    /// Unique id, made by the author's program.
    pub id: String,
    /// Author's display name.
    pub from: String,
    /// Author's socket id at the time of writing.
    pub author: String,
    /// The text.
    pub text: String,
    /// When it was written, in milliseconds since 1970 by the author's clock.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub at: u64,
    /// Display name of the participant who told it, where that is not its author: text and author are then that one's word.
    /// Never read from the wire.
    #[serde(default, rename = "toldBy", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, rename = "toldBy"))]
    pub told_by: Option<String>,
}

impl ChatMessage {
    /// Reads a message that peer `author` with display name `name` sent at (our time) `now_ms`. `None` if it has no text
    /// or breaks [`limits`]. The author of a live message is always its sender, whatever it claims. Its id is empty if the
    /// sender gave none that can be used, as stock pages do.
    pub fn parse(value: &Value, author: &str, name: &str, now_ms: u64) -> Option<Self> {
        let mut message = Self::parse_relayed(value, now_ms)?;
        author.clone_into(&mut message.author);
        if !name.is_empty() {
            name.clone_into(&mut message.from);
        }
        Some(message)
    }

    /// Reads a message out of someone's history: the author is who the history says, and empty if it says none.
    pub fn parse_relayed(value: &Value, now_ms: u64) -> Option<Self> {
        let field = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let text = clean_chat_text(value.as_str().unwrap_or_else(|| field("text")));
        if !is_chat_text(&text) {
            return None;
        }
        let id = |key: &str| Some(field(key)).filter(|id| id.len() <= limits::ID_BYTES).unwrap_or_default().to_owned();
        let at = value.get("at").and_then(Value::as_u64).filter(|at| *at <= now_ms + 86_400_000).unwrap_or(now_ms);
        let from: String = field("from").chars().filter(|c| !c.is_control()).take(limits::NAME_CHARS).collect();
        Some(Self { id: id("id"), from: from.trim().to_owned(), author: id("author"), text, at, told_by: None })
    }
}

/// True if `text` may be sent as a chat message: something to read, at most [`limits::CHAT_CHARS`] characters, and no
/// control characters but line breaks and tabs ([`clean_chat_text`] takes others out).
pub fn is_chat_text(text: &str) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= limits::CHAT_CHARS
        && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
}

/// The text with `\n` for every end of a line, and a space for every other control character but tabs: what is pasted from a
/// document or a terminal has form feeds, carriage returns and escapes in it.
pub fn clean_chat_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_peer_cannot_write_in_another_name() {
        let value = json!({ "id": "1", "from": "Eve", "author": "ben", "text": "hi", "at": 5 });
        let message = ChatMessage::parse(&value, "eve", "Eve's name", 10).unwrap();
        assert_eq!((message.author.as_str(), message.from.as_str(), message.at), ("eve", "Eve's name", 5));
    }

    #[test]
    fn a_bare_string_is_a_message() {
        let message = ChatMessage::parse(&json!("hello"), "a", "Ann", 10).unwrap();
        assert_eq!((message.text.as_str(), message.from.as_str(), message.at), ("hello", "Ann", 10));
        assert_eq!(message.id, "", "who keeps it gives it one");
    }

    #[test]
    fn rubbish_is_no_message() {
        for value in
            [json!(1), json!({}), json!(""), json!({ "text": "  " }), json!({ "text": "\u{0}\u{c}" }), json!([])]
        {
            assert_eq!(ChatMessage::parse(&value, "a", "Ann", 0), None, "{value}");
        }
        assert!(!is_chat_text(&"x".repeat(limits::CHAT_CHARS + 1)));
    }

    #[test]
    fn what_can_be_shown_is_shown() {
        for (value, text) in [
            (json!({ "text": "page\u{c}break" }), "page break"),
            (json!({ "text": "hi\rBen Okafor: I agree" }), "hi Ben Okafor: I agree"),
            (json!("one\r\ntwo\n\tthree"), "one\ntwo\n\tthree"),
            (json!({ "text": "\u{1b}[2Jred\u{0}\u{9b}" }), " [2Jred  "),
            (
                json!({ "text": "hello", "from": "N".repeat(68), "id": "i".repeat(500), "author": "a".repeat(500) }),
                "hello",
            ),
            (json!({ "text": "hello", "from": 7, "id": 7, "at": "now", "toldBy": "Eve" }), "hello"),
        ] {
            let message = ChatMessage::parse(&value, "a", "Ann", 0).unwrap_or_else(|| panic!("{value}"));
            assert_eq!((message.text.as_str(), message.from.as_str(), message.told_by), (text, "Ann", None), "{value}");
            let relayed = ChatMessage::parse_relayed(&value, 0).unwrap();
            assert!(relayed.from.chars().count() <= limits::NAME_CHARS && relayed.id.len() <= limits::ID_BYTES);
        }
    }
}
