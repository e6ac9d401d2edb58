//! One connection to a signaling server, from its handshake to its end: Socket.IO over a WebSocket.
//!
//! A [`Link`] exists only once the server has let the client into the namespace. It never waits for the server longer than
//! the server's own ping times: one that takes data and says nothing is as gone as one that hung up.

use super::packet::{self, Packet};
use confab_protocol::{ErrorCode, UserError, limits};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

/// How long one write to the server may take before the link counts as broken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest message of a server: what a stock server takes, too.
const MESSAGE_BYTES: usize = 1 << 20;
/// Longest words of a server that refuses, in characters.
const REFUSAL_CHARS: usize = 500;

/// What comes out of a link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// An event, which may want an answer.
    Event { name: String, args: Vec<Value>, ack: Option<u64> },
    /// The answer to the request with this number.
    Ack(u64, Vec<Value>),
    /// The server asks whether we are there: [`Link::pong`].
    Ping,
}

/// A connection that the server has accepted.
pub(crate) struct Link {
    wire: Wire,
    sid: String,
}

/// What carries a link.
enum Wire {
    Server(Box<Carrier>),
    /// A simulated server on the virtual clock.
    #[cfg(test)]
    Simulated(crate::simulation::Wire),
}

/// The WebSocket under a link.
struct Carrier {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    namespace: String,
    /// The longest silence of a server that is there.
    silence: Duration,
    heard: Instant,
}

/// The link is broken, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => closed(),
            error => Self(error.to_string()),
        }
    }
}

fn closed() -> Broken {
    Broken("the server closed the connection".to_owned())
}

impl Link {
    /// Connects and waits until the server lets us in. The path of `url` is the namespace; `path` is where the server's
    /// Socket.IO is.
    pub(crate) async fn open(url: &Url, path: &str, auth: Option<&Value>) -> Result<Self, UserError> {
        timeout(limits::CONNECT_TIMEOUT, Self::open_unbounded(url, path, auth)).await.unwrap_or_else(|_| {
            Err(UserError::with_detail(ErrorCode::ServerUnreachable, "the server did not answer in time"))
        })
    }

    async fn open_unbounded(url: &Url, path: &str, auth: Option<&Value>) -> Result<Self, UserError> {
        #[cfg(test)]
        if let Some(dialled) = crate::simulation::dial(url).await {
            let (wire, sid) = dialled?;
            return Ok(Self { wire: Wire::Simulated(wire), sid });
        }
        let (carrier, sid) = Carrier::open(url, path, auth).await?;
        Ok(Self { wire: Wire::Server(Box::new(carrier)), sid })
    }

    /// Our id on this connection.
    pub(crate) fn sid(&self) -> &str {
        &self.sid
    }

    /// The next event. Nothing is lost when this is dropped half-way.
    pub(crate) async fn recv(&mut self) -> Result<LinkEvent, Broken> {
        match &mut self.wire {
            Wire::Server(carrier) => carrier.recv().await,
            #[cfg(test)]
            Wire::Simulated(wire) => wire.recv().await,
        }
    }

    /// Sends an event; with a number if it wants an answer, which comes as [`LinkEvent::Ack`].
    pub(crate) async fn emit(&mut self, event: &str, args: &[Value], number: Option<u64>) -> Result<(), Broken> {
        match &mut self.wire {
            Wire::Server(carrier) => {
                let text = packet::event(&carrier.namespace, event, args, number);
                carrier.write(text).await
            }
            #[cfg(test)]
            Wire::Simulated(wire) => wire.emit(event, args.to_vec(), number),
        }
    }

    /// Answers an event of the server.
    pub(crate) async fn answer(&mut self, id: u64, args: Vec<Value>) -> Result<(), Broken> {
        match &mut self.wire {
            Wire::Server(carrier) => {
                let text = packet::ack(&carrier.namespace, id, args);
                carrier.write(text).await
            }
            #[cfg(test)]
            Wire::Simulated(_) => Ok(()),
        }
    }

    /// Answers a ping.
    pub(crate) async fn pong(&mut self) -> Result<(), Broken> {
        match &mut self.wire {
            Wire::Server(carrier) => carrier.pong().await,
            #[cfg(test)]
            Wire::Simulated(_) => Ok(()),
        }
    }

    /// Says goodbye and closes.
    pub(crate) async fn close(self) {
        match self.wire {
            Wire::Server(carrier) => carrier.close().await,
            #[cfg(test)]
            Wire::Simulated(wire) => wire.close(),
        }
    }
}

impl Carrier {
    /// Connects and enters the namespace; gives the own id.
    async fn open(url: &Url, path: &str, auth: Option<&Value>) -> Result<(Self, String), UserError> {
        let address = address(url, path)?;
        let config =
            WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES)).max_frame_size(Some(MESSAGE_BYTES));
        let (socket, _) =
            connect_async_with_config(address.as_str(), Some(config), true).await.map_err(|error| classify(&error))?;
        let mut carrier =
            Self { socket, namespace: url.path().to_owned(), silence: limits::CONNECT_TIMEOUT, heard: Instant::now() };
        let sid = carrier.enter(auth).await?;
        Ok((carrier, sid))
    }

    async fn enter(&mut self, auth: Option<&Value>) -> Result<String, UserError> {
        let foreign = |what: String| UserError::with_detail(ErrorCode::NotConfab, what);
        let lost = |broken: Broken| UserError::with_detail(ErrorCode::ServerUnreachable, broken);
        loop {
            match self.read().await.map_err(lost)? {
                Ok(Packet::Open(handshake)) => {
                    self.silence = handshake.silence;
                    self.write(packet::connect(&self.namespace, auth)).await.map_err(lost)?;
                }
                Ok(Packet::Connect { sid }) if !sid.is_empty() && sid.len() <= limits::ID_BYTES => return Ok(sid),
                Ok(Packet::ConnectError { message, data }) => return Err(refused(&message, data)),
                Ok(Packet::Ping) => self.pong().await.map_err(lost)?,
                Ok(Packet::Other) => {}
                Ok(other) => return Err(foreign(format!("instead of an opening came {other:?}"))),
                Err(error) => return Err(foreign(error.to_string())),
            }
        }
    }

    async fn recv(&mut self) -> Result<LinkEvent, Broken> {
        loop {
            match self.read().await? {
                Ok(Packet::Event { name, args, ack }) => return Ok(LinkEvent::Event { name, args, ack }),
                Ok(Packet::Ack { id, args }) => return Ok(LinkEvent::Ack(id, args)),
                Ok(Packet::Ping) => return Ok(LinkEvent::Ping),
                Ok(Packet::Close | Packet::Disconnect) => return Err(closed()),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a frame of the server is dropped"),
            }
        }
    }

    async fn read(&mut self) -> Result<Result<Packet, packet::Unreadable>, Broken> {
        loop {
            let Ok(frame) = timeout_at(self.heard + self.silence, self.socket.next()).await else {
                return Err(Broken("the server says nothing any more".to_owned()));
            };
            let frame = frame.ok_or_else(closed)??;
            self.heard = Instant::now();
            match frame {
                Message::Text(text) => return Ok(packet::decode(&text, &self.namespace)),
                Message::Close(_) => return Err(closed()),
                // Attachments of binary events, which nothing on this wire is; pings of the WebSocket answer themselves.
                _ => {}
            }
        }
    }

    async fn pong(&mut self) -> Result<(), Broken> {
        self.write(packet::PONG.to_owned()).await
    }

    async fn write(&mut self, text: String) -> Result<(), Broken> {
        match timeout(WRITE_TIMEOUT, self.socket.send(Message::text(text))).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Broken("the server takes no data".to_owned())),
        }
    }

    async fn close(mut self) {
        let goodbye = async {
            self.write(packet::disconnect(&self.namespace)).await?;
            self.socket.close(None).await.map_err(Broken::from)
        };
        match timeout(WRITE_TIMEOUT, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the server heard no goodbye"),
            Err(_) => tracing::debug!("the server took no goodbye"),
        }
    }
}

/// Where the WebSocket of the server is.
fn address(url: &Url, path: &str) -> Result<Url, UserError> {
    let bad = || UserError::with_detail(ErrorCode::ServerUnreachable, "the address is neither http nor https");
    let mut address = url.clone();
    let scheme = match url.scheme() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return Err(bad()),
    };
    address.set_scheme(scheme).map_err(|()| bad())?;
    address.set_path(path);
    address.set_fragment(None);
    address.query_pairs_mut().append_pair("EIO", "4").append_pair("transport", "websocket");
    Ok(address)
}

/// The server's middleware said no: its words are for people, the data beside them is technical.
fn refused(message: &str, data: Option<Value>) -> UserError {
    let clean = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).take(REFUSAL_CHARS).collect() };
    let mut error = match clean(message) {
        text if text.trim().is_empty() => UserError::new(ErrorCode::JoinRefused),
        text => UserError::with_message(ErrorCode::JoinRefused, text),
    };
    error.detail = data.map(|data| clean(&data.to_string()));
    error
}

/// Tells an address without a server from a server that is no Confab.
fn classify(error: &Error) -> UserError {
    let code = match error {
        Error::Http(response) => match response.status().as_u16() {
            401 | 403 => ErrorCode::JoinRefused,
            // A proxy whose server is down, or a server that is overloaded.
            429 | 500..=599 => ErrorCode::ServerUnreachable,
            _ => ErrorCode::NotConfab,
        },
        Error::Protocol(_) | Error::HttpFormat(_) | Error::Utf8(_) | Error::Capacity(_) | Error::AttackAttempt => {
            ErrorCode::NotConfab
        }
        _ => ErrorCode::ServerUnreachable,
    };
    UserError::with_detail(code, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_address_of_a_server_is_that_of_its_websocket() {
        let address = |text: &str, path| address(&Url::parse(text).unwrap(), path).map(String::from);
        assert_eq!(
            address("http://a.example:7420/room?x=1#f", "/socket.io/").unwrap(),
            "ws://a.example:7420/socket.io/?x=1&EIO=4&transport=websocket"
        );
        assert_eq!(address("https://a.example/", "/own/").unwrap(), "wss://a.example/own/?EIO=4&transport=websocket");
        assert!(address("ftp://a.example/", "/socket.io/").is_err());
    }

    #[test]
    fn a_refusal_keeps_the_words_of_the_server() {
        let error = refused("You are\n not on the list.", None);
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::JoinRefused, "You are not on the list."));
        assert_eq!(refused("no", Some(json!({ "code": 7 }))).detail.as_deref(), Some(r#"{"code":7}"#));
        assert_eq!(refused("", None), ErrorCode::JoinRefused.into());
        assert_eq!(refused(&"x".repeat(10_000), None).message.len(), REFUSAL_CHARS);
    }
}
