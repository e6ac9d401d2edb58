//! The Metered endpoint that runs: its sockets, each with a task.

use super::fan_out::FanOut;
use super::frame::{CHANNEL_BYTES, ClientFrame, DATA_BYTES, ErrorCode, REQUEST_ID_CHARS, Request, ServerFrame};
use super::hub::{Effect, Hub};
use super::token::{Access, Permission};
use crate::config::MeteredConfig;
use crate::http::token::TokenError;
use crate::limits::Limits;
use crate::net::{Clients, Kind, MessageBudget, Requester, TcpConnection, Verdict};
use crate::sync::lock;
use crate::websocket::{Incoming, Receiver, Socket, Upgrade};
use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio_util::task::TaskTracker;

/// Path of the endpoint, which is the version of the wire.
pub(crate) const PATH: &str = "/v1";
/// What a frame may have besides its data: names and a request id, of which each character may be escaped.
const FRAME_BYTES: usize = DATA_BYTES + 6 * (CHANNEL_BYTES + 2 * REQUEST_ID_CHARS) + 512;
/// How often a client is asked for a sign of life, and for how long it may give none.
const PING: (Duration, Duration) = (Duration::from_secs(25), Duration::from_secs(60));
/// How long before the end of its token a client is closed.
const BEFORE_EXPIRY: Duration = Duration::from_millis(250);
/// How long clients are to wait after a server that stops.
const RETRY_AFTER_MS: u64 = 1_000;

type Close = (u16, &'static str);
const GOING_AWAY: Close = (1_001, "going away");
const INVALID_TOKEN: Close = (4_001, "invalid token");
const TOKEN_EXPIRED: Close = (4_002, "token expired");
const OVER_LIMIT: Close = (4_010, "over concurrent limit");
const OVER_RATE: Close = (4_011, "over message rate");
const REPLACED: Close = (4_020, "replaced by a newer connection");

/// Channels and who is in them.
pub(crate) struct MeteredServer {
    config: MeteredConfig,
    clients: Clients,
    limits: Limits,
    hub: Mutex<Hub<Receiver>>,
    sockets: TaskTracker,
}

/// Answers the endpoint's path.
pub(crate) fn router(server: Arc<MeteredServer>) -> Router {
    Router::new().fallback(answer).with_state(server)
}

async fn answer(State(server): State<Arc<MeteredServer>>, mut request: HttpRequest) -> Response {
    if request.uri().path() != PATH {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(connection) = request.extensions().get::<Arc<TcpConnection>>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Some(requester) = server.clients.of(connection, request.headers()) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    if !requester.address.connect(Instant::now()) {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    match Upgrade::of(&mut request) {
        Ok(upgrade) => {
            let response = upgrade.response();
            server.serve(requester, request.uri().query().unwrap_or_default(), upgrade);
            response
        }
        Err(status) => status.into_response(),
    }
}

/// One connected client.
struct Session<'a> {
    server: &'a MeteredServer,
    access: &'a Access,
    receiver: &'a Receiver,
    requester: &'a Requester,
}

impl MeteredServer {
    pub(crate) fn new(config: MeteredConfig, clients: Clients, limits: Limits) -> Arc<Self> {
        Arc::new(Self { config, clients, hub: Mutex::new(Hub::new(&limits)), limits, sockets: TaskTracker::new() })
    }

    /// Tells every client to come back later, closes it, and waits for that.
    pub(crate) async fn close(&self) {
        self.sockets.close();
        let text = ServerFrame::GoingAway { retry_after_ms: RETRY_AFTER_MS }.text();
        for receiver in lock(&self.hub).connections() {
            receiver.tell(text.clone());
            receiver.close(Some(GOING_AWAY));
        }
        self.sockets.wait().await;
    }

    fn serve(self: &Arc<Self>, requester: Requester, query: &str, upgrade: Upgrade) {
        let (_, silence) = PING;
        requester.connection.allow_silence(silence);
        let access = Access::of(&self.config, query, SystemTime::now());
        let place = self.clients.addresses().place(&requester.address, Kind::Socket);
        let server = Arc::clone(self);
        self.sockets.spawn(async move {
            let receiver = Receiver::new(&requester, &server.limits);
            let Some(mut socket) = upgrade.open(Arc::clone(receiver.outbox()), FRAME_BYTES).await else { return };
            match (access, place) {
                (Ok(access), Some(_place)) => {
                    let session =
                        Session { server: &server, access: &access, receiver: &receiver, requester: &requester };
                    session.run(&mut socket).await;
                }
                (Err(error), _) => {
                    tracing::debug!(%error, "a Metered client is refused");
                    receiver.close(Some(if error == TokenError::Expired { TOKEN_EXPIRED } else { INVALID_TOKEN }));
                }
                (_, None) => receiver.close(Some(OVER_LIMIT)),
            }
            Box::pin(socket.finish()).await;
        });
    }
}

impl Session<'_> {
    async fn run(&self, socket: &mut Socket) {
        if !self.enter() {
            return self.receiver.close(Some(GOING_AWAY));
        }
        tracing::debug!("a Metered client is connected");
        let mut budget = MessageBudget::new(&self.server.limits);
        let mut fan_out = FanOut::new(&self.server.limits);
        loop {
            let Ok(message) = tokio::time::timeout(self.pause(), socket.receive()).await else {
                if self.left().is_some_and(|left| left.is_zero()) {
                    self.receiver.close(Some(TOKEN_EXPIRED));
                    break;
                }
                self.receiver.ping();
                continue;
            };
            let Some(message) = message else { break };
            self.receive(&message, &mut budget, &mut fan_out);
        }
        let mut hub = lock(&self.server.hub);
        let effects = hub.disconnect(&self.access.id, self.receiver);
        // A server that stops says nothing about the others: they are still there for each other.
        if !self.server.sockets.is_closed() {
            self.deliver(effects);
        }
        drop(hub);
        tracing::debug!("a Metered client is gone");
    }

    /// Welcomes the client, in place of one with the same id. False if the server stops.
    fn enter(&self) -> bool {
        let access = self.access;
        let sees = access.permits(Permission::Presence);
        let welcome = ServerFrame::Welcome {
            peer_id: &access.id,
            expires_at: access.expires,
            server_time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            max_message_size: DATA_BYTES,
            metadata: access.own_metadata.as_deref(),
        };
        let mut hub = lock(&self.server.hub);
        if self.server.sockets.is_closed() {
            return false;
        }
        self.receiver.tell(welcome.text());
        let (replaced, effects) = hub.connect(&access.id, self.receiver.clone(), access.metadata.clone(), sees);
        self.deliver(effects);
        if let Some(replaced) = replaced {
            replaced.close(Some(REPLACED));
        }
        true
    }

    /// How long its token is still good.
    fn left(&self) -> Option<Duration> {
        let end = UNIX_EPOCH.checked_add(Duration::from_secs(self.access.expires?))?;
        Some(end.duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(BEFORE_EXPIRY))
    }

    /// Until the next ping, or the end.
    fn pause(&self) -> Duration {
        let (ping, _) = PING;
        self.left().map_or(ping, |left| left.min(ping))
    }

    fn receive(&self, message: &Incoming, budget: &mut MessageBudget, fan_out: &mut FanOut) {
        let (bytes, now) = (message.bytes().len(), Instant::now());
        let of_address = self.requester.address.message(bytes, now);
        let verdict = budget.message(bytes, of_address, now);
        if verdict == Verdict::Disconnect {
            tracing::warn!("a Metered client sends more than it may: disconnected");
            return self.receiver.close(Some(OVER_RATE));
        }
        if self.left().is_some_and(|left| left.is_zero()) {
            return self.receiver.close(Some(TOKEN_EXPIRED));
        }
        // Nothing on this wire is binary.
        let Incoming::Text(text) = message else { return };
        let ClientFrame { request_id, request } = ClientFrame::parse(text);
        let request = match verdict {
            Verdict::Admit => request,
            _ => Err(ErrorCode::OverQuota),
        };
        let ack = || request_id.as_deref().map(|request_id| ServerFrame::Ack { request_id }.text());
        if let Err(code) = request.and_then(|request| self.obey(request, ack, fan_out)) {
            self.receiver.tell(ServerFrame::error(request_id.as_deref(), code));
        }
    }

    /// Does what is asked and answers it, or says why not.
    fn obey(
        &self,
        request: Request<'_>,
        ack: impl Fn() -> Option<tokio_tungstenite::tungstenite::Utf8Bytes>,
        fan_out: &mut FanOut,
    ) -> Result<(), ErrorCode> {
        let id = &self.access.id;
        let answer = || {
            if let Some(ack) = ack() {
                self.receiver.tell(ack);
            }
        };
        let mut hub = lock(&self.server.hub);
        if !hub.is(id, self.receiver) {
            // Replaced: it is nobody any more.
            return Ok(());
        }
        match request {
            Request::Ping => self.receiver.tell(ServerFrame::Pong.text()),
            Request::Subscribe { channel, with_metadata } => {
                self.may(Permission::Subscribe, &channel)?;
                self.deliver(hub.subscribe(id, &channel, with_metadata, ack(), Instant::now())?);
            }
            Request::Unsubscribe { channel } => {
                self.deliver(hub.unsubscribe(id, &channel));
                answer();
            }
            Request::Publish { channel, data } => {
                self.may(Permission::Publish, &channel)?;
                let messages = hub.publish(id, &channel, data);
                if !fan_out.admit(messages.len(), data.get().len(), Instant::now()) {
                    return Err(ErrorCode::OverQuota);
                }
                self.deliver(messages);
                answer();
            }
            Request::Send { to, data } => {
                if !self.access.permits(Permission::Send) {
                    return Err(ErrorCode::NotPermitted);
                }
                let direct = hub.send(id, &to, data)?;
                if !self.deliver_one(direct) {
                    return Err(ErrorCode::Backend);
                }
                answer();
            }
        }
        Ok(())
    }

    fn may(&self, permission: Permission, channel: &str) -> Result<(), ErrorCode> {
        if !self.access.permits(permission) {
            return Err(ErrorCode::NotPermitted);
        }
        if self.access.opens(channel) { Ok(()) } else { Err(ErrorCode::ChannelNotAuthorized) }
    }

    fn deliver(&self, effects: Vec<Effect<Receiver>>) {
        for effect in effects {
            self.deliver_one(effect);
        }
    }

    fn deliver_one(&self, Effect { to, text, relayed }: Effect<Receiver>) -> bool {
        if relayed {
            return to.relay(&self.requester.address, text, Instant::now());
        }
        to.tell(text);
        true
    }
}
