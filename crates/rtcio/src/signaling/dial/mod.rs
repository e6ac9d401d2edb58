//! The connection to a server: TCP, perhaps through a proxy, perhaps TLS, the WebSocket handshake with its redirects, and the
//! first packet of Engine.IO.

mod failure;
pub(crate) mod stream;
pub(crate) mod tunnel;

use super::packets::{self, Handshake};
use crate::connect_error::ConnectError;
use crate::proxy::ProxyPolicy;
use confab_transport::ice::RootCertificate;
use failure::{from_handshake, from_status, not_a_server, unreachable};
use futures_util::StreamExt;
use std::net::IpAddr;
use stream::{BoxedStream, connect_tcp, connect_tls};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::LOCATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::{Host, Url};

/// Redirects that are followed, one after the other.
const REDIRECTS: usize = 5;
/// Largest message of a server. Ours sends less than [`confab_wire::limits::SIGNALING_MESSAGE_BYTES`]; events of an application may be
/// larger.
const MESSAGE_BYTES: usize = 16 << 20;

/// A WebSocket to a server.
pub(super) type ServerSocket = WebSocketStream<BoxedStream>;

/// How a server is reached.
#[derive(Debug, Clone, Default)]
pub(crate) struct DialOptions {
    pub(crate) proxy: ProxyPolicy,
    /// Trusted beside those of the system.
    pub(crate) roots: Vec<RootCertificate>,
}

/// A connection on which the server has said its first words.
pub(super) struct Dialled {
    pub(super) socket: ServerSocket,
    /// The Engine.IO open packet.
    pub(super) open: String,
    pub(super) handshake: Handshake,
    /// The address of this machine that is used.
    pub(super) local: Option<IpAddr>,
}

/// The size limits of both ends of the relay.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES)).max_frame_size(Some(MESSAGE_BYTES))
}

/// Connects to the Socket.IO at `path` of the server at `url`. Whoever waits may give up at any time: nothing is left.
pub(super) async fn dial(url: &Url, path: &str, options: &DialOptions) -> Result<Dialled, ConnectError> {
    let mut address = address(url, path)?;
    for _ in 0..=REDIRECTS {
        let (stream, local) = connect(&address, options).await?;
        let request = websocket(&address).as_str().into_client_request();
        let request = request.map_err(|error| unreachable(error.to_string()))?;
        match client_async_with_config(request, stream, Some(config())).await {
            Ok((mut socket, _)) => {
                let (open, handshake) = open_packet(&mut socket).await?;
                return Ok(Dialled { socket, open, handshake, local });
            }
            Err(Error::Http(response)) if response.status().is_redirection() => {
                let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                address = location
                    .and_then(|location| redirected(&address, location))
                    .ok_or_else(|| from_status(response.status().as_u16()))?;
                tracing::debug!(scheme = address.scheme(), "the server sends us to another address of its own");
            }
            Err(error) => return Err(from_handshake(&error)),
        }
    }
    Err(not_a_server("too many redirects"))
}

/// Where the Socket.IO of the server is, as http or https.
fn address(url: &Url, path: &str) -> Result<Url, ConnectError> {
    let scheme = match url.scheme() {
        "http" | "ws" => "http",
        "https" | "wss" => "https",
        _ => return Err(unreachable("the address is neither http nor https")),
    };
    let mut address = url.clone();
    // ws and wss are as special as these.
    if address.set_scheme(scheme).is_err() {
        return Err(unreachable("the address is neither http nor https"));
    }
    address.set_path(path);
    address.set_fragment(None);
    address.query_pairs_mut().append_pair("EIO", "4").append_pair("transport", "websocket");
    Ok(address)
}

/// The same address as that of a WebSocket.
fn websocket(address: &Url) -> Url {
    let mut websocket = address.clone();
    websocket.set_scheme(if address.scheme() == "https" { "wss" } else { "ws" }).ok();
    websocket
}

/// Where a redirect leads, if it may be followed: to the same host, and never from https to http.
fn redirected(from: &Url, location: &str) -> Option<Url> {
    let mut to = from.join(location).ok()?;
    match to.scheme() {
        "ws" => to.set_scheme("http").ok()?,
        "wss" => to.set_scheme("https").ok()?,
        _ => {}
    }
    let secure_enough = to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http");
    (secure_enough && to.host() == from.host() && to != *from).then_some(to)
}

/// A stream to the server, with TLS for https.
async fn connect(address: &Url, options: &DialOptions) -> Result<(BoxedStream, Option<IpAddr>), ConnectError> {
    let host = match address.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
        None => return Err(unreachable("the address has no host")),
    };
    let port = address.port_or_known_default().ok_or_else(|| unreachable("the address has no port"))?;
    let (stream, local) = match options.proxy.choose(address) {
        Some(proxy) => tunnel::connect(&proxy, &host, port, &options.roots).await?,
        None => {
            let (stream, local) = connect_tcp(&host, port).await?;
            (Box::new(stream) as BoxedStream, local)
        }
    };
    let stream = if address.scheme() == "https" { connect_tls(&host, stream, &options.roots).await? } else { stream };
    Ok((stream, local))
}

/// The first packet, which must be that of an Engine.IO server.
async fn open_packet(socket: &mut ServerSocket) -> Result<(String, Handshake), ConnectError> {
    while let Some(message) = socket.next().await {
        match message.map_err(|error| from_handshake(&error))? {
            Message::Text(text) => {
                let handshake = packets::handshake(&text).ok_or_else(|| not_a_server("no packet of Engine.IO"))?;
                return Ok((text.as_str().to_owned(), handshake));
            }
            Message::Ping(_) | Message::Pong(_) => {}
            _ => return Err(not_a_server("no packet of Engine.IO")),
        }
    }
    Err(unreachable("the server closed the connection"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_address_is_where_the_servers_socket_io_is() {
        let address = |text: &str, path| address(&url(text), path).map(String::from);
        assert_eq!(
            address("http://a.example:7420/room?x=1#f", "/socket.io/").unwrap(),
            "http://a.example:7420/socket.io/?x=1&EIO=4&transport=websocket"
        );
        assert_eq!(address("wss://a.example/", "/own/").unwrap(), "https://a.example/own/?EIO=4&transport=websocket");
        assert!(address("ftp://a.example/", "/socket.io/").is_err());
        assert_eq!(websocket(&url("https://a.example/")).as_str(), "wss://a.example/");
    }

    #[test]
    fn a_redirect_stays_with_the_host_and_keeps_what_protects() {
        let to = |from: &str, location| redirected(&url(from), location).map(String::from);
        for (from, location, expected) in [
            ("http://a.example/s?E=4", "https://a.example/s?E=4", Some("https://a.example/s?E=4")),
            ("http://a.example/s", "https://a.example:8443/s", Some("https://a.example:8443/s")),
            ("http://a.example/s", "wss://a.example/s", Some("https://a.example/s")),
            ("http://a.example/s", "/t", Some("http://a.example/t")),
            ("https://a.example/s", "/t", Some("https://a.example/t")),
            ("https://a.example/s", "http://a.example/t", None),
            ("http://a.example/s", "https://b.example/s", None),
            ("http://a.example/s", "//b.example/s", None),
            ("http://a.example/s", "ftp://a.example/s", None),
            ("http://a.example/s", "/s", None),
            ("http://a.example/s", "http://[", None),
        ] {
            assert_eq!(to(from, location).as_deref(), expected, "{from} {location}");
        }
    }
}
