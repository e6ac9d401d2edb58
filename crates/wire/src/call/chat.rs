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
}

impl ChatMessage {
    /// Reads a message that peer `author` with display name `name` sent at (our time) `now_ms`. `None` if it has no text
    /// or breaks [`limits`]. The author of a live message is always its sender, whatever it claims.
    pub fn parse(value: &Value, author: &str, name: &str, now_ms: u64) -> Option<Self> {
        let mut message = Self::parse_relayed(value, now_ms)?;
        if message.id.is_empty() {
            message.id = format!("{author}:{now_ms}:{}", message.text.len());
        }
        author.clone_into(&mut message.author);
        if !name.is_empty() {
            name.clone_into(&mut message.from);
        }
        Some(message)
    }

    /// Reads a message out of someone's history: the author is who the history says.
    pub fn parse_relayed(value: &Value, now_ms: u64) -> Option<Self> {
        let field = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let text = value.as_str().map_or_else(|| field("text"), str::to_owned);
        if !is_chat_text(&text) {
            return None;
        }
        let short = |text: String, max: usize| (text.chars().count() <= max).then_some(text);
        let at = value.get("at").and_then(Value::as_u64).filter(|at| *at <= now_ms + 86_400_000).unwrap_or(now_ms);
        Some(Self {
            id: short(field("id"), limits::ID_BYTES)?,
            from: short(field("from"), limits::NAME_CHARS)?,
            author: short(field("author"), limits::ID_BYTES)?,
            text,
            at,
        })
    }
}

/// True if `text` may be sent as a chat message: something to read, at most [`limits::CHAT_CHARS`] characters, and no
/// control characters but line breaks and tabs.
pub fn is_chat_text(text: &str) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= limits::CHAT_CHARS
        && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
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
        assert!(!message.id.is_empty());
    }

    #[test]
    fn rubbish_is_no_message() {
        for value in [json!(1), json!({}), json!(""), json!({ "text": "  " }), json!({ "text": "a\u{0}" }), json!([])] {
            assert_eq!(ChatMessage::parse(&value, "a", "Ann", 0), None, "{value}");
        }
        assert!(!is_chat_text(&"x".repeat(limits::CHAT_CHARS + 1)));
    }
}
