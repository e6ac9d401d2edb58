//! A member of a room in this process, below what the app makes of a call: its statistics are at hand.

use confab_media::{VideoCapture, VideoConfig, VideoEvent, VideoSource};
use confab_rtcio::{Event, Events, LocalTrack, Socket};
use serde_json::json;
use std::error::Error;

/// Enters `room` of `server` as `name`; answers with the own id as well.
pub async fn enter(server: &str, room: &str, name: &str) -> Result<(Socket, Events, String), Box<dyn Error>> {
    let (socket, mut events) = Socket::builder(server.parse()?).force_new(true).connect();
    while !matches!(events.recv().await.ok_or("the socket closed")?, Event::Connected { .. }) {}
    let answer = socket.server().emit_with_ack("join-room", vec![json!({ "roomId": room, "name": name })]).await?;
    let id = answer[0]["id"].as_str().ok_or("not joined")?.to_owned();
    socket.set_id(&id);
    Ok((socket, events, id))
}

/// Encodes what comes from `source` for `track`, until the answer is dropped.
pub async fn camera(track: &LocalTrack, source: VideoSource) -> Result<VideoCapture, Box<dyn Error>> {
    let (camera, mut events) = VideoCapture::start(source, VideoConfig::default(), track.demand()).await?;
    let track = track.clone();
    tokio::spawn(async move {
        while let Some(VideoEvent::Frame(frame)) = events.recv().await {
            track.write_frame(frame);
        }
    });
    Ok(camera)
}
