//! A WebSocket as its task drives it: what waits is written while the next message is read.

use super::outbox::Outbox;
use super::read_ahead::ReadAhead;
use super::upgrade::Upgrade;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// How long the end of a socket may take: what waits, the close frame, and the client's own.
const GOODBYE: Duration = Duration::from_secs(5);
/// Buffer of a socket that reads. Each keeps one, and most are idle; what comes at once is read ahead.
const READ_BUFFER: usize = 512;
/// Bytes that are written at once, if so much waits.
const WRITE_AT_ONCE: usize = 16 * 1024;
/// What may wait in the library's own buffer besides one message: answers to pings.
const CONTROL_BYTES: usize = 64 * 1024;
/// RFC 6455 section 7.4.1.
const MESSAGE_TOO_BIG: (u16, &str) = (1_009, "message too big");

/// A message of a client.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A text frame.
    Text(tokio_tungstenite::tungstenite::Utf8Bytes),
    /// A binary frame.
    Binary(tokio_tungstenite::tungstenite::Bytes),
}

impl Incoming {
    /// What it holds, whatever its kind.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// A WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<ReadAhead<TokioIo<Upgraded>>>,
    outbox: Arc<Outbox>,
    /// Bytes that were given to the library since it was flushed.
    unflushed: usize,
}

impl Socket {
    /// Waits until the connection is a WebSocket, whose messages have `most` bytes. None if that fails.
    pub(crate) async fn open(upgrade: OnUpgrade, outbox: Arc<Outbox>, most: usize) -> Option<Self> {
        let connection = match upgrade.await {
            Ok(connection) => ReadAhead::new(TokioIo::new(connection)),
            Err(error) => {
                tracing::debug!(%error, "a connection does not become a WebSocket");
                return None;
            }
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_AT_ONCE)
            .max_write_buffer_size(2 * most + WRITE_AT_ONCE + CONTROL_BYTES)
            .max_message_size(Some(most))
            .max_frame_size(Some(most));
        let stream = WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await;
        Some(Self { stream, outbox, unflushed: 0 })
    }

    /// The next message; meanwhile what waits is written. None when the socket ends: see [`Self::finish`]. Nothing is lost
    /// when this is dropped before it is ready.
    pub(crate) async fn receive(&mut self) -> Option<Incoming> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        match self.poll_write(cx) {
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "a WebSocket can't be written to");
                return Poll::Ready(None);
            }
            Poll::Ready(Ok(())) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        loop {
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(Message::Text(text))) => return Poll::Ready(Some(Incoming::Text(text))),
                Some(Ok(Message::Binary(bytes))) => return Poll::Ready(Some(Incoming::Binary(bytes))),
                // The library answers pings.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(None),
                Some(Err(error)) => {
                    tracing::debug!(%error, "a WebSocket ends");
                    if matches!(error, Error::Capacity(_)) {
                        self.outbox.close(Some(MESSAGE_TOO_BIG));
                    }
                    return Poll::Ready(None);
                }
            }
        }
    }

    /// Writes what waits. Ready when nothing may follow any more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if self.unflushed >= WRITE_AT_ONCE {
                ready!(self.poll_flush(cx))?;
            }
            match self.outbox.poll(cx) {
                Poll::Ready(Some(frame)) => {
                    // Its header is never larger than this.
                    self.unflushed += frame.len() + 10;
                    Pin::new(&mut self.stream).start_send(frame)?;
                }
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    if self.unflushed > 0 {
                        ready!(self.poll_flush(cx))?;
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unflushed = 0;
        Poll::Ready(Ok(()))
    }

    /// Ends it in order: what waits, the close frame, and the client's answer to that.
    pub(crate) async fn finish(mut self) {
        let (frames, end) = self.outbox.take_end();
        let goodbye = async {
            for frame in frames {
                self.stream.feed(frame).await?;
            }
            // The answer, if the client has closed.
            self.stream.close(end).await?;
            while self.stream.next().await.transpose()?.is_some() {}
            Ok::<(), Error>(())
        };
        if tokio::time::timeout(GOODBYE, goodbye).await.is_err() {
            tracing::debug!("a WebSocket did not end in time");
        }
    }
}

impl Upgrade {
    /// Waits for the WebSocket: [`Socket::open`].
    pub(crate) async fn open(self, outbox: Arc<Outbox>, most: usize) -> Option<Socket> {
        Socket::open(self.connection, outbox, most).await
    }
}
