//! What a hostile peer can reach, for `fuzz/`. Not part of the API.

use crate::feature::chat::history::{ChatHistory, Teller};
use confab_wire::{call::ChatMessage, limits};
use serde_json::Value;
use std::collections::HashSet;

/// Own id, which nobody can write under.
const ME: &str = "me";
/// When one joined.
const JOINED: u64 = 1_000;

/// Chat of some peers, one event a line: a digit says which peer (0 to 9), a letter what it sends (`m` a message, `h` a history
/// while one is new, `c` a history after an outage, `r` that it connects again), the rest is JSON.
pub fn chat(text: &str) {
    let mut history = ChatHistory::default();
    for line in text.lines() {
        let mut characters = line.chars();
        let (Some(peer), Some(event)) = (characters.next().filter(char::is_ascii_digit), characters.next()) else {
            continue;
        };
        let (id, rest) = (format!("peer {peer}"), characters.as_str());
        let teller = Teller { id: &id, name: "A name" };
        let Ok(value) = serde_json::from_str::<Value>(rest) else { continue };
        match event {
            'm' => {
                let Some(message) = ChatMessage::parse(&value, &id, teller.name, JOINED) else { continue };
                let (text, before) = (message.text.clone(), history.messages().count());
                let doubles = history.messages().filter(|known| known.author == id && known.id == message.id).count();
                match history.receive(message) {
                    Some(kept) => {
                        let newest = history.messages().last();
                        assert!(
                            newest == Some(&kept) && kept.text == text && kept.author == id && kept.told_by.is_none()
                        );
                    }
                    // Nothing but a double is refused.
                    None => assert!(doubles == 1 && before == history.messages().count()),
                }
            }
            'h' => {
                for (message, place) in history.merge(&value, teller, ME, JOINED, JOINED) {
                    assert!(message.author == id || message.told_by.is_some());
                    assert!(place <= limits::CHAT_HISTORY);
                }
            }
            'c' => assert!(history.catch_up(&value, teller, JOINED).iter().all(|message| message.author == id)),
            'r' => history.forget_teller(&id),
            _ => {}
        }
        let keys: HashSet<_> = history.messages().map(|message| (&message.author, &message.id)).collect();
        assert!(keys.len() == history.messages().count() && keys.len() <= limits::CHAT_HISTORY);
        assert!(history.messages().all(|message| message.author != ME && !message.id.is_empty()));
    }
    for frame in history.frames() {
        assert!(serde_json::to_string(&frame).is_ok_and(|text| text.len() < limits::CTRL_FRAME_BYTES));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_was_found_breaks_nothing() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/chat");
        for file in std::fs::read_dir(corpus).unwrap() {
            super::chat(&std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
    }
}
