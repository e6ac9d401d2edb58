//! A file to every peer that comes, over a channel of each, no faster than that peer takes it.
//!
//! `cargo run -p confab-rtcio --example file -- http://127.0.0.1:7420 my-room send ./picture.png` and, elsewhere,
//! `… my-room receive ./folder`.

mod common;

use bytes::Bytes;
use common::{Outcome, arguments, join, say};
use confab_rtcio::{Channel, ChannelEvent, ChannelOptions, Event, Socket};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What every browser takes in one message, and small enough that others get their turn.
const CHUNK: usize = 16 * 1024;

#[tokio::main]
async fn main() -> Outcome {
    let usage = "file URL ROOM send FILE | file URL ROOM receive FOLDER";
    let (url, room, rest) = arguments(usage)?;
    let [action, path] = rest.as_slice() else { return Err(usage.into()) };
    let (sends, path) = (action == "send", PathBuf::from(path));
    let (socket, mut events) = Socket::builder(url).connect();
    while let Some(event) = events.recv().await {
        match event {
            Event::Connected { .. } => {
                join(&socket, &room, "file").await?;
            }
            Event::PeerConnect { peer } => {
                // Both sides make it; its id follows from its name.
                // Little under way: what else is said to the peer does not wait for long behind it.
                let options =
                    ChannelOptions { high_watermark: 1 << 20, low_watermark: 256 << 10, ..ChannelOptions::default() };
                let channel = socket.peer(&peer).create_channel("file", options)?;
                let path = path.clone();
                tokio::spawn(async move {
                    let done = if sends { send(&channel, &path).await } else { receive(&channel, &path).await };
                    if let Err(error) = done {
                        say(&json!({ "event": "failed", "peer": channel.peer(), "why": error.to_string() }));
                    }
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// `meta`, then the bytes, then `eof`. Starts when the other side is `ready`. Both ask, because what is said before the
/// other has made the channel is lost: who comes second is heard.
async fn send(channel: &Channel, path: &Path) -> Outcome {
    let ready = channel.once("ready");
    channel.emit("ask", vec![]).await;
    if ready.await.is_none() {
        return Ok(());
    }
    let mut file = File::open(path).await?;
    let (name, size) = (path.file_name().unwrap_or_default().to_string_lossy(), file.metadata().await?.len());
    channel.emit("meta", vec![json!({ "name": name, "size": size })]).await;
    let mut waits = 0;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await?;
        if chunk.is_empty() {
            break;
        }
        // False: it was taken, but waits here. Go on when the peer has caught up.
        if !channel.send(Bytes::from(chunk)).await {
            waits += 1;
            channel.drained().await?;
        }
    }
    channel.emit("eof", vec![json!({})]).await;
    channel.drained().await?;
    say(&json!({ "event": "sent", "to": channel.peer(), "name": name, "bytes": size, "waits": waits }));
    Ok(())
}

/// Writes what comes into `folder`.
async fn receive(channel: &Channel, folder: &Path) -> Outcome {
    // Bounded: when the disk is slower than the peer, the peer waits.
    let mut events = channel.events();
    channel.emit("ready", vec![]).await;
    let mut open: Option<(File, PathBuf, u64)> = None;
    while let Some(event) = events.recv().await {
        match event {
            ChannelEvent::Message { event, .. } if event == "ask" => {
                channel.emit("ready", vec![]).await;
            }
            ChannelEvent::Message { event, args } if event == "meta" => {
                let path = folder.join(safe_name(args.first()));
                open = Some((File::create(&path).await?, path, 0));
            }
            ChannelEvent::Data(chunk) => {
                let Some((file, _, bytes)) = &mut open else { continue };
                file.write_all(&chunk).await?;
                *bytes += chunk.len() as u64;
            }
            ChannelEvent::Message { event, .. } if event == "eof" => {
                let Some((mut file, path, bytes)) = open.take() else { continue };
                file.flush().await?;
                say(&json!({ "event": "received", "from": channel.peer(), "path": path, "bytes": bytes }));
            }
            ChannelEvent::Error(error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// The name in `meta` without anything that would lead out of the folder.
fn safe_name(meta: Option<&Value>) -> PathBuf {
    let name = meta.and_then(|meta| meta["name"].as_str()).unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\' | ':')).take(100).collect();
    PathBuf::from(if name.trim_matches('.').is_empty() { "file".to_owned() } else { name })
}
