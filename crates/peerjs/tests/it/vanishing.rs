//! A remote that is gone without a word.

use crate::common::{PATIENCE, builder, next, next_of, open_peer};
use crate::server::Server;
use confab_peerjs::{ConnectOptions, ConnectionError, DataConnectionEvent, PeerEvent, Watchdog};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_vanishes_is_noticed() {
    let server = Server::start().await;
    let watchdog = Watchdog { timeout: Duration::from_secs(1), ..Watchdog::default() };
    let (ann, mut anns) = builder(&server).id("ann").watchdog(watchdog).build().unwrap();
    assert!(matches!(next(&mut anns).await, PeerEvent::Open { .. }));
    // The other side lives in a world of its own, which stands still.
    let world = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ben = world.spawn({
        let server = server.clone();
        async move { open_peer(&server, "ben").await }
    });
    let _ben = ben.await.unwrap();
    let (_connection, mut events) = ann.connect("ben", ConnectOptions::default()).unwrap();
    assert_eq!(next_of(&mut events).await, Some(DataConnectionEvent::Open));
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let stopped = std::sync::Arc::new(std::sync::Mutex::new(stopped));
    for _ in 0..2 {
        let stopped = std::sync::Arc::clone(&stopped);
        world.spawn(async move { stopped.lock().unwrap().recv() });
    }
    let error = DataConnectionEvent::Error(ConnectionError::NegotiationFailed);
    assert_eq!(timeout(PATIENCE, next_of(&mut events)).await.unwrap(), Some(error));
    assert_eq!(next_of(&mut events).await, Some(DataConnectionEvent::Close));
    assert!(ann.connections().is_empty());
    drop(stop);
    world.shutdown_background();
}
