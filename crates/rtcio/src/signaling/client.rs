//! The Socket.IO client of the library, without its defects.
//!
//! rust_socketio 0.6 does not tell when its stream ends without an error, loses what is emitted before the server has let
//! the client in, must not be called from inside its own callbacks, gives acknowledgements random numbers below 1000, keeps the
//! id of the connection to itself, and knows no proxies. Hence: it speaks to the server through a [`Relay`]; callbacks only push
//! into a queue; a [`SocketIoClient`] exists only once the server has said that it is open; and requests wait in a
//! [`RequestQueue`].

use super::dial::{self, DialOptions};
use super::link_event::{Broken, LinkEvent};
use super::relay::Relay;
use super::request_queue::{QueuedRequest, RequestQueue};
use super::translation::{ack_args, args_of, event_of, refusal, text_of};
use crate::connect_error::{ConnectError, ConnectErrorKind};
use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

/// Events of one link that wait to be handled. The callbacks wait when it is full, and TCP slows the server down.
const QUEUE: usize = 256;
/// How long one write may take before the link counts as broken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the library keeps a request in mind; who asked has a timeout of their own.
const ANSWER: Duration = Duration::from_secs(24 * 3_600);
/// How long the library may take to hand over what came before the end of the connection.
const REST: Duration = Duration::from_secs(2);

/// What the library's callbacks report.
#[derive(Debug)]
enum ClientEvent {
    Open,
    Event(String, Vec<Value>),
    Answer(u64, Vec<Value>),
    /// The end of the connection, or an event of the server with the name `close`.
    Closed(Vec<Value>),
    Error(String),
}

/// The library's client. When it is dropped the connection ends.
pub(super) struct SocketIoClient {
    client: Client,
    relay: Relay,
    events: mpsc::Receiver<ClientEvent>,
    /// Keeps the queue open: the end of a link is always an event.
    sender: mpsc::Sender<ClientEvent>,
    requests: RequestQueue,
    /// When the end of the connection was noticed, while the library has not said it.
    ended: Option<Instant>,
}

impl SocketIoClient {
    /// Connects and waits until the server lets us in. Whoever waits may give up at any time: the connection ends with the relay.
    pub(super) async fn open(
        url: &Url,
        path: &str,
        auth: Option<&Value>,
        options: &DialOptions,
    ) -> Result<Self, ConnectError> {
        let namespace = url.path();
        let dialled = dial::dial(url, path, options).await?;
        let relay = Relay::start(dialled, namespace).await;
        let relay = relay.map_err(|error| internal(format!("no relay: {error}")))?;
        let mut client = Self::connect(relay, namespace, auth.cloned()).await?;
        client.opened().await?;
        Ok(client)
    }

    /// Connects through the relay, without waiting to be let in.
    async fn connect(relay: Relay, namespace: &str, auth: Option<Value>) -> Result<Self, ConnectError> {
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
        let mut builder = ClientBuilder::new(relay.address().as_str())
            .namespace(namespace)
            .transport_type(TransportType::Websocket)
            .reconnect(false)
            .on(Event::Connect, move |_, _| push(&on_open, ClientEvent::Open))
            .on(Event::Close, move |payload, _| push(&on_close, ClientEvent::Closed(args_of(payload))))
            .on(Event::Error, move |payload, _| push(&on_error, ClientEvent::Error(text_of(payload))))
            .on_any(move |event, payload, _| {
                let (name, args) = event_of(event, payload);
                push(&on_any, ClientEvent::Event(name, args))
            });
        if let Some(auth) = auth {
            builder = builder.auth(auth);
        }
        let client = builder.connect().await.map_err(|error| match relay.end() {
            Some(reason) => internal(reason),
            None => internal(error.to_string()),
        })?;
        Ok(Self { client, relay, events, sender, requests: RequestQueue::default(), ended: None })
    }

    /// Waits until the server lets us in.
    async fn opened(&mut self) -> Result<(), ConnectError> {
        let event = tokio::select! {
            biased;
            event = self.events.recv() => event,
            () = self.relay.ended() => timeout(REST, self.events.recv()).await.ok().flatten(),
        };
        if matches!(event, Some(ClientEvent::Open)) && self.relay.id().is_some() {
            return Ok(());
        }
        let refusal = if let Some(ClientEvent::Error(text)) = &event { refusal(text) } else { None };
        Err(refusal.unwrap_or_else(|| match self.relay.end() {
            Some(reason) => internal(reason),
            None => {
                let what = format!("instead of an opening came {event:?}");
                ConnectError::with_detail(ConnectErrorKind::NotAServer, what)
            }
        }))
    }

    /// Our id on this connection.
    pub(super) fn id(&self) -> Option<String> {
        self.relay.id()
    }

    /// The address of this machine that the connection uses.
    pub(super) fn local(&self) -> Option<IpAddr> {
        self.relay.local()
    }

    pub(super) async fn recv(&mut self) -> Result<LinkEvent, Broken> {
        loop {
            let due = self.requests.due();
            let rest = self.ended.map(|ended| ended + REST);
            tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Some(ClientEvent::Event(name, args)) => return Ok(LinkEvent::Event { name, args }),
                    Some(ClientEvent::Answer(number, args)) => {
                        self.requests.answered(number);
                        return Ok(LinkEvent::Ack(number, args));
                    }
                    Some(ClientEvent::Closed(args)) => match self.relay.end() {
                        Some(reason) => return Err(Broken(reason)),
                        // The library takes an event of this name for its own.
                        None => return Ok(LinkEvent::Event { name: "close".to_owned(), args }),
                    },
                    Some(ClientEvent::Error(text)) => return Err(Broken(self.relay.end().unwrap_or(text))),
                    Some(ClientEvent::Open) | None => {}
                },
                () = self.relay.ended(), if self.ended.is_none() => self.ended = Some(Instant::now()),
                () = sleep_until(rest.unwrap_or_else(Instant::now)), if rest.is_some() => {
                    return Err(Broken(self.relay.end().unwrap_or_else(|| "the relay is gone".to_owned())));
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => return Ok(LinkEvent::Due),
            }
        }
    }

    pub(super) async fn emit(&mut self, event: &str, args: &[Value], number: Option<u64>) -> Result<(), Broken> {
        match number {
            None => self.bounded(self.client.emit(event, Payload::Text(args.to_vec()))).await,
            Some(number) => {
                self.requests.push(QueuedRequest { number, event: event.to_owned(), args: args.to_vec() });
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
        self.send_requests().await
    }

    pub(super) fn hurry(&mut self) {
        self.relay.hurry();
    }

    /// Sends the requests that may go now.
    async fn send_requests(&mut self) -> Result<(), Broken> {
        while let Some(request) = self.requests.next(Instant::now()) {
            let (sender, number) = (self.sender.clone(), request.number);
            let on_answer = move |payload: Payload, _: Client| {
                let sender = sender.clone();
                async move {
                    sender.send(ClientEvent::Answer(number, ack_args(payload))).await.ok();
                }
                .boxed()
            };
            self.bounded(self.client.emit_with_ack(request.event, Payload::Text(request.args), ANSWER, on_answer))
                .await?;
        }
        Ok(())
    }

    async fn bounded<F>(&self, write: F) -> Result<(), Broken>
    where
        F: Future<Output = Result<(), rust_socketio::Error>>,
    {
        let failed = match timeout(WRITE_TIMEOUT, write).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the server takes no data".to_owned(),
        };
        Err(Broken(self.relay.end().unwrap_or(failed)))
    }

    pub(super) async fn close(mut self) {
        match timeout(WRITE_TIMEOUT, self.client.disconnect()).await {
            // The relay passes the goodbye on, and ends.
            Ok(Ok(())) => drop(timeout(WRITE_TIMEOUT, self.relay.ended()).await),
            Ok(Err(error)) => tracing::debug!(%error, "the server heard no goodbye"),
            Err(_) => tracing::debug!("the server took no goodbye"),
        }
    }
}

/// Something between this side and the server failed.
fn internal(detail: String) -> ConnectError {
    ConnectError::with_detail(ConnectErrorKind::Unreachable, detail)
}
