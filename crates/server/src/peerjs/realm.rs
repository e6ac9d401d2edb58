//! Who is connected, and what waits for those who are not, without any I/O.

use super::message::Refusal;
use super::query::is_id;
use crate::limits::Limits;
use crate::net::{Address, Charge};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// What a queue costs besides its messages, in bytes, so that nobody has many of them with nothing inside.
const QUEUE_COST: usize = 16 * 1024;
/// What a message costs besides its text.
const MESSAGE_COST: usize = 256;

/// Bounds and times of a realm.
pub(super) struct Policy {
    pub(super) clients: usize,
    pub(super) alive: Duration,
    pub(super) expire: Duration,
    pub(super) limits: Limits,
}

/// The clients of a server by their ids. `C` is how the caller knows a connection.
pub(super) struct Realm<C> {
    clients: HashMap<Arc<str>, Client<C>>,
    waiting: HashMap<String, Queue>,
    /// Bytes of all that waits, with what that costs.
    waiting_bytes: usize,
    policy: Policy,
}

struct Client<C> {
    connection: C,
    token: Arc<str>,
    heard: Instant,
}

/// Messages to somebody who is not connected.
struct Queue {
    since: Instant,
    messages: Vec<Waiting>,
    bytes: usize,
}

struct Waiting {
    from: Arc<str>,
    /// That of the sender: whoever has its id later is the same client only with the same token.
    token: Arc<str>,
    text: Utf8Bytes,
    charge: Charge,
}

/// A client that got in.
pub(super) struct Admitted<C> {
    /// What has waited for it, in order.
    pub(super) waited: Vec<Utf8Bytes>,
    /// Its earlier connection, which it takes the place of.
    pub(super) replaced: Option<C>,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<C> {
    /// Its receiver is there.
    To(C),
    /// It waits.
    Waits,
    /// It can't wait, since there is no room for it.
    Expired,
    /// The sender is not the client of its id any more.
    Stale,
}

/// A client whose messages have waited too long for another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expired<C> {
    pub(super) sender: C,
    pub(super) sender_id: Arc<str>,
    /// Whom they were for.
    pub(super) receiver: String,
}

impl<C: Clone + PartialEq> Realm<C> {
    pub(super) fn new(policy: Policy) -> Self {
        Self { clients: HashMap::new(), waiting: HashMap::new(), waiting_bytes: 0, policy }
    }

    /// Lets a client in, or refuses it: then nothing has changed.
    pub(super) fn connect(
        &mut self,
        id: &Arc<str>,
        token: &str,
        connection: C,
        now: Instant,
    ) -> Result<Admitted<C>, Refusal> {
        if let Some(known) = self.clients.get_mut(id) {
            if *known.token != *token {
                return Err(Refusal::Taken);
            }
            known.heard = now;
            let replaced = Some(std::mem::replace(&mut known.connection, connection));
            return Ok(Admitted { waited: Vec::new(), replaced });
        }
        if self.clients.len() >= self.policy.clients {
            return Err(Refusal::Full);
        }
        self.clients.insert(Arc::clone(id), Client { connection, token: token.into(), heard: now });
        let waited = self.take_queue(id).map(|queue| queue.messages.into_iter().map(|waiting| waiting.text).collect());
        Ok(Admitted { waited: waited.unwrap_or_default(), replaced: None })
    }

    /// Frees the id of `connection`, unless another one has it meanwhile.
    pub(super) fn disconnect(&mut self, id: &str, connection: &C) {
        if self.is(id, connection) {
            self.clients.remove(id);
        }
    }

    /// A client says that it is alive.
    pub(super) fn heartbeat(&mut self, id: &str, connection: &C, now: Instant) {
        if let Some(client) = self.clients.get_mut(id).filter(|client| client.connection == *connection) {
            client.heard = now;
        }
    }

    /// The way of a message to `receiver`. If that one is not connected, `message` waits, where `waits` allows it.
    pub(super) fn route(
        &mut self,
        (sender, connection, address): (&Arc<str>, &C, &Arc<Address>),
        receiver: &str,
        message: Option<impl FnOnce() -> Utf8Bytes>,
        now: Instant,
    ) -> Option<Route<C>> {
        if !self.is(sender, connection) {
            return Some(Route::Stale);
        }
        if let Some(client) = self.clients.get(receiver) {
            return Some(Route::To(client.connection.clone()));
        }
        let text = message?();
        let queued = is_id(receiver) && self.queue(sender, address, receiver, text, now);
        Some(if queued { Route::Waits } else { Route::Expired })
    }

    fn queue(
        &mut self,
        sender: &Arc<str>,
        address: &Arc<Address>,
        receiver: &str,
        text: Utf8Bytes,
        now: Instant,
    ) -> bool {
        let limits = &self.policy.limits;
        let Some(token) = self.clients.get(sender).map(|client| Arc::clone(&client.token)) else { return false };
        let known = self.waiting.get(receiver);
        let (count, bytes) = known.map_or((0, 0), |queue| (queue.messages.len(), queue.bytes));
        let cost = text.len() + MESSAGE_COST + if known.is_some() { 0 } else { QUEUE_COST };
        if count >= limits.waiting_messages
            || bytes + text.len() > limits.waiting_bytes
            || self.waiting_bytes + cost > limits.waiting_bytes_in_all
        {
            return false;
        }
        let Some(charge) = Charge::new(address, cost, limits.waiting_bytes_per_address) else { return false };
        self.waiting_bytes += cost;
        let new = || Queue { since: now, messages: Vec::new(), bytes: 0 };
        let queue = self.waiting.entry(receiver.to_owned()).or_insert_with(new);
        queue.bytes += text.len();
        queue.messages.push(Waiting { from: Arc::clone(sender), token, text, charge });
        true
    }

    fn take_queue(&mut self, id: &str) -> Option<Queue> {
        let queue = self.waiting.remove(id)?;
        self.waiting_bytes -= queue.messages.iter().map(|waiting| waiting.charge.bytes()).sum::<usize>();
        Some(queue)
    }

    /// Drops what has waited too long, a whole queue at once, and returns those who are to learn of it: each sender once.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Expired<C>> {
        let over = |queue: &Queue| now.saturating_duration_since(queue.since) >= self.policy.expire;
        let ended: Vec<String> =
            self.waiting.iter().filter(|(_, queue)| over(queue)).map(|(id, _)| id.clone()).collect();
        let mut expired = Vec::new();
        for receiver in ended {
            let queue = self.take_queue(&receiver);
            let mut told: Vec<Arc<str>> = Vec::new();
            for Waiting { from, token, .. } in queue.into_iter().flat_map(|queue| queue.messages) {
                let same = |client: &&Client<C>| client.token == token && !told.contains(&from);
                let Some(client) = self.clients.get(&from).filter(same) else { continue };
                told.push(Arc::clone(&from));
                let sender = client.connection.clone();
                expired.push(Expired { sender, sender_id: from, receiver: receiver.clone() });
            }
        }
        expired
    }

    /// Frees the ids of those who have not said for too long that they are alive, and returns them.
    pub(super) fn end_silent(&mut self, now: Instant) -> Vec<C> {
        let alive = self.policy.alive;
        let silent = |client: &Client<C>| now.saturating_duration_since(client.heard) >= alive;
        self.clients.extract_if(|_, client| silent(client)).map(|(_, client)| client.connection).collect()
    }

    /// All ids.
    pub(super) fn ids(&self) -> Vec<Arc<str>> {
        self.clients.keys().cloned().collect()
    }

    /// True if a client is connected under `id`.
    pub(super) fn has(&self, id: &str) -> bool {
        self.clients.contains_key(id)
    }

    /// All connections.
    pub(super) fn connections(&self) -> Vec<C> {
        self.clients.values().map(|client| client.connection.clone()).collect()
    }

    fn is(&self, id: &str, connection: &C) -> bool {
        self.clients.get(id).is_some_and(|client| client.connection == *connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Addresses;

    struct World {
        realm: Realm<u32>,
        address: Arc<Address>,
        start: Instant,
    }

    impl World {
        fn new(limits: Limits) -> Self {
            let address = Addresses::new(Limits::default()).of([192, 0, 2, 1].into());
            let (alive, expire) = (Duration::from_secs(90), Duration::from_secs(5));
            let realm = Realm::new(Policy { clients: 3, alive, expire, limits });
            Self { realm, address, start: Instant::now() }
        }

        fn connect(&mut self, id: &str, token: &str, connection: u32) -> Result<Admitted<u32>, Refusal> {
            self.realm.connect(&id.into(), token, connection, self.start)
        }

        fn send(&mut self, sender: &str, connection: u32, to: &str, text: &'static str, after: u64) -> Route<u32> {
            let now = self.start + Duration::from_secs(after);
            let from = (&Arc::from(sender), &connection, &self.address);
            self.realm.route(from, to, Some(|| text.into()), now).unwrap()
        }

        fn expired(&mut self, after: u64) -> Vec<String> {
            let expired = self.realm.expire(self.start + Duration::from_secs(after));
            let mut told: Vec<String> =
                expired.into_iter().map(|one| format!("{}:{}", one.sender_id, one.receiver)).collect();
            told.sort();
            told
        }
    }

    #[test]
    fn an_id_is_its_tokens_and_the_newest_connections() {
        let mut world = World::new(Limits::default());
        assert!(world.connect("ann", "t", 1).is_ok_and(|admitted| admitted.replaced.is_none()));
        assert_eq!(world.connect("ann", "u", 2).err(), Some(Refusal::Taken));
        assert!(world.connect("ann", "t", 3).is_ok_and(|admitted| admitted.replaced == Some(1)));
        world.realm.disconnect("ann", &1);
        assert!(world.realm.has("ann"), "the end of the old one frees nothing");
        assert_eq!(world.send("ann", 1, "ann", "x", 0), Route::Stale);
        assert_eq!(world.send("ann", 3, "ann", "x", 0), Route::To(3));
        world.realm.disconnect("ann", &3);
        assert!(world.connect("ann", "u", 4).is_ok());
        assert!(world.connect("bob", "t", 5).is_ok() && world.connect("cat", "t", 6).is_ok());
        assert_eq!(world.connect("dan", "t", 7).err(), Some(Refusal::Full));
        assert!(world.connect("cat", "t", 8).is_ok(), "who comes back takes no more room");
    }

    #[test]
    fn what_waits_is_delivered_in_order_or_expires_as_a_whole() {
        let mut world = World::new(Limits::default());
        world.connect("ann", "t", 1).ok().unwrap();
        world.connect("bob", "t", 2).ok().unwrap();
        for (sender, connection, text, after) in [("ann", 1, "1", 0), ("bob", 2, "2", 1), ("ann", 1, "3", 4)] {
            assert_eq!(world.send(sender, connection, "cat", text, after), Route::Waits);
        }
        assert_eq!(world.expired(4), Vec::<String>::new());
        let waited = world.connect("cat", "t", 3).ok().unwrap().waited;
        assert_eq!(waited.iter().map(|text| text.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(world.realm.waiting_bytes, 0);
        assert_eq!(world.send("ann", 1, "ghost", "1", 10), Route::Waits);
        assert_eq!(world.send("ann", 1, "ghost", "2", 14), Route::Waits, "expires with the first");
        assert_eq!(world.send("bob", 2, "ghost", "3", 14), Route::Waits);
        assert_eq!(world.expired(15), ["ann:ghost", "bob:ghost"]);
        assert_eq!((world.expired(30), world.realm.waiting_bytes), (Vec::new(), 0));
    }

    #[test]
    fn only_who_sent_it_learns_that_it_expired() {
        let mut world = World::new(Limits::default());
        world.connect("ann", "t", 1).ok().unwrap();
        world.connect("bob", "t", 2).ok().unwrap();
        assert_eq!(world.send("ann", 1, "ghost", "1", 0), Route::Waits);
        assert_eq!(world.send("bob", 2, "ghost", "2", 0), Route::Waits);
        world.realm.disconnect("ann", &1);
        world.realm.disconnect("bob", &2);
        world.connect("ann", "of somebody else", 3).ok().unwrap();
        world.connect("bob", "t", 4).ok().unwrap();
        let told = world.realm.expire(world.start + Duration::from_secs(5));
        assert_eq!(told.iter().map(|one| one.sender).collect::<Vec<_>>(), [4], "the one who came back");
    }

    #[test]
    fn what_waits_is_bounded_for_a_receiver_an_address_and_in_all() {
        let limits = Limits { waiting_messages: 2, ..Limits::default() };
        let mut world = World::new(limits);
        world.connect("ann", "t", 1).ok().unwrap();
        let mut send = |to: &str| world.send("ann", 1, to, "x", 0);
        assert_eq!([send("a"), send("a"), send("a"), send("b")][2..], [Route::Expired, Route::Waits]);
        assert_eq!(send(&"x".repeat(1_000)), Route::Expired, "nobody can have that id");
        for limits in [
            Limits { waiting_bytes_per_address: QUEUE_COST + 1_000, ..Limits::default() },
            Limits { waiting_bytes_in_all: QUEUE_COST + 1_000, ..Limits::default() },
        ] {
            let mut world = World::new(limits);
            world.connect("ann", "t", 1).ok().unwrap();
            let mut send = |to: &str| world.send("ann", 1, to, "x", 0);
            assert_eq!([send("a"), send("a"), send("b")], [Route::Waits, Route::Waits, Route::Expired]);
            world.expired(9);
            assert_eq!(world.send("ann", 1, "b", "x", 9), Route::Waits, "room again");
        }
        let mut world = World::new(Limits { waiting_bytes: 3, ..Limits::default() });
        world.connect("ann", "t", 1).ok().unwrap();
        assert_eq!([(); 4].map(|()| world.send("ann", 1, "a", "x", 0))[2..], [Route::Waits, Route::Expired]);
    }

    #[test]
    fn who_gives_no_heartbeat_loses_its_id() {
        let mut world = World::new(Limits::default());
        world.connect("ann", "t", 1).ok().unwrap();
        world.connect("bob", "t", 2).ok().unwrap();
        let at = |seconds: u64| world.start + Duration::from_secs(seconds);
        world.realm.heartbeat("bob", &2, at(60));
        world.realm.heartbeat("ann", &7, at(60));
        assert_eq!(world.realm.end_silent(at(89)), Vec::<u32>::new());
        assert_eq!(world.realm.end_silent(at(90)), [1]);
        assert!(!world.realm.has("ann") && world.realm.has("bob"));
    }
}
