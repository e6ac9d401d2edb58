//! Takes every call, listens for ten seconds and hangs up.
//!
//! `cargo run -p confab-peerjs --example answering_machine -- localhost:9000 machine`

mod common;

use common::{Outcome, arguments};
use confab_peerjs::{MediaConnection, MediaConnectionEvent, MediaConnectionEvents, PeerEvent};
use std::time::Duration;
use tokio::time::sleep;

/// How long a message may be.
const MESSAGE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Outcome {
    let (builder, _) = arguments("answering_machine HOST:PORT ID")?;
    let (_peer, mut events) = builder.build()?;
    while let Some(event) = events.recv().await {
        match event {
            PeerEvent::Call { call, events } => {
                println!("{} calls", call.peer());
                tokio::spawn(listen(call, events));
            }
            PeerEvent::Error(error) => println!("{error}"),
            _ => {}
        }
    }
    Ok(())
}

async fn listen(call: MediaConnection, mut events: MediaConnectionEvents) {
    if let Err(error) = call.answer(None) {
        println!("{}: {error}", call.peer());
        return;
    }
    let hang_up = sleep(MESSAGE);
    tokio::pin!(hang_up);
    let mut tracks = Vec::new();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(MediaConnectionEvent::Stream { track, .. }) => tracks.push(track),
                Some(_) => {}
                None => break,
            },
            () = &mut hang_up, if !hang_up.is_elapsed() => call.close(),
        }
    }
    for track in tracks {
        println!("{}: {:?}, {} bytes", call.peer(), track.kind(), track.stats().bytes);
    }
}
