//! The Socket.IO client of the library, made to keep its word.
//!
//! rust_socketio 0.6 does not tell when its stream ends without an error, loses what is emitted before the server has let
//! the client in, must not be called from inside its own callbacks, gives acknowledgements random numbers below 1000, and
//! keeps the id of the connection to itself. Hence: callbacks only push into a queue; a [`Carrier`] exists only once the
//! server has said that it is open; requests take [`Turns`]; and [`Probes`] find a stream that ended in silence or a server
//! that takes data and says nothing.

use super::link::{Broken, LinkEvent};
use super::probes::{PROBE_INTERVAL, Probes};
use super::turns::{Asked, Question, Turns};
use super::words::{ack_args, chain, classify, event_of, refusal, text_of};
use confab_wire::{ErrorCode, UserError, signaling::PROBE};
use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

/// Events of one link that wait to be handled. The callbacks wait when it is full, and TCP slows the server down.
const QUEUE: usize = 256;
/// How long one write to the server may take before the link counts as broken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the library keeps a request in mind; who asked has a timeout of their own.
const ANSWER: Duration = Duration::from_secs(24 * 3_600);

/// What the library's callbacks say.
#[derive(Debug)]
enum Said {
    Open,
    Event(String, Vec<Value>),
    Answer(Question, Vec<Value>),
    Closed,
    Error(String),
}

/// The library's client.
pub(super) struct Carrier {
    client: Client,
    said: mpsc::Receiver<Said>,
    /// Keeps the queue open: the end of a link is always an event.
    sender: mpsc::Sender<Said>,
    turns: Turns,
    next_probe: Instant,
    probes: Probes,
}

impl Carrier {
    pub(super) async fn open(url: &Url, path: &str, auth: Option<&Value>) -> Result<Self, UserError> {
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
            other => {
                carrier.close().await;
                let refusal = if let Some(Said::Error(text)) = &other { refusal(text) } else { None };
                Err(refusal.unwrap_or_else(|| {
                    UserError::with_detail(ErrorCode::NotConfab, format!("instead of an opening came {other:?}"))
                }))
            }
        }
    }

    pub(super) async fn recv(&mut self) -> Result<LinkEvent, Broken> {
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

    pub(super) async fn emit(&mut self, event: &str, args: &[Value], number: Option<u64>) -> Result<(), Broken> {
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

    pub(super) async fn attend(&mut self) -> Result<(), Broken> {
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

    pub(super) async fn hurry(&mut self) -> Result<(), Broken> {
        let now = Instant::now();
        self.probes.hurry(now);
        self.next_probe = now;
        self.attend().await
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

    pub(super) async fn close(self) {
        match timeout(WRITE_TIMEOUT, self.client.disconnect()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the server heard no goodbye"),
            Err(_) => tracing::debug!("the server took no goodbye"),
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
