//! Chat by id: connects to the peers that are named, and talks with whoever connects.
//!
//! `cargo run -p confab-peerjs --example peerjs_chat -- localhost:9000 ann ben`, and write lines.

mod common;

use common::{Outcome, arguments};
use confab_peerjs::{ConnectOptions, Connection, DataConnectionEvent, DataConnectionEvents, PeerEvent};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main]
async fn main() -> Outcome {
    let (builder, others) = arguments("chat HOST:PORT ID [OTHER…]")?;
    let (peer, mut events) = builder.build()?;
    for other in others {
        let options = ConnectOptions { reliable: true, ..ConnectOptions::default() };
        let (_, events) = peer.connect(&other, options)?;
        tokio::spawn(read(other, events));
    }
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(PeerEvent::Open { id }) => println!("* {id} is open"),
                Some(PeerEvent::Connection { connection, events }) => {
                    tokio::spawn(read(connection.peer().to_owned(), events));
                }
                Some(PeerEvent::Error(error)) => println!("* {error}"),
                Some(_) => {}
                None => return Ok(()),
            },
            line = lines.next_line() => {
                let Some(line) = line? else { break };
                for connection in peer.connections().into_values().flatten() {
                    if let Connection::Data(connection) = connection
                        && connection.open()
                    {
                        connection.send(line.as_str()).await?;
                    }
                }
            }
        }
    }
    // The others are told before the program ends.
    peer.destroy();
    peer.closed().await;
    Ok(())
}

async fn read(who: String, mut events: DataConnectionEvents) {
    while let Some(event) = events.recv().await {
        match event {
            DataConnectionEvent::Data(data) => println!("{who}: {}", data.as_str().unwrap_or("(no text)")),
            DataConnectionEvent::Open => println!("* {who} is here"),
            DataConnectionEvent::Close => println!("* {who} is gone"),
            _ => {}
        }
    }
}
