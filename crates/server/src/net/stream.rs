//! A TCP stream that is cut when its other end takes nothing, or gives nothing, for too long.
//!
//! Engine.IO takes any pong for a sign of life, and tungstenite answers each WebSocket ping into a buffer without bounds: a
//! client that sends and never reads would be held for ever. So it is noticed here, below both.

use super::connection::TcpConnection;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// Bytes that are read while the other end takes nothing; after that it is read when it takes something again.
const READ_WHILE_STALLED: usize = 64 * 1024;

/// A stream with a limit on how long it may stand still.
pub(crate) struct MeteredStream {
    stream: TcpStream,
    connection: Arc<TcpConnection>,
    cut_for_reader: Pin<Box<WaitForCancellationFutureOwned>>,
    cut_for_writer: Pin<Box<WaitForCancellationFutureOwned>>,
    write_timeout: Duration,
    stall: Option<Stall>,
    read_timeout: Duration,
    last_read: Instant,
    idle: Pin<Box<Sleep>>,
    /// The reader that waits for the end of a stall.
    reader: Option<Waker>,
}

/// The other end takes nothing.
struct Stall {
    limit: Pin<Box<Sleep>>,
    read: usize,
}

impl MeteredStream {
    pub(crate) fn new(
        stream: TcpStream,
        connection: Arc<TcpConnection>,
        write_timeout: Duration,
        read_timeout: Duration,
    ) -> Self {
        Self {
            cut_for_reader: Box::pin(connection.when_cut()),
            cut_for_writer: Box::pin(connection.when_cut()),
            stream,
            connection,
            write_timeout,
            stall: None,
            read_timeout,
            last_read: Instant::now(),
            idle: Box::pin(sleep(read_timeout)),
            reader: None,
        }
    }

    fn is_cut(future: &mut Pin<Box<WaitForCancellationFutureOwned>>, cx: &mut Context<'_>) -> bool {
        future.as_mut().poll(cx).is_ready()
    }

    fn cut(&self) -> io::Error {
        self.connection.cut();
        io::ErrorKind::TimedOut.into()
    }

    /// The other end takes nothing: an error when that was so for too long.
    fn stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let timeout = self.write_timeout;
        let stall = self.stall.get_or_insert_with(|| Stall { limit: Box::pin(sleep(timeout)), read: 0 });
        ready!(stall.limit.as_mut().poll(cx));
        tracing::debug!("a client takes nothing: its connection is cut");
        Poll::Ready(self.cut())
    }

    fn goes_on(&mut self) {
        self.stall = None;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl AsyncRead for MeteredStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if Self::is_cut(&mut this.cut_for_reader, cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if this.stall.as_ref().is_some_and(|stall| stall.read >= READ_WHILE_STALLED) {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                if let Some(stall) = &mut this.stall {
                    stall.read += buf.filled().len() - before;
                }
                this.last_read = Instant::now();
                Poll::Ready(result)
            }
            Poll::Pending => {
                while this.idle.as_mut().poll(cx).is_ready() {
                    let silence = this.connection.allowed_silence().unwrap_or(this.read_timeout);
                    let until = this.last_read + silence;
                    if until <= Instant::now() {
                        tracing::debug!("a client is silent: its connection is cut");
                        return Poll::Ready(Err(this.cut()));
                    }
                    this.idle.set(sleep_until(until));
                }
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if Self::is_cut(&mut this.cut_for_writer, cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match Pin::new(&mut this.stream).poll_write(cx, bytes) {
            Poll::Ready(Ok(written)) => {
                this.connection.written(written);
                this.goes_on();
                Poll::Ready(Ok(written))
            }
            Poll::Ready(error) => Poll::Ready(error),
            Poll::Pending => this.stalled(cx).map(Err),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for MeteredStream {
    fn drop(&mut self) {
        self.connection.closed();
    }
}
