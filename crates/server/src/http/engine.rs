//! What stands before the Socket.IO engine: who connects how often, and what a request may hold.

use crate::limits::Limits;
use crate::net::{Clients, Kind, Session, Sessions, TcpConnection};
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Instant;

/// Path of the engine.
pub(crate) const ENGINE_PATH: &str = "/socket.io";
/// What separates packets in the body of a polling request (Engine.IO 4).
const PACKET_SEPARATOR: u8 = 0x1e;
/// Beginning of a packet that connects to a namespace.
const CONNECT_PACKET: &[u8] = b"40";
/// Such packets in one body; clients send one.
const CONNECT_PACKETS: usize = 4;
/// What the engine itself says of a session that is over; a client then opens another one.
const UNKNOWN_SESSION: &str = r#"{"code":"1","message":"Session ID unknown"}"#;

/// What is asked before each request of the engine.
pub(crate) struct Gate {
    pub(crate) clients: Clients,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) limits: Limits,
}

/// Lets a request through to the engine, or refuses it.
pub(crate) async fn admit(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let Some(connection) = request.extensions().get::<Arc<TcpConnection>>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match gate.pass(connection, request, next).await {
        Ok(response) => response,
        Err((status, why)) => {
            tracing::debug!(%status, why, "a request is refused");
            // What is still on its way in this connection is not waited for.
            (status, [(CONNECTION, HeaderValue::from_static("close"))], why).into_response()
        }
    }
}

type Refused = (StatusCode, &'static str);

impl Gate {
    async fn pass(
        &self,
        connection: Arc<TcpConnection>,
        mut request: Request,
        next: Next,
    ) -> Result<Response, Refused> {
        let requester = self.clients.of(Arc::clone(&connection), request.headers());
        let requester = requester.ok_or((StatusCode::SERVICE_UNAVAILABLE, "too many connections of this address"))?;
        let address = &requester.address;
        let (sid, websocket) = kind(request.uri().query().unwrap_or_default());
        let session = match &sid {
            None if address.connect(Instant::now()) => None,
            None => return Err((StatusCode::TOO_MANY_REQUESTS, "too many new connections of this address")),
            Some(sid) => self.sessions.of(sid),
        };
        if session.as_ref().is_some_and(|session| session.is_cut() || !session.belongs_to(address)) {
            return Err((StatusCode::BAD_REQUEST, UNKNOWN_SESSION));
        }
        if request.method() == Method::POST {
            let place = self.clients.addresses().place(address, Kind::Body);
            let _place = place.ok_or((StatusCode::TOO_MANY_REQUESTS, "too many requests of this address at once"))?;
            request = self.read(request).await?;
        } else if !request.body().is_end_stream() {
            return Err((StatusCode::BAD_REQUEST, "a request of this kind has no body"));
        }
        if websocket && let Some(session) = &session {
            session.is_carried_by(&connection);
        }
        let polls = request.method() == Method::GET && !websocket;
        request.extensions_mut().insert(requester);
        let response = next.run(request).await;
        if polls && let Some(session) = session {
            count(&session, &response);
        }
        Ok(response)
    }

    /// The request with its whole body, if that comes in time and costs no more than it should: what a packet needs is many
    /// times its size, and for one that connects to a namespace the engine starts a task.
    async fn read(&self, request: Request) -> Result<Request, Refused> {
        let (head, body) = request.into_parts();
        let read = tokio::time::timeout(self.limits.request_timeout, to_bytes(body, self.limits.message_bytes));
        let bytes = match read.await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => return Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or broke off")),
            Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
        };
        let packets = || bytes.split(|byte| *byte == PACKET_SEPARATOR);
        let connects = packets().filter(|packet| packet.starts_with(CONNECT_PACKET)).count();
        if packets().count() > self.limits.polling_packets || connects > CONNECT_PACKETS {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "too many packets in one body"));
        }
        Ok(Request::from_parts(head, Body::from(bytes)))
    }
}

/// The session that a request names, and whether it asks for a WebSocket.
fn kind(query: &str) -> (Option<String>, bool) {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    (parameter("sid"), parameter("transport").as_deref() == Some("websocket"))
}

/// What a poll takes with it waits no more.
fn count(session: &Session, response: &Response) {
    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if let Some(length) = length.and_then(|length| length.parse().ok()) {
        session.backlog.written(length);
    }
}
