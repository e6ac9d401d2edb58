//! Joins a channel, greets everybody who is there or comes, and prints what they say:
//! `cargo run -p confab-metered --example channel -- ws://localhost:3000 pk_live_1 room-42`.

use confab_metered::{Credentials, MeteredEvent, MeteredPeer, PeerOptions, SignallingOptions};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, key, channel] = arguments.as_slice() else {
        return Err("usage: channel <server> <key> <channel>".into());
    };
    let signalling = SignallingOptions::new(server, Credentials::ApiKey(key.clone()))?;
    let (peer, mut events) = MeteredPeer::new(PeerOptions::new(signalling))?;
    peer.join(channel, true).await?;
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {
                peer.close("interrupted").await;
                return Ok(());
            }
            event = events.recv() => match event {
                Some(MeteredEvent::PeerJoined(remote)) => {
                    println!("{} is here: {:?}", remote.id(), remote.metadata());
                    remote.send(json!({ "hello": remote.id() })).await?;
                }
                Some(MeteredEvent::PeerLeft(remote)) => println!("{} left", remote.id()),
                Some(MeteredEvent::Data { sender_peer_id, data, kind, .. }) => println!("{sender_peer_id}, {kind:?}: {data}"),
                Some(MeteredEvent::Error { name, message }) => eprintln!("{name}: {message}"),
                Some(_) => {}
                None => return Ok(()),
            },
        }
    }
}
