//! Chat history: ordered, bounded, without doubles; and which part of it a peer may tell.

use confab_wire::{call::ChatMessage, limits};
use serde_json::Value;
use std::collections::HashSet;

/// Serialized size of one `chat-history` frame, in bytes; a long history goes in several.
const HISTORY_FRAME_BYTES: usize = 128 * 1024;

/// The messages of a call, oldest first.
#[derive(Debug, Default)]
pub struct ChatHistory {
    messages: Vec<ChatMessage>,
    known: HashSet<String>,
}

impl ChatHistory {
    /// Adds a message. False if its id is known, or it is older than everything a full log keeps.
    pub fn insert(&mut self, message: ChatMessage) -> bool {
        if self.known.contains(&message.id) {
            return false;
        }
        let place = self.messages.partition_point(|other| other.at <= message.at);
        if self.messages.len() >= limits::CHAT_HISTORY {
            if place == 0 {
                return false;
            }
            let oldest = self.messages.remove(0);
            self.known.remove(&oldest.id);
            self.known.insert(message.id.clone());
            self.messages.insert(place - 1, message);
        } else {
            self.known.insert(message.id.clone());
            self.messages.insert(place, message);
        }
        true
    }

    /// All messages.
    pub fn messages(&self) -> &[ChatMessage] {
        &self.messages
    }

    /// The log as argument arrays of `chat-history`, each small enough for one ctrl frame.
    pub fn frames(&self) -> Vec<Vec<Value>> {
        let mut frames = Vec::new();
        let mut frame = Vec::new();
        let mut size = 0;
        for message in &self.messages {
            let Ok(value) = serde_json::to_value(message) else { continue };
            let bytes = value.to_string().len();
            if size + bytes > HISTORY_FRAME_BYTES && !frame.is_empty() {
                frames.push(vec![Value::Array(std::mem::take(&mut frame))]);
                size = 0;
            }
            size += bytes;
            frame.push(value);
        }
        if !frame.is_empty() {
            frames.push(vec![Value::Array(frame)]);
        }
        frames
    }

    /// Takes over what a peer says was written before. Nobody can tell what `me` is to have written, and a peer's
    /// history holds at most [`limits::CHAT_HISTORY`] messages. Returns the new ones.
    pub fn merge(&mut self, history: &Value, me: &str, now_ms: u64) -> Vec<ChatMessage> {
        let Some(list) = history.as_array() else { return Vec::new() };
        list.iter()
            .take(limits::CHAT_HISTORY)
            .filter_map(|value| ChatMessage::parse_relayed(value, now_ms))
            .filter(|message| !message.id.is_empty() && message.author != me)
            .filter(|message| self.insert(message.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(id: &str, at: u64) -> ChatMessage {
        ChatMessage { id: id.into(), from: "Ann".into(), author: "a".into(), text: "hi".into(), at }
    }

    #[test]
    fn messages_are_kept_in_order_and_once() {
        let mut log = ChatHistory::default();
        assert!(log.insert(message("2", 20)));
        assert!(log.insert(message("1", 10)));
        assert!(!log.insert(message("2", 30)));
        assert_eq!(log.messages().iter().map(|m| m.at).collect::<Vec<_>>(), [10, 20]);
    }

    #[test]
    fn a_full_log_forgets_the_oldest() {
        let mut log = ChatHistory::default();
        for at in 1..=limits::CHAT_HISTORY as u64 {
            assert!(log.insert(message(&at.to_string(), at)));
        }
        assert!(!log.insert(message("older", 0)));
        assert!(log.insert(message("newer", 10_000)));
        assert_eq!(log.messages().len(), limits::CHAT_HISTORY);
        assert_eq!(log.messages()[0].at, 2);
        assert_eq!(log.messages().last().unwrap().id, "newer");
    }

    #[test]
    fn a_history_goes_over_in_bounded_frames_and_arrives_whole() {
        let mut log = ChatHistory::default();
        for at in 0..100 {
            log.insert(ChatMessage { text: "x".repeat(limits::CHAT_CHARS), ..message(&at.to_string(), at) });
        }
        let mut other = ChatHistory::default();
        for args in log.frames() {
            assert!(json!({ "e": "chat-history", "d": args }).to_string().len() < limits::CTRL_FRAME_BYTES);
            other.merge(&args[0], "b", 1_000);
        }
        assert_eq!(other.messages(), log.messages());
    }

    #[test]
    fn history_cannot_speak_for_me_and_rubbish_is_left_out() {
        let mut log = ChatHistory::default();
        let history =
            json!([{ "id": "1", "author": "me", "text": "I never said that", "at": 1 }, 7, { "text": "no id" }]);
        assert!(log.merge(&history, "me", 10).is_empty());
        assert!(log.merge(&json!("x"), "me", 10).is_empty());
    }
}
