//! The signaling server of a world: one room, the rules of `confab-server`, and lines that can be cut.

use super::World;
use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::signaling::link_event::{Broken, LinkEvent};
use confab_wire::signaling::{
    INIT_OFFER, InitOffer, JOIN_ROOM, JoinReply, JoinRoom, MESSAGE, Member, PEER_LEFT, PeerRef, Relayed,
    USER_CONNECTED, USER_DISCONNECTED, Welcome,
};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use url::Url;

/// Longest time a message takes on a line.
const LATENCY_MS: u64 = 120;
/// How long an attempt to reach a server takes that is not reachable.
const REFUSAL: Duration = Duration::from_millis(300);

/// The server.
#[derive(Debug)]
pub(super) struct Server {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    /// Hosts whose lines are cut.
    cut: HashSet<String>,
    lines: Vec<Arc<ClientConnection>>,
    seats: Vec<Seat>,
    lines_made: u64,
    /// Chance that an answer, a candidate or a question comes twice.
    echo: f64,
}

#[derive(Debug)]
struct Seat {
    id: String,
    line: Arc<ClientConnection>,
}

/// One connection of a client. Each direction keeps its order.
#[derive(Debug)]
struct ClientConnection {
    host: String,
    number: u64,
    up: mpsc::UnboundedSender<(Instant, Sent)>,
    down: mpsc::UnboundedSender<(Instant, Said)>,
    /// When the last message of each direction arrives.
    last: Mutex<[Instant; 2]>,
    dead: AtomicBool,
    /// Not even the end of it is heard.
    stranded: AtomicBool,
}

#[derive(Debug)]
struct Sent {
    event: String,
    args: Vec<Value>,
    request: Option<u64>,
}

/// What comes out of a line, at last that it is cut.
type Said = Result<LinkEvent, Broken>;
/// What is on its way to a client, and when it arrives.
type Down = mpsc::UnboundedReceiver<(Instant, Said)>;

/// The client's end of a line.
pub(crate) struct Wire {
    line: Arc<ClientConnection>,
    server: Arc<Server>,
    events: Down,
    /// What is on its way.
    next: Option<(Instant, Said)>,
}

/// Connects to the server of this thread's world, if there is one, and gives the own id. The host name says who calls.
pub(crate) async fn dial(url: &Url) -> Option<Result<(Wire, String), ConnectError>> {
    let server = World::current()?.server;
    let host = url.host_str().unwrap_or_default().to_owned();
    sleep(REFUSAL).await;
    Some(match server.accept(host) {
        Some((line, events)) => {
            let sid = format!("id-{}", line.number);
            Ok((Wire { line, server, events, next: None }, sid))
        }
        None => Err(ConnectError::new(ConnectErrorKind::Unreachable)),
    })
}

impl Wire {
    /// Nothing is lost when this is dropped half-way.
    pub(crate) async fn recv(&mut self) -> Said {
        if self.next.is_none() {
            self.next = self.events.recv().await;
        }
        match &self.next {
            Some((at, _)) => sleep_until(*at).await,
            None => std::future::pending().await,
        }
        match self.next.take() {
            Some((_, said)) => said,
            None => std::future::pending().await,
        }
    }

    pub(crate) fn emit(&self, event: &str, args: Vec<Value>, request: Option<u64>) -> Result<(), Broken> {
        // What is written to a line that is cut is lost without a word.
        if !self.line.dead.load(Ordering::Relaxed) {
            let at = self.server.arrival(&self.line, 0);
            self.line.up.send((at, Sent { event: event.to_owned(), args, request })).ok();
        }
        Ok(())
    }

    pub(crate) fn close(&self) {
        self.line.dead.store(true, Ordering::Relaxed);
        if !self.line.stranded.load(Ordering::Relaxed) {
            self.server.hung_up(&self.line);
        }
    }
}

impl Server {
    pub(super) fn new(rng: StdRng) -> Arc<Self> {
        let state = State { rng, cut: HashSet::new(), lines: Vec::new(), seats: Vec::new(), lines_made: 0, echo: 0.0 };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Chance that an answer, a candidate or a question is delivered twice.
    pub(super) fn set_echo(&self, echo: f64) {
        self.state.lock().unwrap().echo = echo;
    }

    /// Cuts the line of `host` and lets no new one be made. Both ends notice in their own time; until then what they say
    /// is lost.
    pub(super) fn cut(self: &Arc<Self>, host: &str) {
        let (lines, client, server) = {
            let mut state = self.state.lock().unwrap();
            state.cut.insert(host.to_owned());
            let lines: Vec<Arc<ClientConnection>> =
                state.lines.iter().filter(|line| line.host == host).cloned().collect();
            state.lines.retain(|line| line.host != host);
            let mut notice = |max| Duration::from_millis(state.rng.random_range(0..max));
            (lines, notice(4_000), notice(9_000))
        };
        for line in lines {
            line.dead.store(true, Ordering::Relaxed);
            line.down.send((Instant::now() + client, Err(Broken("cut".to_owned())))).ok();
            let this = Arc::clone(self);
            tokio::spawn(async move {
                sleep(server).await;
                this.hung_up(&line);
            });
        }
    }

    /// What is said on the line of `host` is lost from now on, and neither end is told. It may make a new one.
    pub(super) fn strand(&self, host: &str) {
        for line in self.state.lock().unwrap().lines.iter().filter(|line| line.host == host) {
            line.dead.store(true, Ordering::Relaxed);
            line.stranded.store(true, Ordering::Relaxed);
        }
    }

    /// Lets `host` connect again.
    pub(super) fn mend(&self, host: &str) {
        self.state.lock().unwrap().cut.remove(host);
    }

    fn accept(self: &Arc<Self>, host: String) -> Option<(Arc<ClientConnection>, Down)> {
        let mut state = self.state.lock().unwrap();
        if state.cut.contains(&host) {
            return None;
        }
        state.lines_made += 1;
        let (up, mut from_client) = mpsc::unbounded_channel::<(Instant, Sent)>();
        let (down, to_client) = mpsc::unbounded_channel();
        let now = Instant::now();
        let line = Arc::new(ClientConnection {
            host,
            number: state.lines_made,
            up,
            down,
            last: Mutex::new([now; 2]),
            dead: AtomicBool::new(false),
            stranded: AtomicBool::new(false),
        });
        state.lines.push(Arc::clone(&line));
        let (this, caller) = (Arc::clone(self), Arc::downgrade(&line));
        tokio::spawn(async move {
            while let Some((at, sent)) = from_client.recv().await {
                sleep_until(at).await;
                let Some(line) = caller.upgrade() else { return };
                if !line.dead.load(Ordering::Relaxed) {
                    this.handle(&line, sent);
                }
            }
        });
        Some((line, to_client))
    }

    /// When a message that is sent now arrives.
    fn arrival(&self, line: &ClientConnection, direction: usize) -> Instant {
        let latency = self.state.lock().unwrap().rng.random_range(1..LATENCY_MS);
        arrival(line, direction, latency)
    }

    fn hung_up(&self, line: &Arc<ClientConnection>) {
        let mut state = self.state.lock().unwrap();
        state.lines.retain(|other| other.number != line.number);
        let Some(place) = state.seats.iter().position(|seat| seat.line.number == line.number) else { return };
        let gone = json!(PeerRef { id: state.seats.remove(place).id });
        state.tell_all(PEER_LEFT, &gone);
        state.tell_all(USER_DISCONNECTED, &gone);
    }

    fn handle(&self, line: &Arc<ClientConnection>, sent: Sent) {
        let mut state = self.state.lock().unwrap();
        let argument = sent.args.into_iter().next().unwrap_or_default();
        match sent.event.as_str() {
            JOIN_ROOM => {
                let join: JoinRoom = serde_json::from_value(argument).expect("a request to join");
                let welcome = state.join(line, join);
                let reply = serde_json::to_value(JoinReply::Welcome(welcome)).unwrap();
                state.push(line, LinkEvent::Ack(sent.request.expect("a request"), vec![reply]));
            }
            MESSAGE => {
                let Relayed { target, data, .. } = serde_json::from_value(argument).expect("a signal");
                state.relay(line, &target, &data);
            }
            _ => {}
        }
    }
}

fn arrival(line: &ClientConnection, direction: usize, latency_ms: u64) -> Instant {
    let mut last = line.last.lock().unwrap();
    last[direction] = last[direction].max(Instant::now() + Duration::from_millis(latency_ms));
    last[direction]
}

impl State {
    fn push(&mut self, line: &ClientConnection, event: LinkEvent) {
        if !line.dead.load(Ordering::Relaxed) {
            let at = arrival(line, 1, self.rng.random_range(1..LATENCY_MS));
            line.down.send((at, Ok(event))).ok();
        }
    }

    fn tell(&mut self, line: &ClientConnection, event: &str, data: &Value) {
        self.push(line, LinkEvent::Event { name: event.to_owned(), args: vec![data.clone()] });
    }

    fn tell_all(&mut self, event: &str, data: &Value) {
        let lines: Vec<Arc<ClientConnection>> = self.seats.iter().map(|seat| Arc::clone(&seat.line)).collect();
        for line in lines {
            self.tell(&line, event, data);
        }
    }

    /// As `confab-server` does it: the token is the id itself here.
    fn join(&mut self, line: &Arc<ClientConnection>, join: JoinRoom) -> Welcome {
        let inside = self.seats.iter().any(|seat| seat.line.number == line.number);
        let resumed = join.resume.is_some();
        let id = join.resume.unwrap_or_else(|| format!("id-{}", line.number));
        let taken = self.seats.iter().any(|seat| seat.id == id);
        let connected = if resumed { join.connected } else { Vec::new() };
        let others: Vec<(String, Arc<ClientConnection>)> = self
            .seats
            .iter()
            .filter(|seat| seat.id != id)
            .map(|seat| (seat.id.clone(), Arc::clone(&seat.line)))
            .collect();
        let me = json!(Member { id: id.clone(), name: line.host.clone(), metadata: None });
        for (other, theirs) in &others {
            if !inside {
                let member = json!(Member { id: other.clone(), name: theirs.host.clone(), metadata: None });
                self.tell(line, USER_CONNECTED, &member);
            }
            if !taken {
                self.tell(theirs, USER_CONNECTED, &me);
            }
            if !connected.contains(other) && (!inside || resumed) {
                self.tell(theirs, INIT_OFFER, &json!(InitOffer { source: id.clone(), metadata: None }));
            }
        }
        self.seats.retain(|seat| seat.id != id);
        self.seats.push(Seat { id: id.clone(), line: Arc::clone(line) });
        let members =
            others.into_iter().map(|(id, line)| Member { id, name: line.host.clone(), metadata: None }).collect();
        Welcome { id: id.clone(), members, ice_servers: Vec::new(), resume: Some(id) }
    }

    fn relay(&mut self, line: &ClientConnection, target: &str, data: &Value) {
        let source = self.seats.iter().find(|seat| seat.line.number == line.number).map(|seat| seat.id.clone());
        let theirs = self.seats.iter().find(|seat| seat.id == target).map(|seat| Arc::clone(&seat.line));
        let (Some(source), Some(theirs)) = (source, theirs) else { return };
        let message = json!(Relayed { source, target: target.to_owned(), data: data.clone() });
        let offer = data["description"]["type"] == "offer";
        let times = if !offer && self.echo > 0.0 && self.rng.random_bool(self.echo) { 2 } else { 1 };
        for _ in 0..times {
            self.tell(&theirs, MESSAGE, &message);
        }
    }
}
