//! The verbs of channels for a peer of ours.

use crate::conformance::Outcome;
use crate::conformance::ours::{Entries, Ours, list};
use confab_rtcio::{
    BroadcastChannel, Channel, ChannelData, ChannelEvent, ChannelEvents, ChannelListener, ChannelMessage,
    ChannelOptions, ReadyState,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

/// To one peer, or to all.
#[derive(Clone)]
pub enum AnyChannel {
    One(Channel),
    All(BroadcastChannel),
}

impl AnyChannel {
    fn events(&self) -> ChannelEvents {
        match self {
            Self::One(channel) => channel.events(),
            Self::All(channel) => channel.events(),
        }
    }

    fn on(&self, event: &str) -> ChannelListener {
        match self {
            Self::One(channel) => channel.on(event),
            Self::All(channel) => channel.on(event),
        }
    }

    async fn send(&self, data: ChannelData) -> bool {
        match self {
            Self::One(channel) => channel.send(data).await,
            Self::All(channel) => channel.send(data).await,
        }
    }
}

fn options(wish: &Value) -> ChannelOptions {
    let number = |key: &str| wish.get(key).and_then(Value::as_u64);
    let mut options = ChannelOptions::default();
    options.ordered = wish.get("ordered").and_then(Value::as_bool);
    options.max_retransmits = number("maxRetransmits").map(|number| number as u16);
    options.max_packet_life_time = number("maxPacketLifeTime").map(|number| number as u16);
    options.queue_budget = number("queueBudget").map_or(options.queue_budget, |bytes| bytes as usize);
    options.high_watermark = number("highWatermark").map_or(options.high_watermark, |bytes| bytes as usize);
    options.low_watermark = number("lowWatermark").map_or(options.low_watermark, |bytes| bytes as usize);
    options
}

/// What happens on the channel `tag`, as the log has it; events that travel as text have listeners of their own.
fn entry(tag: &str, event: ChannelEvent) -> Option<Value> {
    let (event, args) = match event {
        ChannelEvent::Open => ("open", json!([])),
        ChannelEvent::Close => ("close", json!([])),
        ChannelEvent::Error(error) => ("error", json!([error.to_string()])),
        ChannelEvent::Drain => ("drain", json!([])),
        ChannelEvent::Data(bytes) => {
            let number = bytes.first_chunk().map(|chunk| u32::from_be_bytes(*chunk));
            ("data", json!([{ "$bytes": bytes.len(), "number": number }]))
        }
        ChannelEvent::PeerLeft(id) => ("peer-left", json!([id])),
        ChannelEvent::Message { .. } => return None,
    };
    Some(json!({ "channel": tag, "event": event, "args": args }))
}

fn message(tag: &str, message: &ChannelMessage) -> Value {
    json!({ "channel": tag, "event": message.event, "args": message.args })
}

impl Ours {
    fn known(&self, tag: &str) -> Outcome<AnyChannel> {
        Ok(self.channels.get(tag).cloned().ok_or_else(|| format!("there is no channel {tag}"))?)
    }

    pub async fn channel(&mut self, tag: &str, name: &str, wish: Value) -> Outcome {
        let options = options(&wish);
        let channel = match wish.get("peer").and_then(Value::as_str) {
            Some(id) => AnyChannel::One(self.socket.peer(id).create_channel(name, options)?),
            None => AnyChannel::All(self.socket.create_channel(name, options)?),
        };
        let owner = tag.to_owned();
        let entries: Entries =
            Box::pin(channel.events().filter_map(move |event| std::future::ready(entry(&owner, event))));
        self.listening.push((tag.to_owned(), entries));
        self.channels.insert(tag.to_owned(), channel);
        Ok(())
    }

    pub async fn channel_on(&mut self, tag: &str, event: &str, options: Value) -> Outcome {
        let (channel, owner) = (self.known(tag)?, tag.to_owned());
        let once = options.get("once").and_then(Value::as_bool) == Some(true);
        let heard = channel.on(event).map(move |heard| message(&owner, &heard));
        let entries: Entries = if once { Box::pin(heard.take(1)) } else { Box::pin(heard) };
        self.listening.push((tag.to_owned(), entries));
        Ok(())
    }

    pub async fn channel_emit(&mut self, tag: &str, event: &str, args: Value) -> Outcome {
        match self.known(tag)? {
            AnyChannel::One(channel) => channel.emit(event, list(args)).await,
            AnyChannel::All(channel) => channel.emit(event, list(args)).await,
        };
        Ok(())
    }

    pub async fn channel_send(&mut self, tag: &str, data: Value) -> Outcome<Value> {
        let channel = self.known(tag)?;
        if let Some(text) = data.get("text").and_then(Value::as_str) {
            return Ok(json!([channel.send(text.into()).await]));
        }
        let number = |key: &str, otherwise: u64| data.get(key).and_then(Value::as_u64).unwrap_or(otherwise);
        let sends = stream::iter(0..number("count", 1) as u32).then(|index| {
            let mut bytes = vec![0; number("size", 4) as usize];
            bytes[..4].copy_from_slice(&index.to_be_bytes());
            channel.send(bytes.into())
        });
        Ok(sends.map(Value::Bool).collect::<Vec<_>>().await.into())
    }

    pub async fn channel_state(&mut self, tag: &str) -> Outcome<Value> {
        Ok(match self.known(tag)? {
            AnyChannel::One(channel) => {
                let state = match channel.ready_state() {
                    ReadyState::Connecting => "connecting",
                    ReadyState::Open => "open",
                    ReadyState::Closing => "closing",
                    ReadyState::Closed => "closed",
                };
                json!({ "readyState": state, "bufferedAmount": channel.buffered_amount().await })
            }
            AnyChannel::All(channel) => json!({ "peerCount": channel.peer_count(), "closed": channel.is_closed() }),
        })
    }

    pub async fn channel_close(&mut self, tag: &str) -> Outcome {
        match self.known(tag)? {
            AnyChannel::One(channel) => channel.close(),
            AnyChannel::All(channel) => channel.close(),
        }
        Ok(())
    }

    /// Handles are no objects: two of one channel hear the same, which the closing of one shows.
    pub async fn same_channel(&mut self, one: &str, other: &str) -> Outcome<bool> {
        Ok(match (self.known(one)?, self.known(other)?) {
            (AnyChannel::All(one), AnyChannel::All(other)) => one.name() == other.name(),
            (AnyChannel::One(one), AnyChannel::One(other)) => one.name() == other.name() && one.peer() == other.peer(),
            _ => false,
        })
    }
}
