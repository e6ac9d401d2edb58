//! What the tests share.

use crate::server::Server;
use confab_peerjs::{
    Addresses, ConnectOptions, DataConnection, DataConnectionEvent, DataConnectionEvents, Peer, PeerBuilder, PeerEvent,
    PeerEvents,
};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn builder(server: &Server) -> PeerBuilder {
    let (_, addresses) = watch::channel(Addresses::exactly([Ipv4Addr::LOCALHOST.into()]));
    Peer::builder().host("127.0.0.1").port(server.port).secure(false).addresses(addresses)
}

pub fn peer(server: &Server, id: &str) -> (Peer, PeerEvents) {
    builder(server).id(id).build().unwrap()
}

/// A peer that is open.
pub async fn open_peer(server: &Server, id: &str) -> (Peer, PeerEvents) {
    let (peer, mut events) = peer(server, id);
    assert!(matches!(next(&mut events).await, PeerEvent::Open { id: given } if given == id));
    (peer, events)
}

pub async fn next(events: &mut PeerEvents) -> PeerEvent {
    timeout(PATIENCE, events.recv()).await.expect("an event in time").expect("an event before the end")
}

/// The next event of a data connection that is not about ICE.
pub async fn next_of(events: &mut DataConnectionEvents) -> Option<DataConnectionEvent> {
    loop {
        match timeout(PATIENCE, events.recv()).await.expect("an event in time") {
            Some(DataConnectionEvent::IceStateChanged(_)) => {}
            event => return event,
        }
    }
}

/// Both ends of a connection.
pub struct Joined {
    pub ann: (DataConnection, DataConnectionEvents),
    pub ben: (DataConnection, DataConnectionEvents),
    pub peers: (Peer, Peer),
    pub _events: (PeerEvents, PeerEvents),
}

/// Two peers with an open connection, made by `ann`.
pub async fn join(options: ConnectOptions) -> Joined {
    let server = Server::start().await;
    let (ann, anns) = open_peer(&server, "ann").await;
    let (ben, mut bens) = open_peer(&server, "ben").await;
    let (connection, mut events) = ann.connect("ben", options).unwrap();
    let PeerEvent::Connection { connection: other, events: mut others } = next(&mut bens).await else {
        panic!("no connection")
    };
    assert_eq!(next_of(&mut events).await, Some(DataConnectionEvent::Open));
    assert_eq!(next_of(&mut others).await, Some(DataConnectionEvent::Open));
    Joined { ann: (connection, events), ben: (other, others), peers: (ann, ben), _events: (anns, bens) }
}
