//! Sends a file to a peer, or saves what peers send.
//!
//! `cargo run -p confab-peerjs --example peerjs_file -- localhost:9000 ann` saves into the current folder;
//! `cargo run -p confab-peerjs --example peerjs_file -- localhost:9000 ben ann picture.png` sends.

mod common;

use common::{Outcome, arguments};
use confab_peerjs::{CloseOptions, ConnectOptions, DataConnectionEvent, DataConnectionEvents, PeerEvent};
use serde_json::json;
use std::path::Path;

/// Bytes of one message: small enough to show how far it is.
const PIECE: usize = 1 << 20;

#[tokio::main]
async fn main() -> Outcome {
    let (builder, rest) = arguments("file HOST:PORT ID [TO FILE]")?;
    let (peer, mut events) = builder.build()?;
    if let [to, file] = rest.as_slice() {
        let name = Path::new(file).file_name().ok_or("the file has no name")?.to_string_lossy().into_owned();
        let bytes = tokio::fs::read(file).await?;
        let metadata = Some(json!({ "name": name, "size": bytes.len() }));
        let options = ConnectOptions { metadata, reliable: true, ..ConnectOptions::default() };
        let (connection, mut of_connection) = peer.connect(to, options)?;
        while let Some(event) = of_connection.recv().await {
            match event {
                DataConnectionEvent::Open => {
                    for piece in bytes.chunks(PIECE) {
                        // Waits while the other side is slower.
                        connection.send(piece.to_vec()).await?;
                    }
                    connection.close(CloseOptions { flush: true });
                }
                DataConnectionEvent::Error(error) => return Err(error.into()),
                _ => {}
            }
        }
        println!("sent");
        return Ok(());
    }
    while let Some(event) = events.recv().await {
        match event {
            PeerEvent::Connection { connection, events } => {
                let name = connection.metadata().and_then(|metadata| metadata["name"].as_str()).unwrap_or("file");
                // A name of somebody else is no path.
                let name =
                    Path::new(name).file_name().map_or("file".into(), |name| name.to_string_lossy().into_owned());
                tokio::spawn(async move {
                    if let Err(error) = save(&name, events).await {
                        println!("{name}: {error}");
                    }
                });
            }
            PeerEvent::Error(error) => println!("{error}"),
            _ => {}
        }
    }
    Ok(())
}

async fn save(name: &str, mut events: DataConnectionEvents) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while let Some(event) = events.recv().await {
        if let DataConnectionEvent::Data(data) = event
            && let Some(piece) = data.as_bytes()
        {
            bytes.extend_from_slice(piece);
        }
    }
    // Never over a file that is there.
    let mut file = tokio::fs::OpenOptions::new().write(true).create_new(true).open(name).await?;
    tokio::io::AsyncWriteExt::write_all(&mut file, &bytes).await?;
    tokio::io::AsyncWriteExt::flush(&mut file).await?;
    println!("{name}: {} bytes", bytes.len());
    Ok(())
}
