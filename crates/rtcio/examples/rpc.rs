//! Questions to one peer and answers from it, over `socket.peer(id).emit` and `on`: ping and pong.
//!
//! `cargo run -p confab-rtcio --example rpc -- http://127.0.0.1:7420 my-room Ann`

mod common;

use common::{Outcome, arguments, join, say};
use confab_rtcio::{Event, Socket};
use serde_json::{Value, json};
use std::time::Instant;

#[tokio::main]
async fn main() -> Outcome {
    let (url, room, rest) = arguments("rpc URL ROOM NAME")?;
    let name = rest.first().map_or("guest", String::as_str);
    let start = Instant::now();
    let (socket, mut events) = Socket::builder(url).connect();
    // From any peer.
    let (mut hellos, mut pings) = (socket.on("hello"), socket.on("ping"));
    loop {
        tokio::select! {
            Some(event) = events.recv() => match event {
                Event::Connected { .. } => {
                    join(&socket, &room, name).await?;
                }
                Event::PeerConnect { peer } => {
                    let peer = socket.peer(&peer);
                    // From this one, until it leaves; listening begins before asking.
                    let pong = peer.once("pong");
                    peer.emit("hello", vec![json!({ "name": name })]).await?;
                    peer.emit("ping", vec![json!({ "sentAt": start.elapsed().as_secs_f64() * 1e3 })]).await?;
                    tokio::spawn(async move {
                        let Some(pong) = pong.await else { return };
                        let sent = pong.args.first().and_then(|answer| answer["sentAt"].as_f64()).unwrap_or_default();
                        let rtt = start.elapsed().as_secs_f64() * 1e3 - sent;
                        say(&json!({ "event": "pong", "from": pong.peer, "rttMs": rtt }));
                    });
                }
                _ => {}
            },
            Some(hello) = hellos.recv() => say(&json!({ "event": "hello", "from": hello.peer, "args": hello.args })),
            Some(ping) = pings.recv() => {
                // Only the one who asked gets the answer, which carries the question back.
                let question = ping.args.into_iter().next().unwrap_or(Value::Null);
                socket.peer(&ping.peer).emit("pong", vec![question]).await?;
            }
            else => return Ok(()),
        }
    }
}
