//! One datagram at a time, until the channels of a connection are open.
//!
//! The library (rtc 0.21.1) takes up to 64 datagrams from a socket before it looks at what they mean. When the packet that
//! completes the SCTP handshake (COOKIE-ACK, RFC 9260 section 5.1) and the other side's first message come in one such
//! batch, it reads the message before it has opened the channel, and drops it although SCTP has acknowledged it. So the
//! sockets here hand out datagrams singly while the handshake can be under way; afterwards they are the library's own.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, TokioRuntime,
    Transmit,
};

/// Tokio's runtime for the library, with such sockets. Each connection has its own.
#[derive(Debug, Default)]
pub(crate) struct SingleDatagramRuntime {
    open: Arc<AtomicBool>,
}

impl SingleDatagramRuntime {
    /// The channels are open: batches from here on.
    pub(crate) fn opened(&self) {
        self.open.store(true, Ordering::Release);
    }
}

type Pinned<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for SingleDatagramRuntime {
    fn spawn(&self, future: Pinned<'static, ()>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let inner = TokioRuntime.wrap_udp_socket(socket)?;
        Ok(Arc::new(SingleDatagramSocket {
            inner,
            open: Arc::clone(&self.open),
            plain: AtomicBool::new(false),
            pending: Mutex::default(),
        }))
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, remote: SocketAddr) -> Pinned<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(async move { TokioRuntime.connect_tcp(remote).await })
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Pinned<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { TokioRuntime.resolve_host(host).await })
    }

    fn sleep(&self, duration: Duration) -> Pinned<'static, ()> {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> Pinned<'static, ()> {
        TokioRuntime.yield_now()
    }

    fn name(&self) -> &'static str {
        TokioRuntime.name()
    }
}

#[derive(Debug)]
struct SingleDatagramSocket {
    inner: Arc<dyn AsyncUdpSocket>,
    open: Arc<AtomicBool>,
    /// Nothing is kept back any more, and never will be.
    plain: AtomicBool,
    pending: Mutex<Pending>,
}

/// The library's loop between two datagrams: it needs one round to open the channels, and another to give their SCTP
/// streams the reliability that was asked for, before a message makes a stream that has none.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The next datagram may go out.
    #[default]
    Ready,
    /// One went out: its batch ends.
    First,
    /// An empty one goes out, which the library leaves alone.
    Empty,
    /// The batch of the empty one ends.
    Second,
}

#[derive(Debug, Default)]
struct Pending {
    step: Step,
    /// The kernel hands out several at once (GRO): the others.
    rest: VecDeque<(Vec<u8>, RecvMeta)>,
}

impl AsyncUdpSocket for SingleDatagramSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn poll_send(&self, context: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        self.inner.poll_send(context, transmit)
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if self.plain.load(Ordering::Acquire) {
            return self.inner.poll_recv(context, buffers, meta);
        }
        let open = self.open.load(Ordering::Acquire);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(buffer), Some(first)) = (buffers.first_mut(), meta.first_mut()) else { return Poll::Ready(Ok(0)) };
        match std::mem::take(&mut pending.step) {
            _ if open => {}
            Step::Ready => {}
            step @ (Step::First | Step::Second) => {
                pending.step = if step == Step::First { Step::Empty } else { Step::Ready };
                // Ends the library's batch. If it waits in earnest, it comes again at once.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Step::Empty => {
                pending.step = Step::Second;
                (first.len, first.stride) = (0, 1);
                return Poll::Ready(Ok(1));
            }
        }
        if let Some((data, about)) = pending.rest.pop_front() {
            let len = data.len().min(buffer.len());
            buffer[..len].copy_from_slice(&data[..len]);
            *first = about;
            pending.step = Step::First;
            return Poll::Ready(Ok(1));
        }
        if open {
            self.plain.store(true, Ordering::Release);
            return self.inner.poll_recv(context, buffers, meta);
        }
        let received = self.inner.poll_recv(context, std::slice::from_mut(buffer), std::slice::from_mut(first));
        if let Poll::Ready(Ok(1)) = received {
            pending.step = Step::First;
            let stride = first.stride.max(1);
            for part in buffer[..first.len].chunks(stride).skip(1) {
                let mut about = *first;
                (about.len, about.stride) = (part.len(), part.len());
                pending.rest.push_back((part.to_vec(), about));
            }
            first.len = first.len.min(stride);
        }
        received
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}
