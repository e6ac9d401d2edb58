//! Network namespaces joined by a router of ours.
//!
//! Each node has a namespace with one TUN interface, whose other end is this process. One thread carries packets between
//! them through the [`Link`]s of the nodes: up from the sender, down to the receiver. The kernel needs no `netem`.

use super::inside::{LabError, refused};
use super::link::{Counts, Link};
use super::profile::{CLEAN, Profile};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use std::collections::HashMap;
use std::ffi::c_char;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Longest sleep of the router, so that it sees new nodes and conditions.
const TICK: Duration = Duration::from_millis(20);
/// Largest packet: the interface's MTU.
const MTU: usize = 1500;

struct Port {
    tun: Arc<File>,
    address: Ipv4Addr,
    node: usize,
}

struct Wires {
    up: Link,
    down: Link,
}

#[derive(Default)]
struct State {
    ports: Vec<Port>,
    wires: Vec<Wires>,
    closed: bool,
}

/// A network of nodes. It ends when it is dropped.
pub struct Lab {
    state: Arc<Mutex<State>>,
    router: Option<thread::JoinHandle<()>>,
    seed: u64,
    next_host: u8,
}

/// One host of the network.
pub struct Node {
    state: Arc<Mutex<State>>,
    namespace: OwnedFd,
    index: usize,
    address: Ipv4Addr,
    interface: u32,
}

impl Lab {
    /// A network without nodes, whose chances are those of `seed`.
    pub fn new(seed: u64) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let routed = Arc::clone(&state);
        let router = Some(thread::spawn(move || route(&routed)));
        Self { state, router, seed, next_host: 0 }
    }

    /// Adds a host. Its address is in 10.77.0.0/24.
    pub fn node(&mut self, profile: Profile) -> Result<Node, LabError> {
        self.next_host += 1;
        let address = Ipv4Addr::new(10, 77, 0, self.next_host);
        let namespace = new_namespace()?;
        let tun = Arc::new(open_tun(&namespace, "wan0")?);
        configure(&namespace, "wan0", address)?;
        let mut state = lock(&self.state);
        let index = state.wires.len();
        let seed = self.seed.wrapping_mul(1_000).wrapping_add(2 * index as u64);
        state.wires.push(Wires { up: Link::new(profile.up, seed), down: Link::new(profile.down, seed + 1) });
        state.ports.push(Port { tun, address, node: index });
        drop(state);
        Ok(Node { state: Arc::clone(&self.state), namespace, index, address, interface: 0 })
    }

    /// A host with nothing in its way: servers.
    pub fn server(&mut self) -> Result<Node, LabError> {
        self.node(CLEAN)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        lock(&self.state).closed = true;
        if let Some(router) = self.router.take() {
            router.join().ok();
        }
    }
}

impl Node {
    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Makes the program that `command` starts live on this host.
    pub fn host(&self, command: &mut Command) -> Result<(), LabError> {
        use std::os::unix::process::CommandExt;
        let namespace = self.namespace.try_clone().map_err(refused("a namespace"))?;
        // SAFETY: between fork and exec, setns is a plain system call that neither allocates nor locks.
        unsafe {
            command.pre_exec(move || setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).map_err(io::Error::from));
        }
        Ok(())
    }

    /// Runs `work` on a thread that lives on this host, and waits for it. What it opens stays on this host.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        within(&self.namespace, work)
    }

    /// From now on the network is like this.
    pub fn set(&self, profile: Profile) {
        let mut state = lock(&self.state);
        let wires = &mut state.wires[self.index];
        wires.up.set(profile.up);
        wires.down.set(profile.down);
    }

    /// What happened on the way up and on the way down.
    pub fn counts(&self) -> (Counts, Counts) {
        let state = lock(&self.state);
        let wires = &state.wires[self.index];
        (wires.up.counts(), wires.down.counts())
    }

    /// How long a packet waits for the rate of the line now, on the way up and on the way down.
    pub fn queued(&self) -> (Duration, Duration) {
        let (state, now) = (lock(&self.state), Instant::now());
        let wires = &state.wires[self.index];
        (wires.up.queued(now), wires.down.queued(now))
    }

    /// Another network: a new interface with a new address appears, then the old one goes.
    pub fn move_to(&mut self, address: Ipv4Addr) -> Result<(), LabError> {
        let (old, new) = (format!("wan{}", self.interface), format!("wan{}", self.interface + 1));
        let tun = Arc::new(open_tun(&self.namespace, &new)?);
        configure(&self.namespace, &new, address)?;
        lock(&self.state).ports.push(Port { tun, address, node: self.index });
        ip(&self.namespace, &["link", "set", &old, "down"])?;
        lock(&self.state).ports.retain(|port| port.address != self.address);
        (self.address, self.interface) = (address, self.interface + 1);
        Ok(())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on a thread of its own inside `namespace`.
fn within<T: Send>(namespace: &OwnedFd, work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
    thread::scope(|scope| {
        let inside = scope.spawn(|| {
            setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?;
            Ok(work())
        });
        match inside.join() {
            Ok(result) => result.map_err(refused("entering a namespace")),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn new_namespace() -> Result<OwnedFd, LabError> {
    let made = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        File::open("/proc/thread-self/ns/net").map(OwnedFd::from)
    });
    match made.join() {
        Ok(result) => result.map_err(refused("a network namespace")),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The head of `struct ifreq` (netdevice(7)): name and flags, padded to its size.
#[repr(C)]
struct InterfaceRequest {
    name: [c_char; 16],
    flags: i16,
    padding: [u8; 22],
}

/// TUNSETIFF of linux/if_tun.h.
const TUNSETIFF: nix::libc::Ioctl = 0x4004_54ca;
const IFF_TUN: i16 = 0x0001;
const IFF_NO_PI: i16 = 0x1000;

fn open_tun(namespace: &OwnedFd, name: &str) -> Result<File, LabError> {
    let open = || -> io::Result<File> {
        let tun = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
        let mut request = InterfaceRequest { name: [0; 16], flags: IFF_TUN | IFF_NO_PI, padding: [0; 22] };
        for (to, from) in request.name.iter_mut().zip(name.bytes().take(15)) {
            *to = from as c_char;
        }
        // SAFETY: the pointer is to a live `ifreq`, which the kernel reads and writes during the call only.
        let result = unsafe { nix::libc::ioctl(tun.as_raw_fd(), TUNSETIFF, &raw mut request) };
        nix::errno::Errno::result(result)?;
        nix::fcntl::fcntl(&tun, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
        Ok(tun)
    };
    within(namespace, open)?.map_err(refused("a TUN device"))
}

fn ip(namespace: &OwnedFd, arguments: &[&str]) -> Result<(), LabError> {
    let what = format!("ip {}", arguments.join(" "));
    let status = within(namespace, || Command::new("ip").args(arguments).status())?.map_err(refused(what.clone()))?;
    if status.success() { Ok(()) } else { Err(refused(what)(io::ErrorKind::Other.into())) }
}

fn configure(namespace: &OwnedFd, interface: &str, address: Ipv4Addr) -> Result<(), LabError> {
    let address = format!("{address}/24");
    ip(namespace, &["link", "set", "lo", "up"])?;
    ip(namespace, &["address", "add", &address, "dev", interface])?;
    ip(namespace, &["link", "set", interface, "mtu", &MTU.to_string(), "up"])?;
    ip(namespace, &["route", "replace", "default", "dev", interface])
}

/// The router: from each interface through two links to the interface that has the destination's address.
fn route(state: &Mutex<State>) {
    let mut packet = [0; MTU + 64];
    loop {
        let (tuns, wake) = {
            let state = lock(state);
            if state.closed {
                return;
            }
            let due = state.wires.iter().flat_map(|wires| [wires.up.next_due(), wires.down.next_due()]);
            let tuns: Vec<(Arc<File>, usize)> =
                state.ports.iter().map(|port| (Arc::clone(&port.tun), port.node)).collect();
            (tuns, due.flatten().min())
        };
        let sleep = wake.map_or(TICK, |wake| wake.saturating_duration_since(Instant::now())).min(TICK);
        let mut polled: Vec<PollFd<'_>> =
            tuns.iter().map(|(tun, _)| PollFd::new(tun.as_fd(), PollFlags::POLLIN)).collect();
        // Rounded up: a packet that is due within a millisecond must not make this loop spin.
        let timeout = PollTimeout::from(u16::try_from(sleep.as_micros().div_ceil(1_000)).unwrap_or(1));
        if poll(&mut polled, timeout).is_err() {
            continue;
        }
        let ready: Vec<bool> = polled.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        let mut state = lock(state);
        let now = Instant::now();
        for ((tun, node), _) in tuns.iter().zip(ready).filter(|(_, ready)| *ready) {
            while let Ok(length) = (&**tun).read(&mut packet) {
                if length == 0 {
                    break;
                }
                state.wires[*node].up.push(now, packet[..length].to_vec());
            }
        }
        carry(&mut state, now);
    }
}

fn carry(state: &mut State, now: Instant) {
    let to: HashMap<Ipv4Addr, usize> = state.ports.iter().map(|port| (port.address, port.node)).collect();
    let mut crossing = Vec::new();
    for wires in &mut state.wires {
        while let Some(packet) = wires.up.pop(now) {
            crossing.push(packet);
        }
    }
    for packet in crossing {
        if let Some(node) = destination(&packet).and_then(|address| to.get(&address)) {
            state.wires[*node].down.push(now, packet);
        }
    }
    let State { ports, wires, .. } = state;
    for (node, wires) in wires.iter_mut().enumerate() {
        while let Some(packet) = wires.down.pop(now) {
            let address = destination(&packet);
            if let Some(port) = ports.iter().find(|port| port.node == node && Some(port.address) == address) {
                // An interface that is gone or full loses the packet, as real ones do.
                (&*port.tun).write_all(&packet).ok();
            }
        }
    }
}

/// Destination of an IPv4 packet (RFC 791 section 3.1).
fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    if packet.first()? >> 4 != 4 {
        return None;
    }
    let bytes: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    Some(Ipv4Addr::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::inside::inside;
    use crate::network::profile::{CUT, UDP_BLOCKED};
    use std::net::UdpSocket;

    fn socket(node: &Node) -> UdpSocket {
        let address = node.address();
        let socket = node.run(|| UdpSocket::bind((address, 4_000)).unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    #[test]
    fn hosts_reach_each_other_until_the_cable_is_out() {
        match inside("network::lab::tests::hosts_reach_each_other_until_the_cable_is_out") {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return println!("not run: {error}"),
        }
        let mut lab = Lab::new(1);
        let (ann, mut ben) = (lab.node(CLEAN).unwrap(), lab.node(CLEAN).unwrap());
        let (a, b) = (socket(&ann), socket(&ben));
        let mut buffer = [0; 100];
        a.send_to(b"hello", (ben.address(), 4_000)).unwrap();
        let (length, from) = b.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (&b"hello"[..], (ann.address(), 4_000).into()));

        for closed in [CUT, UDP_BLOCKED] {
            ben.set(closed);
            let lost = ben.counts().1.lost;
            a.send_to(b"lost", (ben.address(), 4_000)).unwrap();
            while ben.counts().1.lost == lost {
                thread::yield_now();
            }
            ben.set(CLEAN);
        }
        a.send_to(b"again", (ben.address(), 4_000)).unwrap();
        let (length, _) = b.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"again");

        ben.move_to(Ipv4Addr::new(10, 77, 0, 100)).unwrap();
        let b = socket(&ben);
        a.send_to(b"there", (ben.address(), 4_000)).unwrap();
        assert_eq!(b.recv_from(&mut buffer).unwrap().0, 5);
    }
}
