//! The Socket.IO client of the library, without its defects.
//!
//! rust_socketio 0.6 does not tell when its stream ends without an error, loses what is emitted before the server has let
//! the client in, must not be called from inside its own callbacks, gives acknowledgements random numbers below 1000, and
//! keeps the id of the connection to itself. Hence: callbacks only push into a queue; a [`SocketIoClient`] exists only once the
//! server has said that it is open; requests wait in a [`RequestQueue`]; and [`LivenessProbe`]s find a stream that ended in silence or a server
//! that takes data and says nothing.

use super::link_event::{Broken, LinkEvent};
use super::liveness::{LivenessProbe, PROBE_INTERVAL};
use super::request_queue::{QueuedRequest, RequestId, RequestQueue};
use super::translation::{ack_args, chain, classify, event_of, refusal, text_of};
use crate::connect_error::{ConnectError, ConnectErrorKind};
use confab_wire::{limits, signaling::PROBE};
use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;
use url::Url;

/// Events of one link that wait to be handled. The callbacks wait when it is full, and TCP slows the server down.
const QUEUE: usize = 256;
/// How long one write to the server may take before the link counts as broken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the library keeps a request in mind; who asked has a timeout of their own.
const ANSWER: Duration = Duration::from_secs(24 * 3_600);

/// What the library's callbacks report.
#[derive(Debug)]
enum ClientEvent {
    Open,
    Event(String, Vec<Value>),
    Answer(RequestId, Vec<Value>),
    Closed,
    Error(String),
}

/// The library's client.
pub(super) struct SocketIoClient {
    client: Client,
    events: mpsc::Receiver<ClientEvent>,
    /// Keeps the queue open: the end of a link is always an event.
    sender: mpsc::Sender<ClientEvent>,
    requests: RequestQueue,
    next_probe: Instant,
    probes: LivenessProbe,
}

impl SocketIoClient {
    /// Connects and waits until the server lets us in. Whoever waits may give up at any time.
    pub(super) async fn open(url: &Url, path: &str, auth: Option<&Value>) -> Result<Self, ConnectError> {
        let (address, namespace, auth) = (address(url, path)?, url.path().to_owned(), auth.cloned());
        let (mut reply, opened) = oneshot::channel();
        // A connection of the library outlives whoever dropped it: in a task of its own it is closed if nobody waits for it
        // any more.
        tokio::spawn(
            async move {
                let connecting = Self::connect(&address, &namespace, auth);
                let connected = tokio::select! {
                    biased;
                    () = reply.closed() => return,
                    connected = timeout(limits::CONNECT_TIMEOUT, connecting) => connected.unwrap_or_else(|_| Err(late())),
                };
                let mut client = match connected {
                    Ok(client) => client,
                    Err(error) => {
                        reply.send(Err(error)).ok();
                        return;
                    }
                };
                let opened = tokio::select! {
                    biased;
                    () = reply.closed() => return client.close().await,
                    opened = timeout(limits::CONNECT_TIMEOUT, client.opened()) => opened.unwrap_or_else(|_| Err(late())),
                };
                match opened {
                    Ok(()) => if let Err(Ok(client)) = reply.send(Ok(client)) {
                        client.close().await;
                    },
                    Err(error) => {
                        reply.send(Err(error)).ok();
                        client.close().await;
                    }
                }
            }
            .in_current_span(),
        );
        opened.await.unwrap_or_else(|_| Err(late()))
    }

    /// Connects, without waiting to be let in.
    async fn connect(address: &Url, namespace: &str, auth: Option<Value>) -> Result<Self, ConnectError> {
        let (sender, events) = mpsc::channel(QUEUE);
        let push = |sender: &mpsc::Sender<ClientEvent>, event: ClientEvent| {
            let sender = sender.clone();
            async move {
                // Fails only when this link has been dropped: then nobody wants the event.
                sender.send(event).await.ok();
            }
            .boxed()
        };
        let (on_open, on_close, on_error, on_any) = (sender.clone(), sender.clone(), sender.clone(), sender.clone());
        let mut builder = ClientBuilder::new(address.as_str())
            .namespace(namespace)
            .transport_type(TransportType::Websocket)
            .reconnect(false)
            .on(Event::Connect, move |_, _| push(&on_open, ClientEvent::Open))
            .on(Event::Close, move |_, _| push(&on_close, ClientEvent::Closed))
            .on(Event::Error, move |payload, _| push(&on_error, ClientEvent::Error(text_of(payload))))
            .on_any(move |event, payload, _| {
                let (name, args) = event_of(event, payload);
                push(&on_any, ClientEvent::Event(name, args))
            });
        if let Some(auth) = auth {
            builder = builder.auth(auth);
        }
        let client = builder.connect().await.map_err(|error| classify(&chain(&error)))?;
        let next_probe = Instant::now() + PROBE_INTERVAL;
        let requests = RequestQueue::default();
        Ok(Self { client, events, sender, requests, next_probe, probes: LivenessProbe::default() })
    }

    /// Waits until the server lets us in.
    async fn opened(&mut self) -> Result<(), ConnectError> {
        match self.events.recv().await {
            Some(ClientEvent::Open) => Ok(()),
            other => {
                let refusal = if let Some(ClientEvent::Error(text)) = &other { refusal(text) } else { None };
                Err(refusal.unwrap_or_else(|| {
                    let what = format!("instead of an opening came {other:?}");
                    ConnectError::with_detail(ConnectErrorKind::NotAServer, what)
                }))
            }
        }
    }

    pub(super) async fn recv(&mut self) -> Result<LinkEvent, Broken> {
        loop {
            let due = [Some(self.next_probe), self.requests.due(), self.probes.due()].into_iter().flatten().min();
            let due = due.unwrap_or(self.next_probe);
            tokio::select! {
                biased;
                event = self.events.recv() => match event.unwrap_or(ClientEvent::Closed) {
                    ClientEvent::Event(name, args) => return Ok(LinkEvent::Event { name, args }),
                    ClientEvent::Answer(id, args) => {
                        self.requests.answered(id);
                        match id {
                            RequestId::Request(number) => return Ok(LinkEvent::Ack(number, args)),
                            RequestId::Probe => self.probes.answered(),
                        }
                    }
                    ClientEvent::Closed => return Err(Broken("the server closed the connection".to_owned())),
                    ClientEvent::Error(text) => return Err(Broken(text)),
                    ClientEvent::Open => {}
                },
                // What came while nobody read comes first: it is no silence of the server.
                () = sleep_until(due) => {
                    if self.probes.is_overdue(Instant::now()) {
                        return Err(Broken("the server says nothing any more".to_owned()));
                    }
                    return Ok(LinkEvent::Due);
                }
            }
        }
    }

    pub(super) async fn emit(&mut self, event: &str, args: &[Value], number: Option<u64>) -> Result<(), Broken> {
        match number {
            None => bounded(self.client.emit(event, Payload::Text(args.to_vec()))).await,
            Some(number) => {
                self.requests.push(QueuedRequest {
                    id: RequestId::Request(number),
                    event: event.to_owned(),
                    args: args.to_vec(),
                });
                self.send_requests().await
            }
        }
    }

    pub(super) fn take_sent(&mut self) -> Vec<u64> {
        self.requests.take_sent()
    }

    pub(super) fn retain_requests(&mut self, wanted: impl Fn(u64) -> bool) {
        self.requests.retain(wanted);
    }

    pub(super) async fn attend(&mut self) -> Result<(), Broken> {
        let now = Instant::now();
        if now >= self.next_probe {
            self.next_probe = now + PROBE_INTERVAL;
            if self.probes.sent(now) {
                let args = vec![Value::from(0)];
                self.requests.push(QueuedRequest { id: RequestId::Probe, event: PROBE.to_owned(), args });
            } else {
                // One is on its way already; a write still tells of a stream that has ended.
                bounded(self.client.emit(PROBE, Payload::Text(vec![Value::from(0)]))).await?;
            }
        }
        self.send_requests().await
    }

    pub(super) async fn hurry(&mut self) -> Result<(), Broken> {
        let now = Instant::now();
        self.probes.hurry(now);
        self.next_probe = now;
        self.attend().await
    }

    /// Sends the requests that may go now.
    async fn send_requests(&mut self) -> Result<(), Broken> {
        while let Some(request) = self.requests.next(Instant::now()) {
            let (sender, id) = (self.sender.clone(), request.id);
            let on_answer = move |payload: Payload, _: Client| {
                let sender = sender.clone();
                async move {
                    sender.send(ClientEvent::Answer(id, ack_args(payload))).await.ok();
                }
                .boxed()
            };
            bounded(self.client.emit_with_ack(request.event, Payload::Text(request.args), ANSWER, on_answer)).await?;
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

/// The server took too long to let us in.
fn late() -> ConnectError {
    ConnectError::with_detail(ConnectErrorKind::Unreachable, "the server did not answer in time")
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
fn address(url: &Url, path: &str) -> Result<Url, ConnectError> {
    if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
        let what = "the address is neither http nor https";
        return Err(ConnectError::with_detail(ConnectErrorKind::Unreachable, what));
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
