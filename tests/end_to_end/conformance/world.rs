//! Where the peers of a test meet: a server, a browser, and the pairs.

use crate::conformance::Outcome;
use crate::conformance::peer::Peer;
use confab_server::{Limits, Server, ServerConfig};
use confab_testkit::browser::{Browser, Frozen};
use confab_testkit::tcp_proxy::TcpProxy;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Whose peer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `confab_rtcio::Socket` in this process.
    Ours,
    /// A page of Chromium.
    Page,
}

/// Who is in the room first, and who comes then.
const PAIRS: [(Kind, Kind); 3] = [(Kind::Ours, Kind::Page), (Kind::Page, Kind::Ours), (Kind::Ours, Kind::Ours)];

/// A server and a browser for one test.
pub struct World {
    server: Option<Server>,
    address: SocketAddr,
    browser: Browser,
    peers: AtomicU32,
}

async fn serve(listen: SocketAddr) -> Outcome<Server> {
    // Nothing of a test leaves this machine, and a server that is started again knows its members.
    let secret = Some(b"of the tests".to_vec());
    Ok(Server::bind(ServerConfig { listen, stun: Vec::new(), secret, ..ServerConfig::default() }).await?)
}

impl World {
    /// Starts both.
    pub async fn new() -> Outcome<Self> {
        let server = serve(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = server.local_addr();
        Ok(Self { server: Some(server), address, browser: Browser::start().await?, peers: AtomicU32::new(0) })
    }

    /// Base URL of the server.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A proxy before the server, which can be cut.
    pub async fn proxy(&self) -> Outcome<TcpProxy> {
        Ok(TcpProxy::to(self.address).await?)
    }

    /// Stops all pages, until the answer is dropped.
    pub fn freeze_pages(&self) -> Outcome<Frozen> {
        Ok(self.browser.freeze()?)
    }

    /// A second server, with other limits, and its URL.
    pub async fn other_server(&self, limit: impl FnOnce(&mut Limits)) -> Outcome<(Server, String)> {
        let mut config = ServerConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..ServerConfig::default() };
        config.stun = Vec::new();
        limit(&mut config.limits);
        let server = Server::bind(config).await?;
        let url = format!("http://{}", server.local_addr());
        Ok((server, url))
    }

    /// Stops the server.
    pub async fn stop_server(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    /// Starts the server again where it was.
    pub async fn restart_server(&mut self) -> Outcome {
        self.server = Some(serve(self.address).await?);
        Ok(())
    }

    /// A peer that is in no room yet.
    pub async fn start(&self, kind: Kind, options: Value) -> Outcome<Peer> {
        self.start_on(&self.url(), kind, options).await
    }

    /// The same on another server.
    pub async fn start_on(&self, url: &str, kind: Kind, options: Value) -> Outcome<Peer> {
        let number = self.peers.fetch_add(1, Ordering::Relaxed);
        Peer::start(kind, &self.browser, &format!("{kind:?} {number}"), url, options).await
    }

    /// A peer in `room`.
    pub async fn join(&self, kind: Kind, room: &str) -> Outcome<Peer> {
        let mut peer = self.start(kind, json!({})).await?;
        peer.join(room).await?;
        Ok(peer)
    }

    /// Two members of `room` that are connected; the first was there first.
    pub async fn pair(&self, (first, second): (Kind, Kind), room: &str) -> Outcome<(Peer, Peer)> {
        let mut first = self.join(first, room).await?;
        let mut second = self.join(second, room).await?;
        meet(&mut first, &mut second).await?;
        Ok((first, second))
    }
}

/// Of two peers the one that is a page, and the other; `None` if neither is one.
pub fn page_first<'a>(one: &'a mut Peer, other: &'a mut Peer) -> Option<(&'a mut Peer, &'a mut Peer)> {
    match (one.kind(), other.kind()) {
        (Kind::Page, _) => Some((one, other)),
        (_, Kind::Page) => Some((other, one)),
        _ => None,
    }
}

/// Of two peers one of ours, and the other.
pub fn ours_first<'a>(one: &'a mut Peer, other: &'a mut Peer) -> (&'a mut Peer, &'a mut Peer) {
    if one.kind() == Kind::Ours { (one, other) } else { (other, one) }
}

/// Waits until `ctrl` is open between both.
pub async fn meet(one: &mut Peer, other: &mut Peer) -> Outcome {
    one.wait(json!({ "tag": "peer-connect", "args": [{ "id": other.id() }] })).await?;
    other.wait(json!({ "tag": "peer-connect", "args": [{ "id": one.id() }] })).await?;
    Ok(())
}

/// True if the page is the stock library instead of ours.
pub fn stock() -> bool {
    std::env::var_os("CONFAB_RTCIO_JS").is_some()
}

/// The pairs to try.
fn pairs() -> Vec<(Kind, Kind)> {
    let Ok(wanted) = std::env::var("CONFAB_PAIRS") else { return PAIRS.to_vec() };
    let kind = |name: &str| if name == "page" { Kind::Page } else { Kind::Ours };
    wanted.split(',').filter_map(|pair| pair.split_once('-')).map(|(one, other)| (kind(one), kind(other))).collect()
}

/// Runs `test` with each pair, in a room of its own.
pub async fn each_pair(test: impl AsyncFn(&mut World, (Kind, Kind), &str) -> Outcome) -> Outcome {
    let mut world = World::new().await?;
    for pair in pairs() {
        let room = format!("{pair:?}").to_lowercase();
        eprintln!("with the pair {room}");
        test(&mut world, pair, &room).await.map_err(|error| format!("{room}: {error}"))?;
    }
    Ok(())
}
