//! Cursors of everybody over a channel that neither orders nor repeats: only the newest place counts.
//!
//! `cargo run -p confab-rtcio --example cursor -- http://127.0.0.1:7420 my-room`

mod common;

use common::{Outcome, arguments, join, say};
use confab_rtcio::{ChannelOptions, Event, Socket};
use serde_json::json;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

#[tokio::main]
async fn main() -> Outcome {
    let (url, room, _) = arguments("cursor URL ROOM")?;
    let (socket, mut events) = Socket::builder(url).connect();
    let lossy = ChannelOptions { ordered: Some(false), max_retransmits: Some(0), ..ChannelOptions::default() };
    let cursors = socket.create_channel("cursors", lossy)?;
    let mut moves = cursors.on("move");
    // As a mouse would, sixty times a second; a moment that was missed is gone.
    let mut ticks = interval(Duration::from_millis(16));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut id, mut angle) = (String::new(), 0.0_f64);
    loop {
        tokio::select! {
            Some(event) = events.recv() => match event {
                Event::Connected { .. } => id = join(&socket, &room, "cursor").await?,
                Event::PeerDisconnect { peer } => say(&json!({ "event": "went", "id": peer })),
                _ => {}
            },
            Some(message) = moves.recv() => {
                say(&json!({ "event": "move", "from": message.peer, "args": message.args }));
            }
            _ = ticks.tick() => {
                angle += 0.05;
                let place = json!({ "id": id, "x": 200.0 + 100.0 * angle.cos(), "y": 200.0 + 100.0 * angle.sin() });
                cursors.emit("move", vec![place]).await;
            }
            else => return Ok(()),
        }
    }
}
