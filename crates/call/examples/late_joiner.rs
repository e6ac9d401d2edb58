//! A shared picture that those who come later get as well, until it is no longer tracked.
//!
//! `cargo run -p confab-call --example late_joiner -- http://127.0.0.1:7420 my-room`, and write `share` or `stop`.

#[path = "../../rtcio/examples/common/mod.rs"]
mod common;

use common::{Outcome, arguments, join, say};
use confab_media::{VideoCapture, VideoConfig, VideoEvent, VideoSource};
use confab_rtcio::{Event, LocalTrack, RtcioStream, Socket};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// What is shared; dropping it ends the picture.
struct SharedScreen {
    stream: RtcioStream,
    _capture: VideoCapture,
}

#[tokio::main]
async fn main() -> Outcome {
    let (url, room, _) = arguments("late_joiner URL ROOM")?;
    let (socket, mut events) = Socket::builder(url).connect();
    let mut lines = BufReader::new(stdin()).lines();
    let mut shared: Option<SharedScreen> = None;
    loop {
        tokio::select! {
            line = lines.next_line() => match line?.as_deref() {
                Some("share") if shared.is_none() => {
                    let share = share().await?;
                    // For those who are here and for those who come: the engine keeps it.
                    socket.emit("screen", share.stream.args([json!(&share.stream)])).await?;
                    say(&json!({ "event": "shared", "stream": share.stream.id() }));
                    shared = Some(share);
                }
                Some("stop") => if let Some(share) = shared.take() {
                    // Nobody who comes now is to get a picture that is over; those who have it lose its tracks.
                    socket.untrack_stream(&share.stream).await;
                    for track in share.stream.tracks() {
                        share.stream.remove_track(&track);
                    }
                    say(&json!({ "event": "stopped" }));
                },
                Some(_) => {}
                None => break,
            },
            Some(event) = events.recv() => match event {
                Event::Connected { .. } => {
                    join(&socket, &room, "guest").await?;
                }
                Event::PeerConnect { peer } => say(&json!({ "event": "came", "id": peer })),
                Event::Stream { peer, event, stream, .. } => {
                    say(&json!({ "event": event, "from": peer, "stream": stream.id }));
                }
                Event::TrackRemoved { peer, .. } => say(&json!({ "event": "ended", "from": peer })),
                _ => {}
            },
        }
    }
    socket.close().await;
    Ok(())
}

/// A stream with the test picture in place of a screen.
async fn share() -> Outcome<SharedScreen> {
    let track = LocalTrack::simulcast();
    let config = VideoConfig { width: 640, height: 360, fps: 15, ..VideoConfig::default() };
    let (capture, mut events) = VideoCapture::start(VideoSource::Pattern, config, track.demand()).await?;
    let stream = RtcioStream::new();
    stream.add_track(&track);
    tokio::spawn(async move {
        while let Some(VideoEvent::Frame(frame)) = events.recv().await {
            track.write_frame(frame);
        }
    });
    Ok(SharedScreen { stream, _capture: capture })
}
