//! Broadcast chat without media: one channel that every peer shares, late ones too.
//!
//! `cargo run -p confab-rtcio --example chat -- http://127.0.0.1:7420 my-room Ann`, and write lines.

mod common;

use common::{Outcome, arguments, join, say};
use confab_rtcio::{ChannelOptions, Event, Socket};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main]
async fn main() -> Outcome {
    let (url, room, rest) = arguments("chat URL ROOM NAME")?;
    let name = rest.first().map_or("guest", String::as_str);
    let (socket, mut events) = Socket::builder(url).connect();
    // Before anybody is there: peers join the channel as they come.
    let chat = socket.create_channel("chat", ChannelOptions::default())?;
    let mut messages = chat.on("msg");
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            Some(event) = events.recv() => match event {
                Event::Connected { .. } => {
                    join(&socket, &room, name).await?;
                }
                Event::PeerConnect { peer } => say(&json!({ "event": "came", "id": peer })),
                Event::PeerDisconnect { peer } => say(&json!({ "event": "went", "id": peer })),
                _ => {}
            },
            Some(message) = messages.recv() => {
                say(&json!({ "event": "msg", "from": message.peer, "args": message.args }));
            }
            line = lines.next_line() => match line? {
                Some(text) => {
                    // True if every peer's transport has it; what has to wait goes later by itself.
                    chat.emit("msg", vec![json!({ "name": name, "text": text })]).await;
                }
                None => break,
            },
        }
    }
    socket.close().await;
    Ok(())
}
