//! One connection to a signaling server, from its handshake to its end.
//!
//! rust_socketio 0.6 does not tell when its stream ends without an error, loses what is emitted before `open`, and
//! must not be called from inside its own callbacks. Hence: callbacks only push into a queue, a [`Link`] exists only
//! once the server has said `open`, and [`Link::probe`] finds a stream that ended in silence.

use confab_protocol::{ErrorCode, UserError, limits};
use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;

/// Events of one link that wait to be handled. The callbacks wait when it is full, and TCP slows the server down.
const LINK_QUEUE: usize = 256;
/// How long one write to the server may take before the link counts as broken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Event without meaning, written to find out whether the link still stands.
const PROBE: &str = "rtcio-probe";

/// What comes out of a link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// The server accepted the connection.
    Open,
    /// An event.
    Event(String, Vec<Value>),
    /// The answer to the request with this number.
    Ack(u64, Vec<Value>),
    /// The server closed the connection.
    Closed,
    /// A refusal or a broken connection.
    Error(String),
}

/// A connection that the server has accepted.
pub(crate) struct Link {
    wire: Wire,
    events: mpsc::Receiver<LinkEvent>,
    sender: mpsc::Sender<LinkEvent>,
}

/// What carries a link.
enum Wire {
    Server(Client),
    /// A simulated server on the virtual clock.
    #[cfg(test)]
    Simulated(crate::simulation::Wire),
}

/// A write that failed: the link is broken.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);

impl Link {
    /// Connects and waits for the server's `open`.
    pub(crate) async fn open(url: &Url, auth: Option<&Value>) -> Result<Self, UserError> {
        timeout(limits::CONNECT_TIMEOUT, Self::open_unbounded(url, auth)).await.unwrap_or_else(|_| {
            Err(UserError::with_detail(ErrorCode::ServerUnreachable, "the server did not answer in time"))
        })
    }

    async fn open_unbounded(url: &Url, auth: Option<&Value>) -> Result<Self, UserError> {
        let (sender, events) = mpsc::channel(LINK_QUEUE);
        #[cfg(test)]
        if let Some(opened) = crate::simulation::dial(url, &sender).await {
            return Ok(Self { wire: Wire::Simulated(opened?), events, sender });
        }
        let push = |sender: &mpsc::Sender<LinkEvent>, event: LinkEvent| {
            let sender = sender.clone();
            async move {
                // Fails only when this link has been dropped: then nobody wants the event.
                sender.send(event).await.ok();
            }
            .boxed()
        };
        let (on_open, on_close, on_error, on_any) = (sender.clone(), sender.clone(), sender.clone(), sender.clone());
        let mut builder = ClientBuilder::new(url.as_str())
            .transport_type(TransportType::Websocket)
            .reconnect(false)
            .on(Event::Connect, move |_, _| push(&on_open, LinkEvent::Open))
            .on(Event::Close, move |_, _| push(&on_close, LinkEvent::Closed))
            .on(Event::Error, move |payload, _| push(&on_error, LinkEvent::Error(text_of(payload))))
            .on_any(move |event, payload, _| {
                let (name, args) = event_of(event, payload);
                push(&on_any, LinkEvent::Event(name, args))
            });
        if let Some(auth) = auth {
            builder = builder.auth(auth.clone());
        }
        let client = builder.connect().await.map_err(|error| classify(&chain(&error)))?;
        let mut link = Self { wire: Wire::Server(client), events, sender };
        match link.events.recv().await {
            Some(LinkEvent::Open) => Ok(link),
            Some(LinkEvent::Error(text)) if text.contains("ConnectError") => {
                link.close().await;
                Err(UserError::with_detail(ErrorCode::JoinRefused, text))
            }
            other => {
                link.close().await;
                Err(UserError::with_detail(ErrorCode::NotConfab, format!("instead of an opening came {other:?}")))
            }
        }
    }

    /// The next event.
    pub(crate) async fn recv(&mut self) -> LinkEvent {
        // `self.sender` keeps the queue open: the end of a link is always an event.
        self.events.recv().await.unwrap_or(LinkEvent::Closed)
    }

    /// Sends an event.
    pub(crate) async fn emit(&self, event: &str, args: Vec<Value>) -> Result<(), Broken> {
        match &self.wire {
            Wire::Server(client) => bounded(client.emit(event, Payload::Text(args))).await,
            #[cfg(test)]
            Wire::Simulated(wire) => wire.emit(event, args, None),
        }
    }

    /// Sends an event that wants an answer, which comes as [`LinkEvent::Ack`] with `number`. One at a time: the
    /// library's acknowledgement ids are random in 0..999 and collide.
    pub(crate) async fn request(&self, number: u64, event: &str, args: Vec<Value>) -> Result<(), Broken> {
        let sender = self.sender.clone();
        let on_ack = move |payload: Payload, _: Client| {
            let sender = sender.clone();
            async move {
                sender.send(LinkEvent::Ack(number, ack_args(payload))).await.ok();
            }
            .boxed()
        };
        match &self.wire {
            Wire::Server(client) => {
                bounded(client.emit_with_ack(event, Payload::Text(args), limits::ACK_TIMEOUT, on_ack)).await
            }
            #[cfg(test)]
            Wire::Simulated(wire) => wire.emit(event, args, Some(number)),
        }
    }

    /// Writes something without meaning: an error tells that the stream has ended.
    pub(crate) async fn probe(&self) -> Result<(), Broken> {
        self.emit(PROBE, vec![Value::from(0)]).await
    }

    /// Says goodbye and closes.
    pub(crate) async fn close(&self) {
        match &self.wire {
            Wire::Server(client) => {
                if timeout(WRITE_TIMEOUT, client.disconnect()).await.is_err() {
                    tracing::debug!("the server took no goodbye");
                }
            }
            #[cfg(test)]
            Wire::Simulated(wire) => wire.close(),
        }
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
