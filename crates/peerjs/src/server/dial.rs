//! Connections to the server: TCP, or TLS over it.

use super::address::Address;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a connection may take, with its handshakes.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why the server does not answer, in technical words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Tls(#[from] native_tls::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("the request can't be written")]
    Request,
    #[error("{0}")]
    WebSocket(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    #[error("status {0}")]
    Status(u16),
    #[error("the answer is not what was asked for")]
    Answer,
    #[error("no answer in time")]
    Timeout,
}

/// Connects. Certificate and name of a secure server are checked.
pub(super) async fn dial(address: &Address) -> Result<Box<dyn Stream>, ServerError> {
    timeout(CONNECT_TIMEOUT, connect(address)).await.unwrap_or(Err(ServerError::Timeout))
}

async fn connect(address: &Address) -> Result<Box<dyn Stream>, ServerError> {
    let host = address.host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, address.port)).await?;
    stream.set_nodelay(true)?;
    if !address.secure {
        return Ok(Box::new(stream));
    }
    let mut connector = native_tls::TlsConnector::builder();
    for root in &address.roots {
        connector.add_root_certificate(native_tls::Certificate::from_pem(root)?);
    }
    let connector = tokio_native_tls::TlsConnector::from(connector.build()?);
    Ok(Box::new(connector.connect(host, stream).await?))
}
