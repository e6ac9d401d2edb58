//! The web side: a health check, and the page behind a room link.

use crate::config::OpenRooms;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use confab_wire::room::{RoomLink, parse_server};
use serde_json::json;
use std::sync::Arc;
use url::Url;

/// What the pages know of the server.
pub(crate) struct Site {
    pub(crate) public_url: Option<Url>,
    pub(crate) download_url: Option<Url>,
    /// The rooms that there are; `None` for any.
    pub(crate) rooms: Option<OpenRooms>,
    /// Whether pages from other computers can use the Metered endpoint, where there is one: its clients want TLS.
    pub(crate) metered_tls: Option<bool>,
}

pub(crate) fn router(site: Site) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/healthz", get(health))
        .route("/r/{*room}", get(room))
        .fallback(nothing)
        .with_state(Arc::new(site))
}

async fn health(State(site): State<Arc<Site>>) -> impl IntoResponse {
    let mut body = json!({ "ok": true, "name": "confab", "version": env!("CARGO_PKG_VERSION") });
    if let Some(tls) = site.metered_tls {
        body["metered"] = if tls { json!({ "tls": true }) } else { json!({ "tls": false, "reason": "tls-missing" }) };
    }
    ([(CACHE_CONTROL, "no-store")], Json(body))
}

async fn home() -> Response {
    page(
        StatusCode::OK,
        "Confab",
        "<p>This is a Confab server: people meet here for a video call, and then talk to each other directly.</p>\
         <p>To join a call, open the link that someone sent you. To start one, open Confab and choose \
         <b class=\"control\">Start a call</b>.</p>",
    )
}

async fn nothing() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "There is nothing here",
        "<p>If you came to join a call, check the link: it ends in <code>/r/</code> and the name of the room.</p>",
    )
}

async fn room(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(link) = site.address(&headers).and_then(|address| RoomLink::at(&address, uri.path()).ok()) else {
        return page(
            StatusCode::NOT_FOUND,
            "This link leads nowhere",
            "<p>A part of it may have been lost on the way. Ask for the link again.</p>",
        );
    };
    if site.rooms.as_ref().is_some_and(|rooms| !rooms.is_open(&link.room)) {
        return page(
            StatusCode::NOT_FOUND,
            "This call isn’t here",
            "<p>It is over, or the person who started it is not there yet. Ask them for a new link, or try again later.</p>",
        );
    }
    let app_url = escape(&link.to_app_url());
    let get = match &site.download_url {
        Some(url) => format!("<a href=\"{}\">Get Confab</a>, install it", escape(url.as_str())),
        None => "Ask the person who sent the link for it, install it".to_owned(),
    };
    let body = format!(
        "<p>You are invited to the call <b>{room}</b>.</p>\
         <p><a class=\"open\" href=\"{app_url}\">Open in Confab</a></p>\
         <h2>No Confab on this computer?</h2>\
         <p>{get}, and come back to this page. Or start Confab, paste this link under <b class=\"control\">Link to a call</b> and \
         choose <b class=\"control\">Join</b>:</p>\
         <p><code class=\"link\">{link}</code></p>",
        room = escape(link.room.as_str()),
        link = escape(&link.to_string()),
    );
    page(StatusCode::OK, "Join the call", &body)
}

impl Site {
    /// The address under which the visitor knows this server: the configured one, or the one the visitor asked for.
    /// The headers are the visitor's own, and so is the page that is made from them: it is never cached.
    fn address(&self, headers: &HeaderMap) -> Option<Url> {
        if let Some(url) = &self.public_url {
            return Some(url.clone());
        }
        let host = headers.get(HOST)?.to_str().ok()?;
        // Of a list the first is what the visitor used; each proxy adds its own at the end.
        let scheme = headers.get("x-forwarded-proto").and_then(|list| list.to_str().ok()?.split(',').next());
        let proxied = scheme.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
        parse_server(&format!("{}://{host}", if proxied { "https" } else { "http" })).ok()
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A page without scripts or anything from elsewhere. `body` is HTML.
fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let nonce = STANDARD_NO_PAD.encode(rand::random::<[u8; 16]>());
    let html = include_str!("page.html")
        .replace("{{nonce}}", &nonce)
        .replace("{{title}}", &escape(title))
        .replace("{{body}}", body);
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    // The link is the key to the room: it must not travel in a Referer.
    let headers = [
        (CONTENT_SECURITY_POLICY, policy.as_str()),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_configured_one_or_the_visitors() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let here = Site { public_url: None, download_url: None, rooms: None, metered_tls: None };
        let address = |site: &Site, headers: HeaderMap| site.address(&headers).map(String::from);
        assert_eq!(address(&here, headers(&[("host", "10.0.0.1:7420")])).unwrap(), "http://10.0.0.1:7420/");
        let proxied = headers(&[("host", "meet.example.org"), ("x-forwarded-proto", "https")]);
        assert_eq!(address(&here, proxied).unwrap(), "https://meet.example.org/");
        for (list, scheme) in [("https, http", "https"), ("HTTPS,http", "https"), ("http, https", "http"), ("", "http")]
        {
            let proxied = headers(&[("host", "meet.example.org"), ("x-forwarded-proto", list)]);
            assert_eq!(address(&here, proxied).unwrap(), format!("{scheme}://meet.example.org/"), "{list}");
        }
        assert_eq!(address(&here, headers(&[("host", "user@host")])), None);
        assert_eq!(address(&here, HeaderMap::new()), None);
        let there = Site {
            public_url: "https://meet.example.org".parse().ok(),
            download_url: None,
            rooms: None,
            metered_tls: None,
        };
        assert_eq!(address(&there, headers(&[("host", "evil")])).unwrap(), "https://meet.example.org/");
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }
}
