//! A call in as few lines as it takes: a picture and a tone to everybody, and what comes from them.
//!
//! `cargo run -p confab-call --example minimal_call -- http://127.0.0.1:7420 my-room` sends the test picture and a tone;
//! `… my-room camera mic` your own.

#[path = "../../rtcio/examples/common/mod.rs"]
mod common;

use common::{Outcome, arguments, join, say};
use confab_media::{AudioCapture, AudioSource, VideoCapture, VideoConfig, VideoEvent, VideoSource};
use confab_rtcio::{Event, LocalTrack, RemoteTrack, RtcioStream, Socket};
use serde_json::json;

#[tokio::main]
async fn main() -> Outcome {
    let (url, room, rest) = arguments("minimal_call URL ROOM [VIDEO [AUDIO]]")?;
    let mut rest = rest.into_iter();
    let video: VideoSource = rest.next().unwrap_or("pattern".to_owned()).try_into()?;
    let audio: AudioSource = rest.next().unwrap_or("tone:440".to_owned()).try_into()?;

    // Encoded once, however many peers there are, and only while one of them looks.
    let (picture, sound) = (LocalTrack::simulcast(), LocalTrack::audio());
    let config = VideoConfig { width: 640, height: 360, ..VideoConfig::default() };
    let (_camera, mut frames) = VideoCapture::start(video, config, picture.demand()).await?;
    let (_microphone, mut packets) = AudioCapture::start(audio).await?;
    let stream = RtcioStream::new();
    stream.add_track(&picture);
    stream.add_track(&sound);

    let (socket, mut events) = Socket::builder(url).connect();
    // What stands beside the stream arrives with it, also at those who come later.
    socket.emit("camera", stream.args([json!({ "stream": &stream, "metadata": { "displayName": "guest" } })])).await?;
    loop {
        tokio::select! {
            Some(VideoEvent::Frame(frame)) = frames.recv() => picture.write_frame(frame),
            Some(packet) = packets.recv() => sound.write_audio(packet),
            Some(event) = events.recv() => match event {
                Event::Connected { .. } => {
                    join(&socket, &room, "guest").await?;
                }
                Event::PeerConnect { peer } => say(&json!({ "event": "came", "id": peer })),
                Event::PeerDisconnect { peer } => say(&json!({ "event": "went", "id": peer })),
                Event::Stream { peer, event, args, .. } => say(&json!({ "event": event, "from": peer, "args": args })),
                Event::TrackAdded { peer, track, .. } => {
                    tokio::spawn(watch(peer, track));
                }
                _ => {}
            },
            else => return Ok(()),
        }
    }
}

/// Tells each second of a track. An application would show and play what it counts here.
async fn watch(peer: String, track: RemoteTrack) {
    let mut count = 0;
    if let Some(mut frames) = track.take_video() {
        while let Some(frame) = frames.recv().await {
            count += 1;
            if count % 30 == 0 {
                say(&json!({ "event": "picture", "from": peer, "frames": count, "bytes": frame.data.len() }));
            }
        }
    } else if let Some(mut packets) = track.take_audio() {
        while packets.recv().await.is_some() {
            count += 1;
            if count % 50 == 0 {
                say(&json!({ "event": "sound", "from": peer, "packets": count }));
            }
        }
    }
}
