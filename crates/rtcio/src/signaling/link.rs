//! One connection to a signaling server, from its handshake to its end.
//!
//! rust_socketio 0.6 does not tell when its stream ends without an error, loses what is emitted before the server has let
//! the client in, must not be called from inside its own callbacks, gives acknowledgements random numbers below 1000, and
//! keeps the id of the connection to itself. Hence: callbacks only push into a queue; a [`Link`] exists only once the server
//! has said that it is open; requests take turns; and a probe finds a stream that ended in silence or a server that takes
//! data and says nothing.

use confab_protocol::signaling::PROBE;
use confab_protocol::{ErrorCode, UserError, limits};
use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

/// Events of one link that wait to be handled. The callbacks wait when it is full, and TCP slows the server down.
const QUEUE: usize = 256;
/// How long one write to the server may take before the link counts as broken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the next request waits for the answer to the one before it.
const TURN: Duration = Duration::from_secs(2);
/// How long the library keeps a request in mind; who asked has a timeout of their own.
const ANSWER: Duration = Duration::from_secs(24 * 3_600);
/// How often a link is asked whether it still stands.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a server that has answered a probe before may leave one unanswered.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest words of a server that refuses, in characters.
const REFUSAL_CHARS: usize = 500;
/// What the library writes before the words of a server that refuses.
const REFUSAL: &str = "Received an ConnectError frame: ";

/// What comes out of a link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// An event.
    Event { name: String, args: Vec<Value> },
    /// The answer to the request with this number.
    Ack(u64, Vec<Value>),
    /// It is time to say something: [`Link::attend`].
    Due,
}

/// A connection that the server has accepted.
pub(crate) struct Link {
    wire: Wire,
    sid: Option<String>,
}

/// What carries a link.
enum Wire {
    Server(Box<Carrier>),
    /// A simulated server on the virtual clock.
    #[cfg(test)]
    Simulated(crate::simulation::Wire),
}

/// The link is broken, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);

impl Link {
    /// Connects and waits until the server lets us in. The path of `url` is the namespace; `path` is where the server's
    /// Socket.IO is.
    pub(crate) async fn open(url: &Url, path: &str, auth: Option<&Value>) -> Result<Self, UserError> {
        timeout(limits::CONNECT_TIMEOUT, Self::open_unbounded(url, path, auth)).await.unwrap_or_else(|_| {
            Err(UserError::with_detail(ErrorCode::ServerUnreachable, "the server did not answer in time"))
        })
    }

    async fn open_unbounded(url: &Url, path: &str, auth: Option<&Value>) -> Result<Self, UserError> {
        #[cfg(test)]
        if let Some(dialled) = crate::simulation::dial(url).await {
            let (wire, sid) = dialled?;
            return Ok(Self { wire: Wire::Simulated(wire), sid: Some(sid) });
        }
        Ok(Self { wire: Wire::Server(Box::new(Carrier::open(url, path, auth).await?)), sid: None })
    }

    /// Our id on this connection, where it is known: the library does not tell it, a server of ours does when a room is
    /// joined.
    pub(crate) fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// The next event. Nothing is lost when this is dropped half-way.
    pub(crate) async fn recv(&mut self) -> Result<LinkEvent, Broken> {
        match &mut self.wire {
            Wire::Server(carrier) => carrier.recv().await,
            #[cfg(test)]
            Wire::Simulated(wire) => wire.recv().await,
        }
    }

    /// Sends an event; with a number if it wants an answer, which comes as [`LinkEvent::Ack`].
    pub(crate) async fn emit(&mut self, event: &str, args: &[Value], number: Option<u64>) -> Result<(), Broken> {
        match &mut self.wire {
            Wire::Server(carrier) => carrier.emit(event, args, number).await,
            #[cfg(test)]
            Wire::Simulated(wire) => wire.emit(event, args.to_vec(), number),
        }
    }

    /// Sends what had to wait, and asks whether the server is there.
    pub(crate) async fn attend(&mut self) -> Result<(), Broken> {
        match &mut self.wire {
            Wire::Server(carrier) => carrier.attend().await,
            #[cfg(test)]
            Wire::Simulated(_) => Ok(()),
        }
    }

    /// Says goodbye and closes.
    pub(crate) async fn close(self) {
        match self.wire {
            Wire::Server(carrier) => carrier.close().await,
            #[cfg(test)]
            Wire::Simulated(wire) => wire.close(),
        }
    }
}

/// What the library's callbacks say.
#[derive(Debug)]
enum Said {
    Open,
    Event(String, Vec<Value>),
    Answer(Question, Vec<Value>),
    Closed,
    Error(String),
}

/// Who wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Request(u64),
    Probe,
}

/// The library's client.
struct Carrier {
    client: Client,
    said: mpsc::Receiver<Said>,
    /// Keeps the queue open: the end of a link is always an event.
    sender: mpsc::Sender<Said>,
    turns: Turns,
    next_probe: Instant,
    probes: Probes,
}

impl Carrier {
    async fn open(url: &Url, path: &str, auth: Option<&Value>) -> Result<Self, UserError> {
        let address = address(url, path)?;
        let (sender, said) = mpsc::channel(QUEUE);
        let push = |sender: &mpsc::Sender<Said>, said: Said| {
            let sender = sender.clone();
            async move {
                // Fails only when this link has been dropped: then nobody wants the event.
                sender.send(said).await.ok();
            }
            .boxed()
        };
        let (on_open, on_close, on_error, on_any) = (sender.clone(), sender.clone(), sender.clone(), sender.clone());
        let mut builder = ClientBuilder::new(address.as_str())
            .namespace(url.path())
            .transport_type(TransportType::Websocket)
            .reconnect(false)
            .on(Event::Connect, move |_, _| push(&on_open, Said::Open))
            .on(Event::Close, move |_, _| push(&on_close, Said::Closed))
            .on(Event::Error, move |payload, _| push(&on_error, Said::Error(text_of(payload))))
            .on_any(move |event, payload, _| {
                let (name, args) = event_of(event, payload);
                push(&on_any, Said::Event(name, args))
            });
        if let Some(auth) = auth {
            builder = builder.auth(auth.clone());
        }
        let client = builder.connect().await.map_err(|error| classify(&chain(&error)))?;
        let next_probe = Instant::now() + PROBE_INTERVAL;
        let mut carrier = Self { client, said, sender, turns: Turns::default(), next_probe, probes: Probes::default() };
        match carrier.said.recv().await {
            Some(Said::Open) => Ok(carrier),
            Some(Said::Error(text)) if text.starts_with(REFUSAL) => {
                carrier.close().await;
                Err(refused(&text[REFUSAL.len()..]))
            }
            other => {
                carrier.close().await;
                Err(UserError::with_detail(ErrorCode::NotConfab, format!("instead of an opening came {other:?}")))
            }
        }
    }

    async fn recv(&mut self) -> Result<LinkEvent, Broken> {
        loop {
            if self.probes.is_overdue(Instant::now()) {
                return Err(Broken("the server says nothing any more".to_owned()));
            }
            let due = [Some(self.next_probe), self.turns.due(), self.probes.due()].into_iter().flatten().min();
            let due = due.unwrap_or(self.next_probe);
            tokio::select! {
                biased;
                said = self.said.recv() => match said.unwrap_or(Said::Closed) {
                    Said::Event(name, args) => return Ok(LinkEvent::Event { name, args }),
                    Said::Answer(question, args) => {
                        self.turns.answered(question);
                        match question {
                            Question::Request(number) => return Ok(LinkEvent::Ack(number, args)),
                            Question::Probe => self.probes.answered(),
                        }
                    }
                    Said::Closed => return Err(Broken("the server closed the connection".to_owned())),
                    Said::Error(text) => return Err(Broken(text)),
                    Said::Open => {}
                },
                () = sleep_until(due) => if !self.probes.is_overdue(Instant::now()) {
                    return Ok(LinkEvent::Due);
                },
            }
        }
    }

    async fn emit(&mut self, event: &str, args: &[Value], number: Option<u64>) -> Result<(), Broken> {
        match number {
            None => bounded(self.client.emit(event, Payload::Text(args.to_vec()))).await,
            Some(number) => {
                self.turns.push(Asked {
                    question: Question::Request(number),
                    event: event.to_owned(),
                    args: args.to_vec(),
                });
                self.ask().await
            }
        }
    }

    async fn attend(&mut self) -> Result<(), Broken> {
        let now = Instant::now();
        if now >= self.next_probe {
            self.next_probe = now + PROBE_INTERVAL;
            if self.probes.sent(now) {
                let args = vec![Value::from(0)];
                self.turns.push(Asked { question: Question::Probe, event: PROBE.to_owned(), args });
            } else {
                // One is on its way already; a write still tells of a stream that has ended.
                bounded(self.client.emit(PROBE, Payload::Text(vec![Value::from(0)]))).await?;
            }
        }
        self.ask().await
    }

    /// Asks what may be asked now.
    async fn ask(&mut self) -> Result<(), Broken> {
        while let Some(asked) = self.turns.next(Instant::now()) {
            let (sender, question) = (self.sender.clone(), asked.question);
            let on_answer = move |payload: Payload, _: Client| {
                let sender = sender.clone();
                async move {
                    sender.send(Said::Answer(question, ack_args(payload))).await.ok();
                }
                .boxed()
            };
            bounded(self.client.emit_with_ack(asked.event, Payload::Text(asked.args), ANSWER, on_answer)).await?;
        }
        Ok(())
    }

    async fn close(self) {
        match timeout(WRITE_TIMEOUT, self.client.disconnect()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the server heard no goodbye"),
            Err(_) => tracing::debug!("the server took no goodbye"),
        }
    }
}

/// An event that wants an answer.
#[derive(Debug)]
struct Asked {
    question: Question,
    event: String,
    args: Vec<Value>,
}

/// Requests one after the other: numbers that the library draws at random collide, and one of two that share a number gets
/// the other's answer. The next goes when the one before is answered, or after [`TURN`], so that one which never is holds
/// up nobody for long.
#[derive(Debug, Default)]
struct Turns {
    waiting: VecDeque<Asked>,
    turn: Option<(Question, Instant)>,
}

impl Turns {
    fn push(&mut self, asked: Asked) {
        self.waiting.push_back(asked);
    }

    /// The next request, if it is its turn.
    fn next(&mut self, now: Instant) -> Option<Asked> {
        if self.turn.is_some_and(|(_, until)| now < until) {
            return None;
        }
        let asked = self.waiting.pop_front()?;
        self.turn = Some((asked.question, now + TURN));
        Some(asked)
    }

    fn answered(&mut self, question: Question) {
        if self.turn.is_some_and(|(turn, _)| turn == question) {
            self.turn = None;
        }
    }

    /// When there is something to ask.
    fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|_| self.turn.map_or_else(Instant::now, |(_, until)| until))
    }
}

/// Whether the server is there. One that has never answered a probe does not know them, as stock servers.
#[derive(Debug, Default)]
struct Probes {
    unanswered: Option<Instant>,
    known: bool,
}

impl Probes {
    /// A probe is due. False: one is on its way.
    fn sent(&mut self, now: Instant) -> bool {
        let free = self.unanswered.is_none();
        self.unanswered.get_or_insert(now);
        free
    }

    fn answered(&mut self) {
        (self.unanswered, self.known) = (None, true);
    }

    fn due(&self) -> Option<Instant> {
        self.unanswered.filter(|_| self.known).map(|sent| sent + PROBE_TIMEOUT)
    }

    fn is_overdue(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| now >= due)
    }
}

async fn bounded<F>(write: F) -> Result<(), Broken>
where
    F: Future<Output = Result<(), rust_socketio::Error>>,
{
    match timeout(WRITE_TIMEOUT, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Broken(error.to_string())),
        Err(_) => Err(Broken("the server takes no data".to_owned())),
    }
}

/// Where the Socket.IO of the server is.
fn address(url: &Url, path: &str) -> Result<Url, UserError> {
    if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
        let what = "the address is neither http nor https";
        return Err(UserError::with_detail(ErrorCode::ServerUnreachable, what));
    }
    let mut address = url.clone();
    address.set_path(path);
    address.set_fragment(None);
    Ok(address)
}

/// Name and arguments of an event. The library hands an event without arguments over as `message` with the name as its
/// only argument.
fn event_of(event: Event, payload: Payload) -> (String, Vec<Value>) {
    let args = match payload {
        Payload::Text(args) => args,
        _ => Vec::new(),
    };
    match (event, args.as_slice()) {
        (Event::Message, [Value::String(name)]) => (name.clone(), Vec::new()),
        (event, _) => (event.as_str().to_owned(), args),
    }
}

/// The arguments of an acknowledgement, which the library wraps once more.
fn ack_args(payload: Payload) -> Vec<Value> {
    match payload {
        Payload::Text(mut values) => match values.as_mut_slice() {
            [Value::Array(args)] => std::mem::take(args),
            _ => values,
        },
        _ => Vec::new(),
    }
}

fn text_of(payload: Payload) -> String {
    match payload {
        Payload::Text(values) => values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" "),
        _ => String::new(),
    }
}

/// The server's middleware said no: its words are for people, the data beside them is technical.
fn refused(said: &str) -> UserError {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(default)]
        message: String,
        #[serde(default)]
        data: Option<Value>,
    }
    let clean = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).take(REFUSAL_CHARS).collect() };
    let refusal = serde_json::from_str(said).unwrap_or(Refusal { message: String::new(), data: None });
    let mut error = match clean(&refusal.message) {
        text if text.trim().is_empty() => UserError::new(ErrorCode::JoinRefused),
        text => UserError::with_message(ErrorCode::JoinRefused, text),
    };
    error.detail = refusal.data.map(|data| clean(&data.to_string()));
    error
}

/// The texts of an error and its causes. The library's own text for most failures is only "EngineIO Error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}

/// Tells an address without a server from a server that is no Confab. The library's error types are those of crates it
/// does not re-export, hence the texts; `tests/signaling.rs` guards them.
fn classify(text: &str) -> UserError {
    let status =
        text.split_once("HTTP error: ").and_then(|(_, rest)| rest.get(..3)).and_then(|s| s.parse::<u16>().ok());
    let code = match status {
        Some(401 | 403) => ErrorCode::JoinRefused,
        // A proxy whose server is down, or a server that is overloaded.
        Some(429 | 500..=599) => ErrorCode::ServerUnreachable,
        Some(_) => ErrorCode::NotConfab,
        None => {
            let foreign =
                ["WebSocket protocol error", "handshake", "packet", "serializable", "HTTP format error", "Utf8"];
            if foreign.iter().any(|part| text.contains(part)) && !text.contains("IO error") && !text.contains("TLS") {
                ErrorCode::NotConfab
            } else {
                ErrorCode::ServerUnreachable
            }
        }
    };
    UserError::with_detail(code, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_without_arguments_gets_its_name_back() {
        let (name, args) = event_of(Event::Message, Payload::Text(vec![json!("room-closed")]));
        assert_eq!((name.as_str(), args.len()), ("room-closed", 0));
        let (name, args) = event_of(Event::Custom("user-connected".into()), Payload::Text(vec![json!({ "id": "a" })]));
        assert_eq!((name.as_str(), args), ("user-connected", vec![json!({ "id": "a" })]));
    }

    #[test]
    fn acknowledgements_are_unwrapped() {
        assert_eq!(ack_args(Payload::Text(vec![json!([{ "id": "a" }])])), vec![json!({ "id": "a" })]);
        assert_eq!(ack_args(Payload::Text(vec![json!(1)])), vec![json!(1)]);
    }

    #[test]
    fn requests_take_turns_and_one_without_an_answer_holds_up_nobody_for_long() {
        let asked = |number| Asked { question: Question::Request(number), event: "e".into(), args: Vec::new() };
        let number = |asked: Option<Asked>| asked.map(|asked| asked.question);
        let (mut turns, now) = (Turns::default(), Instant::now());
        for n in 1..=3 {
            turns.push(asked(n));
        }
        assert_eq!(number(turns.next(now)), Some(Question::Request(1)));
        assert_eq!(number(turns.next(now)), None);
        turns.answered(Question::Request(7));
        assert_eq!(number(turns.next(now)), None);
        turns.answered(Question::Request(1));
        assert_eq!(number(turns.next(now)), Some(Question::Request(2)));
        assert_eq!(turns.due(), Some(now + TURN));
        assert_eq!(number(turns.next(now + TURN)), Some(Question::Request(3)));
        assert_eq!(turns.due(), None);
    }

    #[test]
    fn only_a_server_that_has_answered_before_is_missed() {
        let (mut probes, now) = (Probes::default(), Instant::now());
        assert!(probes.sent(now));
        assert!(!probes.sent(now + PROBE_INTERVAL));
        assert!(!probes.is_overdue(now + 10 * PROBE_TIMEOUT));
        probes.answered();
        assert!(probes.sent(now));
        assert!(!probes.is_overdue(now));
        assert!(probes.is_overdue(now + PROBE_TIMEOUT));
        probes.answered();
        assert!(!probes.is_overdue(now + PROBE_TIMEOUT));
    }

    #[test]
    fn the_address_is_where_the_servers_socket_io_is() {
        let address = |text: &str, path| address(&Url::parse(text).unwrap(), path).map(String::from);
        assert_eq!(
            address("http://a.example:7420/room?x=1#f", "/socket.io/").unwrap(),
            "http://a.example:7420/socket.io/?x=1"
        );
        assert_eq!(address("https://a.example/", "/own/").unwrap(), "https://a.example/own/");
        assert!(address("ftp://a.example/", "/socket.io/").is_err());
    }

    #[test]
    fn a_refusal_keeps_the_words_of_the_server() {
        let error = refused(r#"{"message":"You are\n not on the list."}"#);
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::JoinRefused, "You are not on the list."));
        assert_eq!(refused(r#"{"message":"no","data":{"code":7}}"#).detail.as_deref(), Some(r#"{"code":7}"#));
        for silent in ["", "{}", "\"No error message provided\"", r#"{"message":7}"#] {
            assert_eq!(refused(silent), ErrorCode::JoinRefused.into(), "{silent}");
        }
        let long = json!({ "message": "x".repeat(10_000) }).to_string();
        assert_eq!(refused(&long).message.len(), REFUSAL_CHARS);
    }

    #[test]
    fn failures_are_told_apart() {
        for (text, code) in [
            ("EngineIO Error", ErrorCode::ServerUnreachable),
            (
                "Error with websocket connection: IO error: Connection refused (os error 111)",
                ErrorCode::ServerUnreachable,
            ),
            ("Error with websocket connection: HTTP error: 404 Not Found", ErrorCode::NotConfab),
            ("Error with websocket connection: HTTP error: 200 OK", ErrorCode::NotConfab),
            ("Error with websocket connection: HTTP error: 502 Bad Gateway", ErrorCode::ServerUnreachable),
            ("Error with websocket connection: HTTP error: 403 Forbidden", ErrorCode::JoinRefused),
            ("Got illegal handshake response: x", ErrorCode::NotConfab),
        ] {
            assert_eq!(classify(text).code, code, "{text}");
        }
    }
}
