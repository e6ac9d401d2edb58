//! The task of a client: one connection after the other.

use super::backoff::Backoff;
use super::command::{Command, Reply, Request};
use super::event::SignallingEvent;
use super::options::SignallingOptions;
use super::requests::Requests;
use super::socket::{ABNORMAL, Incoming, SILENCE, Socket};
use crate::error::{ConnectError, RequestError};
use crate::frame::{ClientFrame, ServerFrame, Welcome};
use crate::limits;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

/// A connection that stood so long ends a row of failures.
const STABLE: Duration = Duration::from_secs(10);
/// How often a subscription is repeated that the server does not grant after a reconnect, and the pause before.
const SUBSCRIBE_ATTEMPTS: u32 = 3;
const SUBSCRIBE_PAUSE: Duration = Duration::from_secs(2);
/// Tokens in a row that are not to be had before that is reported.
const TOKEN_FAILURES: u32 = 3;

/// What the handles and the task have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// 0 before the first `welcome`.
    max_message_size: AtomicUsize,
    /// Channels that are subscribed to, or being so, and whether they ask for the senders' metadata.
    channels: Mutex<BTreeMap<String, bool>>,
}

impl Shared {
    pub(super) fn max_message_size(&self) -> usize {
        match self.max_message_size.load(Ordering::Relaxed) {
            0 => limits::MESSAGE_BYTES,
            size => size,
        }
    }

    pub(super) fn channels(&self) -> MutexGuard<'_, BTreeMap<String, bool>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a close code after which nothing is tried again.
fn terminal(code: u16) -> Option<&'static str> {
    match code {
        4001 => Some("invalid_token"),
        4003 => Some("channel_not_authorized"),
        4012 => Some("account_suspended"),
        4020 => Some("admin_disconnect"),
        _ => None,
    }
}

/// How a connection ended.
struct End {
    code: u16,
    reason: String,
    /// This side wants no other one.
    closed: bool,
    /// How long the server wants to be left alone.
    announced: Option<Duration>,
}

struct ClientTask {
    options: SignallingOptions,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<SignallingEvent>,
    shared: Arc<Shared>,
    requests: Requests,
    backoff: Backoff,
    token_failures: u32,
    /// Subscriptions after a reconnect: the channel, how often it was tried, and whether it was granted.
    repeated: JoinSet<(String, u32, bool)>,
}

/// Serves a client until its handles are gone.
pub(super) async fn run(
    options: SignallingOptions,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<SignallingEvent>,
    shared: Arc<Shared>,
) {
    let backoff = Backoff::new(options.reconnection);
    let (requests, repeated) = (Requests::default(), JoinSet::new());
    let mut task = ClientTask { options, commands, events, shared, requests, backoff, token_failures: 0, repeated };
    while let Some(command) = task.commands.recv().await {
        match command {
            Command::Connect(reply) => task.connect(reply).await,
            Command::Request(_, reply) => drop(reply.send(Err(RequestError::NotConnected))),
            Command::Close(_) => {}
        }
    }
}

impl ClientTask {
    /// The first connection and those that follow it.
    async fn connect(&mut self, reply: oneshot::Sender<Result<Welcome, ConnectError>>) {
        self.backoff.reset();
        self.token_failures = 0;
        let (mut socket, welcome) = match self.establish().await {
            Ok(opened) => opened,
            Err(error) => {
                if let ConnectError::Closed { code, reason } = &error
                    && let Some(name) = terminal(*code)
                {
                    self.report(name, reason).await;
                }
                // Who asked may have gone.
                reply.send(Err(error)).ok();
                return;
            }
        };
        self.welcomed(&welcome, false).await;
        reply.send(Ok(welcome)).ok();
        let end = loop {
            let since = Instant::now();
            let mut end = self.serve(&mut socket).await;
            self.requests.lose();
            self.repeated.shutdown().await;
            if since.elapsed() >= STABLE {
                self.backoff.reset();
            }
            match self.next(&mut end).await {
                Some((next, welcome)) => {
                    socket = next;
                    self.welcomed(&welcome, true).await;
                    self.subscribe_again(&mut socket).await;
                }
                None => break end,
            }
        };
        self.shared.channels().clear();
        self.emit(SignallingEvent::Closed { code: end.code, reason: end.reason }).await;
    }

    async fn welcomed(&mut self, welcome: &Welcome, again: bool) {
        self.token_failures = 0;
        self.shared.max_message_size.store(welcome.max_message_size, Ordering::Relaxed);
        self.emit(SignallingEvent::Connected { welcome: welcome.clone(), again }).await;
    }

    /// The connection after one that ended. `None`: there is none.
    async fn next(&mut self, end: &mut End) -> Option<(Socket, Welcome)> {
        let mut told = false;
        loop {
            if end.closed {
                return None;
            }
            if let Some(name) = terminal(end.code) {
                self.report(name, &end.reason).await;
                return None;
            }
            if !std::mem::replace(&mut told, true) {
                let (code, reason) = (end.code, end.reason.clone());
                self.emit(SignallingEvent::Reconnecting { code, reason }).await;
            }
            let Some(pause) = self.backoff.next(end.code, end.announced.take()) else {
                self.report("ReconnectExhaustedError", "").await;
                return None;
            };
            if !self.rest(pause).await {
                end.closed = true;
                continue;
            }
            match self.establish().await {
                Ok(opened) => return Some(opened),
                Err(ConnectError::Aborted) => end.closed = true,
                Err(ConnectError::Closed { code, reason }) => (end.code, end.reason) = (code, reason),
                Err(ConnectError::TokenProvider(error)) => {
                    self.token_failures += 1;
                    if self.token_failures.is_multiple_of(TOKEN_FAILURES) {
                        self.report("TokenProviderError", &error).await;
                    }
                }
                Err(_) => end.code = ABNORMAL,
            }
        }
    }

    /// Waits, and refuses what is asked meanwhile. False if the client is closed.
    async fn rest(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            tokio::select! {
                command = self.commands.recv() => if !refuse(command) { return false },
                () = sleep_until(until) => return true,
            }
        }
    }

    async fn establish(&mut self) -> Result<(Socket, Welcome), ConnectError> {
        let options = self.options.clone();
        let opening = async move { Socket::open(&options.address().await?).await };
        tokio::pin!(opening);
        loop {
            tokio::select! {
                command = self.commands.recv() => if !refuse(command) { return Err(ConnectError::Aborted) },
                opened = &mut opening => return opened,
            }
        }
    }

    /// Serves one connection to its end.
    async fn serve(&mut self, socket: &mut Socket) -> End {
        let events = self.events.clone();
        let (mut heard, mut ping) = (Instant::now(), Instant::now() + self.options.ping_after());
        let mut announced = None;
        let lost = |code, reason: &str, announced| End { code, reason: reason.to_owned(), closed: false, announced };
        loop {
            let expiry = self.requests.deadline();
            // While nobody takes events, the server is not read, and its silence says nothing.
            let silence = heard + self.options.inactivity_timeout;
            let due = ping.min(silence);
            tokio::select! {
                biased;
                command = self.commands.recv(), if self.requests.have_room() => match command {
                    Some(Command::Request(request, reply)) => {
                        if !self.request(socket, &request, reply).await {
                            return lost(ABNORMAL, "", announced);
                        }
                    }
                    Some(Command::Connect(reply)) => drop(reply.send(Err(ConnectError::InvalidState))),
                    Some(Command::Close(reason)) => {
                        socket.close(1000, "client requested close").await;
                        return End { code: 1000, reason, closed: true, announced };
                    }
                    None => {
                        socket.close(1000, "client requested close").await;
                        return End { code: 1000, reason: String::new(), closed: true, announced };
                    }
                },
                (permit, incoming) = async { (events.reserve().await.ok(), socket.receive().await) } => {
                    heard = Instant::now();
                    ping = heard + self.options.ping_after();
                    match incoming {
                        Incoming::Frame(frame) => {
                            if let ServerFrame::GoingAway { retry_after_ms } = &frame {
                                announced = Some(Duration::from_millis(retry_after_ms.unwrap_or_default()));
                            }
                            let event = self.frame(frame);
                            if let (Some(permit), Some(event)) = (permit, event) {
                                permit.send(event);
                            }
                        }
                        Incoming::Other => {}
                        Incoming::Closed { code, reason } => return lost(code, &reason, announced),
                    }
                }
                () = sleep_until(due) => {
                    let now = Instant::now();
                    ping = now + self.options.ping_after();
                    if events.capacity() == 0 {
                        heard = now;
                    } else if now >= silence {
                        socket.close(SILENCE, "no frame in time").await;
                        return lost(SILENCE, "", announced);
                    } else if !socket.send(ClientFrame::Ping.to_json()).await {
                        return lost(ABNORMAL, "", announced);
                    }
                }
                () = sleep_until(expiry.unwrap_or_else(Instant::now)), if expiry.is_some() => {
                    self.requests.expire(Instant::now());
                }
                Some(Ok((channel, attempts, granted))) = self.repeated.join_next(), if !self.repeated.is_empty() => {
                    if !granted && !self.subscribe_once_more(socket, channel, attempts).await {
                        return lost(ABNORMAL, "", announced);
                    }
                }
            }
        }
    }

    /// Sends a request. False if the connection does not take it any more.
    async fn request(&mut self, socket: &mut Socket, request: &Request, reply: Reply) -> bool {
        let id = Uuid::new_v4().to_string();
        let request_id = id.as_str();
        let frame = match request {
            Request::Subscribe { channel, include_sender_metadata } => {
                let include_sender_metadata = *include_sender_metadata;
                ClientFrame::Subscribe { channel, request_id, include_sender_metadata }
            }
            Request::Unsubscribe { channel } => ClientFrame::Unsubscribe { channel, request_id },
            Request::Publish { channel, data } => ClientFrame::Publish { channel, data, request_id },
            Request::Send { to, data } => ClientFrame::Send { to, data, request_id },
        };
        let frame = frame.to_json();
        self.requests.add(id, reply, Instant::now());
        socket.send(frame).await
    }

    // ---- after a reconnect ----

    async fn subscribe_again(&mut self, socket: &mut Socket) {
        let channels: Vec<String> = self.shared.channels().keys().cloned().collect();
        for channel in channels {
            // A connection that ends meanwhile is noticed by its reader.
            self.subscribe_once_more(socket, channel, 0).await;
        }
    }

    /// True unless the connection does not take it any more.
    async fn subscribe_once_more(&mut self, socket: &mut Socket, channel: String, attempts: u32) -> bool {
        let Some(include_sender_metadata) = self.shared.channels().get(&channel).copied() else { return true };
        if attempts > SUBSCRIBE_ATTEMPTS {
            self.report("SubscribeError", &channel).await;
            return true;
        }
        let (reply, answer) = oneshot::channel();
        let request = Request::Subscribe { channel: channel.clone(), include_sender_metadata };
        let sent = self.request(socket, &request, reply).await;
        self.repeated.spawn(async move {
            let granted = matches!(answer.await, Ok(Ok(())));
            if !granted {
                sleep(SUBSCRIBE_PAUSE).await;
            }
            (channel, attempts + 1, granted)
        });
        sent
    }

    // ---- frames ----

    /// What a frame is to the application.
    fn frame(&mut self, frame: ServerFrame) -> Option<SignallingEvent> {
        Some(match frame {
            ServerFrame::Ack { request_id } => {
                self.requests.answer(&request_id, Ok(()));
                return None;
            }
            ServerFrame::Error { request_id: Some(id), code, message } => {
                self.requests.answer(&id, Err(RequestError::Refused { code, message }));
                return None;
            }
            // A server that knows no `ping`.
            ServerFrame::Error { code, .. } if code == "unknown_type" => return None,
            ServerFrame::Error { code, message, .. } => SignallingEvent::Error { code, message },
            ServerFrame::Presence { channel, joined, left } => SignallingEvent::Presence { channel, joined, left },
            ServerFrame::Message { channel, from, metadata, data } => {
                SignallingEvent::Message { channel, from, metadata, data }
            }
            ServerFrame::Direct { from, metadata, data } => SignallingEvent::Direct { from, metadata, data },
            ServerFrame::GoingAway { .. } => SignallingEvent::GoingAway,
            // There is one `welcome`.
            ServerFrame::Welcome(_) | ServerFrame::Pong => return None,
        })
    }

    async fn report(&self, code: &str, message: &str) {
        self.emit(SignallingEvent::Error { code: code.to_owned(), message: message.to_owned() }).await;
    }

    async fn emit(&self, event: SignallingEvent) {
        // Without a reader nobody wants events.
        self.events.send(event).await.ok();
    }
}

/// What is asked while there is no connection. False if the client is closed.
fn refuse(command: Option<Command>) -> bool {
    match command {
        Some(Command::Request(_, reply)) => drop(reply.send(Err(RequestError::NotConnected))),
        Some(Command::Connect(reply)) => drop(reply.send(Err(ConnectError::InvalidState))),
        Some(Command::Close(_)) | None => return false,
    }
    true
}
