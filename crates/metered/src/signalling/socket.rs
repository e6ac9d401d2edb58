//! One WebSocket to `/v1`.

use crate::error::ConnectError;
use crate::frame::{ServerFrame, Welcome};
use crate::limits;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

/// A connection that ended without a close frame (RFC 6455 section 7.1.5).
pub(super) const ABNORMAL: u16 = 1006;
/// A frame that is too large.
const TOO_BIG: u16 = 1009;
/// The client's own: silence, or no `welcome`.
pub(super) const SILENCE: u16 = 4000;
/// How long a frame may take to leave this computer, and the goodbye to be answered.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What came.
#[derive(Debug)]
pub(super) enum Incoming {
    Frame(ServerFrame),
    /// Something that is no frame of the dialect, and a sign of life all the same.
    Other,
    Closed {
        code: u16,
        reason: String,
    },
}

pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Opens one and waits for `welcome`.
    pub(super) async fn open(address: &Url) -> Result<(Self, Welcome), ConnectError> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(limits::FRAME_BYTES))
            .max_frame_size(Some(limits::FRAME_BYTES));
        let opening = connect_async_with_config(address.as_str(), Some(config), true);
        let (stream, _) = match timeout(limits::OPEN_TIMEOUT, opening).await {
            Ok(Ok(opened)) => opened,
            // As a browser has it, which says no more of a refused upgrade.
            Ok(Err(error)) => return Err(ConnectError::Closed { code: ABNORMAL, reason: error.to_string() }),
            Err(_) => return Err(ConnectError::Timeout),
        };
        let mut socket = Self { stream };
        match timeout(limits::WELCOME_TIMEOUT, socket.welcome()).await {
            Ok(Ok(welcome)) => Ok((socket, welcome)),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                socket.close(SILENCE, "no welcome").await;
                Err(ConnectError::Timeout)
            }
        }
    }

    async fn welcome(&mut self) -> Result<Welcome, ConnectError> {
        loop {
            match self.receive().await {
                Incoming::Frame(ServerFrame::Welcome(welcome)) => return Ok(welcome),
                Incoming::Closed { code, reason } => return Err(ConnectError::Closed { code, reason }),
                Incoming::Frame(_) | Incoming::Other => {}
            }
        }
    }

    /// What comes next. Nothing is lost when the future is dropped.
    pub(super) async fn receive(&mut self) -> Incoming {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => match ServerFrame::parse(&text) {
                Some(frame) => Incoming::Frame(frame),
                None => Incoming::Other,
            },
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((1005, String::new()), |CloseFrame { code, reason }| {
                    (code.into(), reason.as_str().to_owned())
                });
                // Answers it.
                timeout(CLOSE_TIMEOUT, self.stream.close(None)).await.ok();
                Incoming::Closed { code, reason }
            }
            Some(Ok(_)) => Incoming::Other,
            Some(Err(Error::Capacity(_))) => {
                self.close(TOO_BIG, "frame too large").await;
                Incoming::Closed { code: TOO_BIG, reason: String::new() }
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "the connection to a Metered server is lost");
                Incoming::Closed { code: ABNORMAL, reason: String::new() }
            }
            None => Incoming::Closed { code: ABNORMAL, reason: String::new() },
        }
    }

    /// False if the connection does not take it any more.
    pub(super) async fn send(&mut self, frame: String) -> bool {
        matches!(timeout(SEND_TIMEOUT, self.stream.send(Message::text(frame))).await, Ok(Ok(())))
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self, code: u16, reason: &str) {
        // A close frame has room for 123 bytes.
        let end = (0..=reason.len().min(123)).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason[..end].into() };
        timeout(CLOSE_TIMEOUT, self.stream.close(Some(frame))).await.ok();
    }
}
