//! The way to one TURN server: UDP, TCP or TLS.

use super::framing::{self, Unframed};
use super::receive_errors::ReceiveErrors;
use super::root::RootCertificate;
use super::servers::TurnServer;
use super::url::Transport;
use bytes::{Bytes, BytesMut};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::{sleep, timeout};

/// How long one address of a server may take to be connected; the next one is tried then.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);
/// How long finding the name, connecting and the TLS handshake may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may take no bytes before the connection counts as dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes read at once: a few relayed packets.
const READ_BYTES: usize = 16 * 1024;
/// Largest datagram.
const DATAGRAM_BYTES: usize = 65_536;

/// Why there is no way, or no longer one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("its name can't be found: {0}")]
    Name(io::Error),
    #[error("it can't be reached: {0}")]
    Unreachable(io::Error),
    #[error("it can't be reached in time")]
    Timeout,
    #[error("TLS refuses it: {0}")]
    Tls(#[from] native_tls::Error),
    #[error("it closed the connection")]
    Closed,
    #[error(transparent)]
    Unframed(#[from] Unframed),
    #[error("the connection broke: {0}")]
    Broken(io::Error),
}

/// A TCP connection, perhaps with TLS on it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where messages to the server go.
pub(crate) enum Sender {
    Datagrams(Arc<UdpSocket>),
    Stream(WriteHalf<Box<dyn Stream>>),
}

/// Where messages of the server come from.
pub(crate) enum Receiver {
    Datagrams(Arc<UdpSocket>, Box<[u8]>),
    Stream(ReadHalf<Box<dyn Stream>>, BytesMut),
}

/// Connects to a server.
pub(crate) async fn connect(
    server: &TurnServer,
    roots: &[RootCertificate],
) -> Result<(Sender, Receiver), UpstreamError> {
    let connecting = async {
        match server.transport {
            Transport::Udp => {
                let socket = Arc::new(first(server, connect_udp).await?);
                let buffer = vec![0; DATAGRAM_BYTES].into_boxed_slice();
                Ok((Sender::Datagrams(Arc::clone(&socket)), Receiver::Datagrams(socket, buffer)))
            }
            Transport::Tcp => Ok(halves(Box::new(first(server, connect_tcp).await?))),
            Transport::Tls => {
                let mut connector = native_tls::TlsConnector::builder();
                for root in roots {
                    connector.add_root_certificate(root.certificate().clone());
                }
                let connector = tokio_native_tls::TlsConnector::from(connector.build()?);
                let stream = first(server, connect_tcp).await?;
                // Certificate and name are checked.
                Ok(halves(Box::new(connector.connect(&server.url.host, stream).await?)))
            }
        }
    };
    timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or(Err(UpstreamError::Timeout))
}

/// Connects to the first address of the server that can be reached.
async fn first<T, F>(server: &TurnServer, connect: impl Fn(SocketAddr) -> F) -> Result<T, UpstreamError>
where
    F: Future<Output = io::Result<T>>,
{
    let url = &server.url;
    let mut failed = UpstreamError::Name(io::ErrorKind::NotFound.into());
    for address in lookup_host((url.host.as_str(), url.port)).await.map_err(UpstreamError::Name)? {
        match timeout(ADDRESS_TIMEOUT, connect(address)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => failed = UpstreamError::Unreachable(error),
            Err(_) => failed = UpstreamError::Timeout,
        }
    }
    Err(failed)
}

async fn connect_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}

async fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Media must not wait for more media.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn halves(stream: Box<dyn Stream>) -> (Sender, Receiver) {
    let (read, write) = tokio::io::split(stream);
    (Sender::Stream(write), Receiver::Stream(read, BytesMut::with_capacity(READ_BYTES)))
}

impl Sender {
    /// Sends one message, framed ([`framing::frame`]).
    pub(crate) async fn send(&mut self, framed: &[u8]) -> Result<(), UpstreamError> {
        match self {
            // A datagram that the system has no room for is lost, like any other.
            Self::Datagrams(socket) => match socket.send(framed).await {
                Ok(_) => Ok(()),
                Err(error) if is_passing(&error) => Ok(()),
                Err(error) => Err(UpstreamError::Unreachable(error)),
            },
            Self::Stream(stream) => match timeout(WRITE_TIMEOUT, stream.write_all(framed)).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(UpstreamError::Broken(error)),
                Err(_) => Err(UpstreamError::Timeout),
            },
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(&mut self) {
        if let Self::Stream(stream) = self {
            // Flushes what TLS holds back; a server that is gone needs no goodbye.
            stream.shutdown().await.ok();
        }
    }
}

impl Receiver {
    /// The next message.
    pub(crate) async fn receive(&mut self) -> Result<Bytes, UpstreamError> {
        match self {
            Self::Datagrams(socket, buffer) => {
                let mut errors = ReceiveErrors::default();
                loop {
                    match socket.recv(buffer).await {
                        Ok(length) => return Ok(Bytes::copy_from_slice(&buffer[..length])),
                        Err(error) => match errors.failed().filter(|_| is_passing(&error)) {
                            Some(pause) => sleep(pause).await,
                            None => return Err(UpstreamError::Unreachable(error)),
                        },
                    }
                }
            }
            Self::Stream(stream, buffer) => loop {
                if let Some(message) = framing::next(buffer)? {
                    return Ok(message);
                }
                buffer.reserve(READ_BYTES);
                match stream.read_buf(buffer).await {
                    Ok(0) => return Err(UpstreamError::Closed),
                    Ok(_) => {}
                    Err(error) => return Err(UpstreamError::Broken(error)),
                }
            },
        }
    }
}

/// True for errors of one datagram that say nothing about the next.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::OutOfMemory)
}
