//! A network of datagrams in memory, and the library's runtime on it.

use super::World;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, Transmit,
};

/// The runtime of this thread's world, if there is one.
pub(crate) fn runtime() -> Option<Arc<dyn Runtime>> {
    Some(Arc::new(VirtualRuntime { network: World::current()?.network }))
}

/// Datagrams take their time, overtake each other and get lost.
#[derive(Debug)]
pub(super) struct Network {
    state: Mutex<State>,
    changed: Notify,
    began: Instant,
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    inboxes: HashMap<SocketAddr, Inbox>,
    flight: BTreeMap<(Instant, u64), Datagram>,
    sent: u64,
    /// Of when every datagram was sent. Not of what it says: the library writes the time of day into some, and ports.
    digest: DefaultHasher,
    up: bool,
    loss: f64,
    /// Addresses that nobody has any more.
    left: HashSet<IpAddr>,
}

#[derive(Debug, Default)]
struct Inbox {
    packets: VecDeque<(SocketAddr, Vec<u8>)>,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    payload: Vec<u8>,
}

impl Network {
    pub(super) fn new(rng: StdRng) -> Arc<Self> {
        let state = State {
            rng,
            inboxes: HashMap::new(),
            flight: BTreeMap::new(),
            sent: 0,
            digest: DefaultHasher::new(),
            up: true,
            loss: 0.0,
            left: HashSet::new(),
        };
        let network = Arc::new(Self { state: Mutex::new(state), changed: Notify::new(), began: Instant::now() });
        tokio::spawn(Arc::clone(&network).carry());
        network
    }

    /// While down, every datagram that is sent gets lost.
    pub(super) fn set_up(&self, up: bool) {
        self.state.lock().unwrap().up = up;
    }

    /// What comes from this address or goes there is lost from now on.
    pub(super) fn leave(&self, address: IpAddr) {
        self.state.lock().unwrap().left.insert(address);
    }

    /// Share of the datagrams that get lost.
    pub(super) fn set_loss(&self, loss: f64) {
        self.state.lock().unwrap().loss = loss;
    }

    /// When each datagram was sent so far, in a few digits.
    pub(super) fn digest(&self) -> u64 {
        self.state.lock().unwrap().digest.finish()
    }

    fn send(&self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let mut state = self.state.lock().unwrap();
        self.began.elapsed().hash(&mut state.digest);
        let loss = if state.up { state.loss } else { 1.0 };
        let left = state.left.contains(&from.ip()) || state.left.contains(&to.ip());
        if state.rng.random_bool(loss) || left {
            return;
        }
        let delay = Duration::from_millis(state.rng.random_range(2..12));
        state.sent += 1;
        let place = (Instant::now() + delay, state.sent);
        state.flight.insert(place, Datagram { from, to, payload: payload.to_vec() });
        drop(state);
        self.changed.notify_one();
    }

    async fn carry(self: Arc<Self>) {
        loop {
            let next = self.state.lock().unwrap().flight.first_key_value().map(|(place, _)| place.0);
            tokio::select! {
                biased;
                () = self.changed.notified() => continue,
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.deliver(),
            }
        }
    }

    fn deliver(&self) {
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        let mut wakers = Vec::new();
        while let Some(entry) = state.flight.first_entry().filter(|entry| entry.key().0 <= now) {
            let Datagram { from, to, payload } = entry.remove();
            // Nobody there: it vanishes.
            if let Some(inbox) = state.inboxes.get_mut(&to) {
                inbox.packets.push_back((from, payload));
                wakers.extend(inbox.waker.take());
            }
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[derive(Debug)]
struct Socket {
    /// Never used; holds the port, so that no other socket of this world gets it.
    _bound: UdpSocket,
    address: SocketAddr,
    network: Arc<Network>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.network.state.lock().unwrap().inboxes.remove(&self.address);
    }
}

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn poll_send(&self, _cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let size = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for datagram in transmit.contents.chunks(size) {
            self.network.send(self.address, transmit.destination, datagram);
        }
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.network.state.lock().unwrap();
        let inbox = state.inboxes.entry(self.address).or_default();
        let mut count = 0;
        for (buf, meta) in bufs.iter_mut().zip(meta) {
            let Some((from, payload)) = inbox.packets.pop_front() else { break };
            buf[..payload.len()].copy_from_slice(&payload);
            *meta = RecvMeta::default();
            (meta.addr, meta.len, meta.stride) = (from, payload.len(), payload.len().max(1));
            meta.dst_ip = Some(self.address.ip());
            count += 1;
        }
        if count == 0 {
            inbox.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(count))
    }
}

/// The library's runtime: tokio's clock, which is paused, and sockets on the network.
#[derive(Debug)]
struct VirtualRuntime {
    network: Arc<Network>,
}

struct Task(tokio::task::JoinHandle<()>);

impl JoinHandle for Task {
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

struct Interval(tokio::time::Interval);

impl AsyncInterval for Interval {
    fn tick(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.0.tick().await;
        })
    }
}

impl Runtime for VirtualRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        Box::new(Task(tokio::spawn(future)))
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        Box::new(Interval(tokio::time::interval(period)))
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let address = socket.local_addr()?;
        Ok(Arc::new(Socket { _bound: socket, address, network: Arc::clone(&self.network) }))
    }

    fn wrap_tcp_listener(&self, _: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect_tcp<'a>(
        &'a self,
        _: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn resolve_host<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn block_on(&self, _: Pin<Box<dyn Future<Output = ()> + '_>>) {
        panic!("the world has its own thread");
    }
}
