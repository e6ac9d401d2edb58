//! Calls a peer with a test picture and a tone, and says what comes back.
//!
//! `cargo run -p confab-peerjs --example peerjs_call -- localhost:9000 ann ben`

mod common;

use common::{Outcome, arguments};
use confab_media::{AudioCapture, AudioSource, VideoCapture, VideoConfig, VideoEvent, VideoSource};
use confab_peerjs::{LocalStream, LocalTrack, MediaConnectionEvent};

#[tokio::main]
async fn main() -> Outcome {
    let (builder, rest) = arguments("call HOST:PORT ID OTHER")?;
    let other = rest.first().ok_or("whom to call?")?;
    let (peer, _events) = builder.build()?;

    let (stream, voice, camera) = (LocalStream::default(), LocalTrack::audio(), LocalTrack::simulcast());
    stream.add_track(&voice);
    stream.add_track(&camera);
    let (_sound, mut packets) = AudioCapture::start(AudioSource::Tone(440.0)).await?;
    tokio::spawn(async move {
        while let Some(packet) = packets.recv().await {
            voice.write_audio(packet);
        }
    });
    let config = VideoConfig { width: 640, height: 360, fps: 30, bitrate: 800_000 };
    let (_pictures, mut frames) = VideoCapture::start(VideoSource::Pattern, config, camera.demand()).await?;
    tokio::spawn(async move {
        while let Some(VideoEvent::Frame(frame)) = frames.recv().await {
            camera.write_frame(frame);
        }
    });

    let (call, mut events) = peer.call(other, &stream, None)?;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(MediaConnectionEvent::Stream { track, .. }) => println!("{:?} from {other}", track.kind()),
                Some(MediaConnectionEvent::Error(error)) => println!("{error}"),
                Some(_) => {}
                None => return Ok(()),
            },
            _ = tokio::signal::ctrl_c() => call.close(),
        }
    }
}
