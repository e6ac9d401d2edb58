//! Reads of a stream in large pieces, without a buffer while nothing comes.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is read at once.
const AT_ONCE: usize = 8 * 1024;

/// A stream whose reader asks for little at a time: the system is asked for more, and what the reader does not take yet is
/// kept until it does.
pub(super) struct ReadAhead<S> {
    stream: S,
    rest: Vec<u8>,
    taken: usize,
}

impl<S> ReadAhead<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, rest: Vec::new(), taken: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            if buf.remaining() >= AT_ONCE {
                return Pin::new(&mut this.stream).poll_read(cx, buf);
            }
            let mut scratch = [MaybeUninit::uninit(); AT_ONCE];
            let mut scratch = ReadBuf::uninit(&mut scratch);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut scratch))?;
            let (now, later) = scratch.filled().split_at(scratch.filled().len().min(buf.remaining()));
            buf.put_slice(now);
            (this.rest, this.taken) = (later.to_vec(), 0);
            return Poll::Ready(Ok(()));
        }
        let rest = &this.rest[this.taken..];
        let now = &rest[..rest.len().min(buf.remaining())];
        buf.put_slice(now);
        this.taken += now.len();
        if this.taken == this.rest.len() {
            this.rest = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn nothing_is_lost_or_kept_whatever_the_reader_asks_for() {
        let sent: Vec<u8> = (0..50_000_u32).map(|number| (number % 251) as u8).collect();
        let (mut client, server) = tokio::io::duplex(20_000);
        let mut stream = ReadAhead::new(server);
        let whole = sent.clone();
        let writer = tokio::spawn(async move { client.write_all(&whole).await });
        let mut got = Vec::new();
        for size in [1, 512, 7_000, AT_ONCE, 20_000].into_iter().cycle() {
            let mut piece = vec![0; size];
            match stream.read(&mut piece).await.unwrap() {
                0 => break,
                read => got.extend_from_slice(&piece[..read]),
            }
        }
        writer.await.unwrap().unwrap();
        assert!(got == sent && stream.rest.capacity() == 0);
    }
}
