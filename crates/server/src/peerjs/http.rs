//! The PeerServer's answers to requests.

use super::server::PeerServer;
use crate::net::TcpConnection;
use crate::websocket::{Upgrade, is_upgrade};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, CACHE_CONTROL, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// What a preflight allows.
const METHODS: &str = "GET,HEAD,PUT,PATCH,POST,DELETE";
/// Name of the last part of a WebSocket's path, whatever the key is.
const SOCKET: &str = "peerjs";

/// Answers everything below the path of the PeerServer.
pub(crate) fn router(server: Arc<PeerServer>) -> Router {
    Router::new().fallback(answer).with_state(server)
}

async fn answer(State(server): State<Arc<PeerServer>>, request: Request) -> Response {
    let asked = request.headers().clone();
    let mut response = if request.method() == Method::OPTIONS { preflight(&asked) } else { server.answer(request) };
    let headers = response.headers_mut();
    // Any page may ask, as of the engine: nothing here grants anything to an origin, and there are no cookies.
    if let Some(origin) = asked.get(ORIGIN) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
    response
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    if let Some(wanted) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    response
}

impl PeerServer {
    fn answer(self: &Arc<Self>, mut request: Request) -> Response {
        let Some(connection) = request.extensions().get::<Arc<TcpConnection>>().cloned() else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let Some(requester) = self.clients.of(connection, request.headers()) else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let now = Instant::now();
        if is_upgrade(request.headers()) {
            if self.below(request.uri().path()) != Some(SOCKET) {
                return StatusCode::BAD_REQUEST.into_response();
            }
            if !requester.address.connect(now) {
                return StatusCode::TOO_MANY_REQUESTS.into_response();
            }
            return match Upgrade::of(&mut request) {
                Ok(upgrade) => {
                    let response = upgrade.response();
                    self.serve(requester, request.uri().query().unwrap_or_default(), upgrade);
                    response
                }
                Err(status) => status.into_response(),
            };
        }
        if !requester.address.message(0, now) {
            return StatusCode::TOO_MANY_REQUESTS.into_response();
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let path = self.below(request.uri().path()).map(|path| path.strip_suffix('/').unwrap_or(path));
        let mut response = match path.map(|path| path.split_once('/').unwrap_or((path, ""))) {
            Some(("", "")) => Json(json!({
                "name": "Confab PeerServer",
                "description": "connects clients of PeerJS",
                "website": "https://peerjs.com/",
            }))
            .into_response(),
            Some((key, "id")) if !key.is_empty() => Html(self.fresh_id()).into_response(),
            Some((key, "peers")) if !key.is_empty() && !self.config.allow_discovery => {
                (StatusCode::UNAUTHORIZED, "Unauthorized").into_response()
            }
            Some((key, "peers")) if !key.is_empty() => self.discovery(&requester, now),
            _ => StatusCode::NOT_FOUND.into_response(),
        };
        if *request.method() == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Who is connected, for one who does not ask for more than its address may send.
    fn discovery(&self, requester: &crate::net::Requester, now: Instant) -> Response {
        let ids = self.ids();
        if !requester.address.message(ids.iter().map(|id| id.len() + 3).sum(), now) {
            return StatusCode::TOO_MANY_REQUESTS.into_response();
        }
        Json(ids.iter().map(|id| &**id).collect::<Vec<_>>()).into_response()
    }

    /// What a path has behind that of this server; the last `/` of that may be missing.
    fn below<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&*self.config.path)
            .or_else(|| path.strip_prefix(self.config.path.trim_end_matches('/')).filter(|rest| rest.is_empty()))
    }
}
