//! Who is connected and subscribed, and in which order everybody learns what, without any I/O: a change returns what is to
//! be sent to whom. The caller sends it before the next change, so that each channel has one order for all.

use super::frame::{ErrorCode, PeerEntry, ServerFrame};
use crate::limits::Limits;
use confab_wire::rate_limit::RateLimiter;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Channels of one connection.
const CHANNELS: usize = 100;
/// Peers of one channel: with their ids and metadata in full size the roster is below 1 MiB, the most that clients take.
const PEERS: usize = 224;

/// A frame for a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Effect<C> {
    pub(super) to: C,
    pub(super) text: Utf8Bytes,
    /// What another client has said may be dropped where there is too much of it, what the server says may not.
    pub(super) relayed: bool,
}

/// Peers and channels. `C` is how the caller knows a connection.
pub(super) struct Hub<C> {
    peers: HashMap<Arc<str>, Peer<C>>,
    channels: HashMap<String, Channel>,
    /// A channel's limiter before its first use.
    joins: RateLimiter,
}

struct Channel {
    members: Vec<Member>,
    /// How often peers may subscribe: each time one is sent the roster, and all others are told.
    joins: RateLimiter,
}

struct Peer<C> {
    connection: C,
    metadata: Option<Arc<RawValue>>,
    /// It learns who is there.
    sees: bool,
    channels: Vec<String>,
}

struct Member {
    id: Arc<str>,
    with_metadata: bool,
}

impl<C: Clone + PartialEq> Hub<C> {
    pub(super) fn new(limits: &Limits) -> Self {
        // A full channel may come back at once.
        let burst = limits.join_burst.saturating_add(PEERS as u32);
        let joins = RateLimiter::per_second(limits.joins_per_second, burst);
        Self { peers: HashMap::new(), channels: HashMap::new(), joins }
    }

    /// A peer connects. Returns the connection that it takes the place of, and what others learn of that one's end.
    pub(super) fn connect(
        &mut self,
        id: &Arc<str>,
        connection: C,
        metadata: Option<Arc<RawValue>>,
        sees: bool,
    ) -> (Option<C>, Vec<Effect<C>>) {
        let effects = self.leave_all(id);
        let peer = Peer { connection, metadata, sees, channels: Vec::new() };
        (self.peers.insert(Arc::clone(id), peer).map(|replaced| replaced.connection), effects)
    }

    /// A connection ends.
    pub(super) fn disconnect(&mut self, id: &Arc<str>, connection: &C) -> Vec<Effect<C>> {
        if !self.is(id, connection) {
            return Vec::new();
        }
        let effects = self.leave_all(id);
        self.peers.remove(id);
        effects
    }

    /// True if `connection` is the one of `id`, and was not replaced.
    pub(super) fn is(&self, id: &Arc<str>, connection: &C) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.connection == *connection)
    }

    /// A peer subscribes, for the first time or again: it learns that it has, then who is there; then the others learn of it.
    pub(super) fn subscribe(
        &mut self,
        id: &Arc<str>,
        channel: &str,
        with_metadata: bool,
        ack: Option<Utf8Bytes>,
        now: Instant,
    ) -> Result<Vec<Effect<C>>, ErrorCode> {
        let Some(peer) = self.peers.get_mut(id) else { return Ok(Vec::new()) };
        let known = peer.channels.iter().any(|known| known == channel);
        let full = self.channels.get(channel).is_some_and(|channel| channel.members.len() >= PEERS);
        if !known && (peer.channels.len() >= CHANNELS || full) {
            return Err(ErrorCode::ChannelLimit);
        }
        if self.channels.get_mut(channel).is_some_and(|channel| !channel.joins.admit(now)) {
            return Err(ErrorCode::OverQuota);
        }
        if !known {
            peer.channels.push(channel.to_owned());
        }
        let (to, sees) = (peer.connection.clone(), peer.sees);
        let entry = self.channels.entry(channel.to_owned());
        let members = &mut entry.or_insert_with(|| Channel { members: Vec::new(), joins: self.joins.clone() }).members;
        match members.iter_mut().find(|member| member.id == *id) {
            Some(member) => member.with_metadata = with_metadata,
            None => members.push(Member { id: Arc::clone(id), with_metadata }),
        }
        let others = self.others(channel, id).filter(|_| sees);
        let roster: Vec<PeerEntry<'_>> = others.map(|member| self.entry(&member.id)).collect();
        let roster = ServerFrame::Presence { channel, joined: &roster, left: &[] }.text();
        let tell = |text| Effect { to: to.clone(), text, relayed: false };
        let mut effects: Vec<Effect<C>> = ack.into_iter().chain([roster]).map(tell).collect();
        if !known {
            let joined = [self.entry(id)];
            self.announce(id, channel, &ServerFrame::Presence { channel, joined: &joined, left: &[] }, &mut effects);
        }
        Ok(effects)
    }

    /// A peer leaves a channel.
    pub(super) fn unsubscribe(&mut self, id: &Arc<str>, channel: &str) -> Vec<Effect<C>> {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.channels.retain(|known| known != channel);
        }
        let mut effects = Vec::new();
        self.leave(id, channel, &mut effects);
        effects
    }

    /// What a peer says to a channel, for all others who have subscribed.
    pub(super) fn publish(&self, id: &Arc<str>, channel: &str, data: &RawValue) -> Vec<Effect<C>> {
        let metadata = self.peers.get(id).and_then(|peer| peer.metadata.as_deref());
        let text = |from_metadata| ServerFrame::Message { channel, from: id, from_metadata, data }.text();
        let (bare, mut whole) = (text(None), None);
        let message = |member: &Member| {
            let to = self.peers.get(&member.id)?.connection.clone();
            let text = if member.with_metadata && metadata.is_some() {
                whole.get_or_insert_with(|| text(metadata)).clone()
            } else {
                bare.clone()
            };
            Some(Effect { to, text, relayed: true })
        };
        self.others(channel, id).filter_map(message).collect()
    }

    /// What a peer says to one other.
    pub(super) fn send(&self, id: &Arc<str>, to: &str, data: &RawValue) -> Result<Effect<C>, ErrorCode> {
        let receiver = self.peers.get(to).ok_or(ErrorCode::PeerNotFound)?;
        let from_metadata = self.peers.get(id).and_then(|peer| peer.metadata.as_deref());
        let text = ServerFrame::Direct { from: id, from_metadata, data }.text();
        Ok(Effect { to: receiver.connection.clone(), text, relayed: true })
    }

    /// All connections.
    pub(super) fn connections(&self) -> Vec<C> {
        self.peers.values().map(|peer| peer.connection.clone()).collect()
    }

    fn entry<'a>(&'a self, id: &'a str) -> PeerEntry<'a> {
        PeerEntry { peer_id: id, metadata: self.peers.get(id).and_then(|peer| peer.metadata.as_deref()) }
    }

    fn leave_all(&mut self, id: &Arc<str>) -> Vec<Effect<C>> {
        let channels = self.peers.get_mut(id).map(|peer| std::mem::take(&mut peer.channels));
        let mut effects = Vec::new();
        for channel in channels.into_iter().flatten() {
            self.leave(id, &channel, &mut effects);
        }
        effects
    }

    fn leave(&mut self, id: &Arc<str>, channel: &str, effects: &mut Vec<Effect<C>>) {
        let Some(Channel { members, .. }) = self.channels.get_mut(channel) else { return };
        let Some(place) = members.iter().position(|member| member.id == *id) else { return };
        members.remove(place);
        if members.is_empty() {
            self.channels.remove(channel);
            return;
        }
        let left = [PeerEntry { peer_id: id, metadata: None }];
        self.announce(id, channel, &ServerFrame::Presence { channel, joined: &[], left: &left }, effects);
    }

    /// The members of a channel but one.
    fn others<'a>(&'a self, channel: &str, id: &'a Arc<str>) -> impl Iterator<Item = &'a Member> {
        let members = self.channels.get(channel).into_iter().flat_map(|channel| &channel.members);
        members.filter(move |member| member.id != *id)
    }

    /// Tells all others in a channel who may know.
    fn announce(&self, of: &Arc<str>, channel: &str, presence: &ServerFrame<'_>, effects: &mut Vec<Effect<C>>) {
        let text = presence.text();
        let peers = self.others(channel, of).filter_map(|member| self.peers.get(&member.id)).filter(|peer| peer.sees);
        effects.extend(peers.map(|peer| Effect { to: peer.connection.clone(), text: text.clone(), relayed: false }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World(Hub<u32>);

    fn heard(effects: Vec<Effect<u32>>) -> Vec<String> {
        effects.into_iter().map(|effect| format!("{} {}", effect.to, effect.text.as_str())).collect()
    }

    impl World {
        fn connect(&mut self, id: &str, connection: u32, sees: bool) -> (Option<u32>, Vec<String>) {
            let metadata = RawValue::from_string(format!(r#"{{"username":"{id}"}}"#)).unwrap();
            let (replaced, effects) = self.0.connect(&id.into(), connection, Some(metadata.into()), sees);
            (replaced, heard(effects))
        }

        fn subscribe(&mut self, id: &str, channel: &str) -> Vec<String> {
            heard(self.0.subscribe(&id.into(), channel, id == "bob", Some("ack".into()), Instant::now()).unwrap())
        }
    }

    fn presence(to: u32, joined: &[&str], left: &str) -> String {
        let joined: Vec<String> =
            joined.iter().map(|id| format!(r#"{{"peerId":"{id}","metadata":{{"username":"{id}"}}}}"#)).collect();
        format!(r#"{to} {{"type":"presence","channel":"r","joined":[{}],"left":[{left}]}}"#, joined.join(","))
    }

    #[test]
    fn ack_then_roster_then_the_others() {
        let mut world = World(Hub::new(&Limits::default()));
        world.connect("alice", 1, true);
        world.connect("bob", 2, true);
        world.connect("cat", 3, false);
        assert_eq!(world.subscribe("alice", "r"), ["1 ack".to_owned(), presence(1, &[], "")]);
        let second = world.subscribe("bob", "r");
        assert_eq!(second, ["2 ack".to_owned(), presence(2, &["alice"], ""), presence(1, &["bob"], "")]);
        let again = world.subscribe("alice", "r");
        assert_eq!(again, ["1 ack".to_owned(), presence(1, &["bob"], "")], "nobody else hears of it");
        let blind = world.subscribe("cat", "r");
        assert_eq!(blind[..2], ["3 ack".to_owned(), presence(3, &[], "")]);
        assert_eq!(blind[2..], [presence(1, &["cat"], ""), presence(2, &["cat"], "")]);
        // Only bob has asked for the metadata of senders.
        let data = RawValue::from_string("1".into()).unwrap();
        let published = heard(world.0.publish(&"alice".into(), "r", &data));
        assert_eq!(published.len(), 2);
        assert!(published[0].starts_with("2 ") && published[0].contains(r#""fromMetadata":{"username":"alice"}"#));
        assert_eq!(published[1], r#"3 {"type":"message","channel":"r","from":"alice","data":1}"#);
        let left = heard(world.0.unsubscribe(&"alice".into(), "r"));
        assert_eq!(left, [presence(2, &[], r#"{"peerId":"alice"}"#)]);
        assert_eq!(heard(world.0.unsubscribe(&"alice".into(), "r")), Vec::<String>::new());
    }

    #[test]
    fn who_comes_back_leaves_and_joins_in_two_frames() {
        let mut world = World(Hub::new(&Limits::default()));
        world.connect("alice", 1, true);
        world.connect("bob", 2, true);
        world.subscribe("bob", "r");
        world.subscribe("alice", "r");
        let (replaced, told) = world.connect("alice", 3, true);
        assert_eq!((replaced, told), (Some(1), vec![presence(2, &[], r#"{"peerId":"alice"}"#)]));
        assert_eq!(heard(world.0.disconnect(&"alice".into(), &1)), Vec::<String>::new(), "the old one is nobody");
        assert_eq!(world.subscribe("alice", "r")[2..], [presence(2, &["alice"], "")]);
        assert_eq!(heard(world.0.disconnect(&"alice".into(), &3)), [presence(2, &[], r#"{"peerId":"alice"}"#)]);
        world.0.disconnect(&"bob".into(), &2);
        assert!(world.0.channels.is_empty() && world.0.peers.is_empty());
    }

    #[test]
    fn channels_of_a_peer_and_peers_of_a_channel_are_bounded() {
        let mut world = World(Hub::new(&Limits::default()));
        world.connect("alice", 1, true);
        for number in 0..CHANNELS {
            world.subscribe("alice", &number.to_string());
        }
        let more = world.0.subscribe(&"alice".into(), "more", false, None, Instant::now());
        assert_eq!(more.err(), Some(ErrorCode::ChannelLimit));
        assert_eq!(world.subscribe("alice", "0").len(), 2, "one that it has");
        for number in 1..=u32::try_from(PEERS).unwrap() {
            world.connect(&number.to_string(), number + 1, true);
            let joined = world.0.subscribe(&number.to_string().into(), "0", false, None, Instant::now());
            assert_eq!(joined.is_ok(), number < 224, "{number}");
        }
        let direct = world.0.send(&"alice".into(), "nobody", &RawValue::from_string("1".into()).unwrap());
        assert_eq!(direct, Err(ErrorCode::PeerNotFound));
    }
    #[test]
    fn who_subscribes_again_and_again_is_refused_and_the_others_hear_no_more_of_it() {
        let limits = Limits { joins_per_second: 0, join_burst: 3, ..Limits::default() };
        let (mut world, now) = (World(Hub::new(&limits)), Instant::now());
        world.connect("alice", 1, true);
        world.connect("bob", 2, true);
        world.subscribe("alice", "r");
        let mut heard = 0;
        for _ in 0..1_000 {
            let effects = world.0.subscribe(&"bob".into(), "r", false, None, now);
            heard += effects.map_or(0, |effects| effects.iter().filter(|effect| effect.to == 1).count());
            heard += world.0.unsubscribe(&"bob".into(), "r").len();
        }
        assert_eq!(heard, 2 * (PEERS + 3));
        assert_eq!(world.0.subscribe(&"bob".into(), "r", false, None, now).err(), Some(ErrorCode::OverQuota));
        assert!(world.0.subscribe(&"bob".into(), "other", false, None, now).is_ok(), "another channel");
    }

    #[test]
    fn the_largest_roster_is_one_that_clients_take() {
        let mut world = World(Hub::new(&Limits::default()));
        let text = "x".repeat(confab_wire::limits::METADATA_BYTES - 8);
        let metadata: Arc<RawValue> = RawValue::from_string(format!(r#"{{"x":"{text}"}}"#)).unwrap().into();
        assert_eq!(metadata.get().len(), confab_wire::limits::METADATA_BYTES);
        let channel = "\"".repeat(256);
        let mut last = 0;
        for number in 0..u32::try_from(PEERS).unwrap() {
            let id: Arc<str> = format!("{number:0>3}{}", "\"".repeat(125)).into();
            world.0.connect(&id, number, Some(Arc::clone(&metadata)), true);
            let effects = world.0.subscribe(&id, &channel, false, None, Instant::now()).unwrap();
            last = effects[0].text.len();
        }
        assert!((900_000..1 << 20).contains(&last), "{last}");
    }
}
