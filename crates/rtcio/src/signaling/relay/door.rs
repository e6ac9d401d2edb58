//! The end of the relay that the library connects to: one connection, on the loopback, to who knows the secret.

use super::super::dial;
use rand::Rng;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use url::Url;

/// How long somebody who connects may take to say the secret.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections that may be asked for the secret at the same time; more are closed.
const CANDIDATES: usize = 8;

/// A WebSocket to the library.
pub(super) type LibrarySocket = WebSocketStream<TcpStream>;

/// A listener of which nobody else knows the address.
pub(super) struct Door {
    listener: TcpListener,
    path: String,
    address: Url,
}

impl Door {
    /// Listens on a port that the system chooses, with a secret of 128 bits.
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let path = format!("/{:032x}/", rand::rng().random::<u128>());
        let address = format!("http://{}{path}", listener.local_addr()?);
        let address = Url::parse(&address).map_err(|_| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        Ok(Self { listener, path, address })
    }

    /// Where it is, secret included.
    pub(super) fn address(&self) -> &Url {
        &self.address
    }

    /// Waits for who knows the secret. The listener is closed then: nobody else gets in.
    pub(super) async fn enter(self) -> LibrarySocket {
        let mut candidates = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if candidates.len() < CANDIDATES => {
                        candidates.spawn(timeout(HANDSHAKE_TIMEOUT, ask(stream, self.path.clone())));
                    }
                    Ok(_) => tracing::warn!("too many connect to the relay"),
                    Err(error) => {
                        tracing::debug!(%error, "the relay could not accept");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                },
                Some(asked) = candidates.join_next() => match asked {
                    Ok(Ok(Some(socket))) => return socket,
                    _ => tracing::warn!("somebody without the secret connected to the relay"),
                },
            }
        }
    }
}

/// The WebSocket handshake; `None` for who does not know the secret.
async fn ask(stream: TcpStream, path: String) -> Option<LibrarySocket> {
    stream.set_nodelay(true).ok();
    #[allow(clippy::result_large_err)] // The library's type.
    let check = |request: &Request, response: Response| {
        if is_equal(request.uri().path().as_bytes(), path.as_bytes()) {
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        Err(refusal)
    };
    accept_hdr_async_with_config(stream, check, Some(dial::config())).await.ok()
}

/// Compares in a time that does not depend on where the first difference is.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::connect_async;
    use tokio_tungstenite::tungstenite::Error;

    #[tokio::test]
    async fn only_who_knows_the_secret_gets_in_and_only_once() {
        let door = Door::open().await.unwrap();
        let mut right = door.address().clone();
        right.set_scheme("ws").unwrap();
        let mut others = Vec::new();
        for path in ["/", "/socket.io/", "/00000000000000000000000000000000/"] {
            let mut wrong = right.clone();
            wrong.set_path(path);
            others.push(wrong);
        }
        let address = door.listener.local_addr().unwrap();
        let entering = tokio::spawn(door.enter());
        // Who says nothing holds up nobody.
        let _silent = TcpStream::connect(address).await.unwrap();
        for wrong in others {
            let Err(Error::Http(refusal)) = connect_async(wrong.as_str()).await else { panic!("{wrong} got in") };
            assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
        }
        let (_library, _) = connect_async(right.as_str()).await.unwrap();
        let _socket = entering.await.unwrap();
        assert!(connect_async(right.as_str()).await.is_err(), "a second one got in");
        assert!(TcpStream::connect(address).await.is_err(), "the listener is still there");
    }

    #[tokio::test]
    async fn each_relay_has_a_secret_of_its_own() {
        let (one, other) = (Door::open().await.unwrap(), Door::open().await.unwrap());
        assert_ne!(one.path, other.path);
        assert_eq!(one.path.len(), 34);
    }
}
