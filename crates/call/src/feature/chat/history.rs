//! Chat history: in order of arrival, bounded, without doubles; and what of it a peer may tell.
//!
//! Clocks of authors order nothing, so that no clock can hide a message or keep one at the end. What was written before one came
//! stands first, in the order of those who tell it; what arrives stands after it. A message is the same as another if author
//! and id are.

use confab_wire::{call::ChatMessage, limits};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use uuid::Uuid;

/// Serialized size of one `chat-history` frame, in bytes; a long history goes in several.
const HISTORY_FRAME_BYTES: usize = 128 * 1024;
/// Name of an author who gave none.
const NO_NAME: &str = "Guest";

/// Who tells a history.
#[derive(Debug, Clone, Copy)]
pub struct Teller<'a> {
    /// Id of the peer.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// A kept message.
#[derive(Debug)]
struct Entry {
    message: ChatMessage,
    /// Id of the peer that it came from: its author, or who told it.
    source: String,
}

/// What a peer told over its connection of now.
#[derive(Debug, Default)]
struct Told {
    /// Messages, whatever became of them.
    count: usize,
    /// Author and id of the last one that is kept: the next one stands after it.
    last: Option<(String, String)>,
}

/// The messages of a call. At most [`limits::CHAT_HISTORY`]: whoever gave most of them loses their oldest, so that nobody can push
/// out what others wrote. A call is small: look-ups walk the list.
#[derive(Debug, Default)]
pub struct ChatHistory {
    entries: Vec<Entry>,
    /// So many at the beginning are from before one came.
    earlier: usize,
    /// By peer.
    told: HashMap<String, Told>,
}

impl ChatHistory {
    /// Keeps a message that its author said now; one without an id gets one. `None` if it is a double.
    pub fn receive(&mut self, mut message: ChatMessage) -> Option<ChatMessage> {
        if message.id.is_empty() {
            message.id = self.new_id(&message);
        }
        if let Some(index) = self.position(&message.author, &message.id) {
            let known = &self.entries[index].message;
            if known.told_by.is_some() {
                // Its author knows better than who told it.
                self.remove(index);
            } else if known.text == message.text {
                return None;
            } else {
                message.id = self.new_id(&message);
            }
        }
        self.entries.push(Entry { source: message.author.clone(), message: message.clone() });
        self.evict();
        Some(message)
    }

    /// All messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = &ChatMessage> {
        self.entries.iter().map(|entry| &entry.message)
    }

    /// The log as argument arrays of `chat-history`, each small enough for one ctrl frame.
    pub fn frames(&self) -> Vec<Vec<Value>> {
        let mut frames = Vec::new();
        let mut frame = Vec::new();
        let mut size = 0;
        for message in self.messages() {
            // Whoever is told by me is told by me.
            let message = ChatMessage { told_by: None, ..message.clone() };
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

    /// A connection to a peer stands or is over: what it told before does not count any more.
    pub fn forget_teller(&mut self, peer: &str) {
        self.told.remove(peer);
    }

    /// Takes over what a peer says was written before one `joined` (in milliseconds since 1970). It is marked as that peer's word,
    /// unless that is the author. Nobody can tell what `me` is to have written. Returns the new ones and where they stand.
    pub fn merge(
        &mut self,
        history: &Value,
        teller: Teller<'_>,
        me: &str,
        joined: u64,
        now: u64,
    ) -> Vec<(ChatMessage, usize)> {
        let mut told = self.told.remove(teller.id).unwrap_or_default();
        let last = told.last.as_ref().and_then(|(author, id)| self.position(author, id));
        let mut cursor = last.map_or(0, |index| index + 1).min(self.earlier);
        let mut new = Vec::new();
        for mut message in take_told(history, &mut told, now) {
            let own_word = message.author == teller.id;
            if message.author == me || (!own_word && message.at > joined) {
                continue;
            }
            if own_word {
                teller.name.clone_into(&mut message.from);
            } else {
                message.told_by = Some(teller.name.to_owned());
            }
            if message.from.is_empty() {
                NO_NAME.clone_into(&mut message.from);
            }
            told.last = Some((message.author.clone(), message.id.clone()));
            match self.position(&message.author, &message.id) {
                Some(index) if index >= self.earlier => {}
                Some(index) => {
                    cursor = cursor.max(index + 1);
                    let known = &mut self.entries[index];
                    if own_word && known.message.told_by.is_some() {
                        *known = Entry { source: teller.id.to_owned(), message: message.clone() };
                        new.push((message, index));
                    }
                }
                None => {
                    self.entries.insert(cursor, Entry { source: teller.id.to_owned(), message: message.clone() });
                    self.earlier += 1;
                    new.push((message, cursor));
                    cursor += 1;
                    if self.evict().is_some_and(|removed| removed < cursor) {
                        cursor -= 1;
                    }
                }
            }
        }
        self.told.insert(teller.id.to_owned(), told);
        new
    }

    /// Takes over what a peer wrote while there was no connection to it: of its history only its own words, after the last one
    /// that is known. They are the newest here. Returns the new ones.
    pub fn catch_up(&mut self, history: &Value, teller: Teller<'_>, now: u64) -> Vec<ChatMessage> {
        let mut told = self.told.remove(teller.id).unwrap_or_default();
        let mut own = take_told(history, &mut told, now);
        self.told.insert(teller.id.to_owned(), told);
        own.retain(|message| message.author == teller.id);
        let known = own.iter().rposition(|message| self.position(&message.author, &message.id).is_some());
        let missed = own.into_iter().skip(known.map_or(0, |index| index + 1));
        missed.filter_map(|message| self.receive(ChatMessage { from: teller.name.to_owned(), ..message })).collect()
    }

    fn position(&self, author: &str, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.message.author == author && entry.message.id == id)
    }

    fn remove(&mut self, index: usize) {
        self.entries.remove(index);
        if index < self.earlier {
            self.earlier -= 1;
        }
    }

    /// Makes room, if there is too much: the index of what went.
    fn evict(&mut self) -> Option<usize> {
        if self.entries.len() <= limits::CHAT_HISTORY {
            return None;
        }
        let mut counts = HashMap::<&str, usize>::new();
        for entry in &self.entries {
            *counts.entry(&entry.source).or_default() += 1;
        }
        let most = |(index, entry): &(usize, &Entry)| (counts.get(entry.source.as_str()).copied(), Reverse(*index));
        let (index, _) = self.entries.iter().enumerate().max_by_key(most)?;
        self.remove(index);
        Some(index)
    }

    /// An id for a message whose author gave none: the same for everyone who saw all that the author wrote, so that those who
    /// tell it later tell one.
    fn new_id(&self, message: &ChatMessage) -> String {
        let mut hasher = DefaultHasher::new();
        message.text.hash(&mut hasher);
        let prefix = format!("{:016x}-", hasher.finish());
        let numbers = self.messages().filter(|known| known.author == message.author).filter_map(|known| {
            let number: u32 = known.id.strip_prefix(&prefix)?.parse().ok()?;
            Some(number)
        });
        let next = numbers.max().map_or(0, |number| u64::from(number) + 1);
        let id = format!("{prefix}{next}");
        let free = self.position(&message.author, &id).is_none();
        if free { id } else { Uuid::new_v4().to_string() }
    }
}

/// The messages of one frame of a history, as many as its teller may tell.
fn take_told(history: &Value, told: &mut Told, now: u64) -> Vec<ChatMessage> {
    let Some(list) = history.as_array() else { return Vec::new() };
    let list = &list[..list.len().min(limits::CHAT_HISTORY.saturating_sub(told.count))];
    told.count += list.len();
    let messages = list.iter().filter_map(|value| ChatMessage::parse_relayed(value, now));
    messages.filter(|message| !message.id.is_empty()).collect()
}
