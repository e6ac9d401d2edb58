//! Calls in both directions: pictures and tones both ways, and each side hangs up.

use super::Outcome;
use super::world::{World, next};
use confab_media::{
    AudioCapture, AudioSource, VideoCapture, VideoConfig, VideoEvent, VideoSource, Vp8Decoder, pattern,
};
use confab_peerjs::{
    LocalStream, LocalTrack, MediaConnectionEvent, MediaConnectionEvents, MediaKind, PeerEvent, RemoteTrack,
};
use confab_testkit::browser::Page;
use confab_testkit::process::PATIENCE;
use serde_json::json;
use std::any::Any;
use tokio::time::timeout;

/// The page sees numbers of our pictures advance, and hears our tone of 660 Hz.
const SEEN_AND_HEARD: &str = "stock.video?.state.patterns > 10 && stock.video.state.number > 10 \
    && Math.abs(stock.audio?.state.hz - 660) < 12";

/// A stream with the test picture and a tone, and what feeds it.
async fn stream() -> Outcome<(LocalStream, Vec<Box<dyn Any + Send>>)> {
    let (stream, voice, camera) = (LocalStream::default(), LocalTrack::audio(), LocalTrack::simulcast());
    let (sound, mut packets) = AudioCapture::start(AudioSource::Tone(660.0)).await?;
    let sink = voice.clone();
    tokio::spawn(async move {
        while let Some(packet) = packets.recv().await {
            sink.write_audio(packet);
        }
    });
    let config = VideoConfig { width: 320, height: 180, fps: 15, bitrate: 400_000 };
    let (pictures, mut events) = VideoCapture::start(VideoSource::Pattern, config, camera.demand()).await?;
    let sink = camera.clone();
    tokio::spawn(async move {
        while let Some(VideoEvent::Frame(frame)) = events.recv().await {
            sink.write_frame(frame);
        }
    });
    stream.add_track(&voice);
    stream.add_track(&camera);
    Ok((stream, vec![Box::new(sound), Box::new(pictures)]))
}

/// The tracks of the call's stream.
async fn tracks(events: &mut MediaConnectionEvents) -> Outcome<Vec<RemoteTrack>> {
    let mut tracks = Vec::new();
    while tracks.len() < 2 {
        match timeout(PATIENCE, events.recv()).await?.ok_or("the call is over")? {
            MediaConnectionEvent::Stream { track, .. } => tracks.push(track),
            MediaConnectionEvent::Error(error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(tracks)
}

/// Numbers of the page's pictures advance, and its sound is loud.
async fn see_and_hear(tracks: Vec<RemoteTrack>) -> Outcome {
    for track in tracks {
        let kind = track.kind();
        let looking = async {
            let (mut seen, mut last) = (0, None);
            if let Some(mut frames) = track.take_video() {
                let mut decoder = Vp8Decoder::new();
                while seen < 10 {
                    let frame = frames.recv().await.ok_or("the picture ends")?;
                    let Ok(Some(picture)) = decoder.decode(&frame) else { continue };
                    let Some(reading) = pattern::read(&picture) else { continue };
                    seen += u32::from(last.is_none_or(|last| reading.number > last));
                    last = Some(reading.number);
                }
            } else if let Some(mut packets) = track.take_audio() {
                while seen < 10 {
                    let packet = packets.recv().await.ok_or("the sound ends")?;
                    seen += u32::from(packet.level.is_some_and(|level| level.rms() > 0.05));
                }
            }
            Ok::<_, Box<dyn std::error::Error>>(())
        };
        timeout(PATIENCE, looking).await.map_err(|_| format!("no {kind:?}"))??;
    }
    Ok(())
}

async fn closed(events: &mut MediaConnectionEvents) -> Outcome {
    loop {
        match timeout(PATIENCE, events.recv()).await?.ok_or("no close")? {
            MediaConnectionEvent::Close => return Ok(()),
            MediaConnectionEvent::Error(error) => return Err(error.into()),
            _ => {}
        }
    }
}

async fn ends(page: &Page, events: &mut MediaConnectionEvents) -> Outcome {
    page.wait("the end of the call", "stock.noted('call-close')").await?;
    closed(events).await
}

#[tokio::test(flavor = "multi_thread")]
async fn media_goes_both_ways_whoever_calls_and_whoever_hangs_up() -> Outcome {
    let world = World::start(json!({})).await?;
    let (stream, _sources) = stream().await?;
    for (index, (we_call, we_hang_up)) in
        [(true, true), (true, false), (false, true), (false, false)].into_iter().enumerate()
    {
        let (theirs, ours) = (format!("stock{index}"), format!("ours{index}"));
        let page = world.stock(&theirs).await?;
        let (peer, mut events) = world.ours(&ours).await?;
        let metadata = json!({ "room": "r1" });
        let (call, mut of_call) = if we_call {
            let made = peer.call(&theirs, &stream, Some(metadata.clone()))?;
            page.wait("our call", "stock.noted('call')").await?;
            assert_eq!(page.eval("return stock.noted('call').metadata").await?, metadata);
            page.eval("await stock.answer(440)").await?;
            made
        } else {
            page.eval(&format!("await stock.call('{ours}', 440, {metadata})")).await?;
            let PeerEvent::Call { call, events } = next(&mut events).await? else { return Err("no call".into()) };
            assert_eq!((call.metadata(), call.open()), (Some(&metadata), false));
            call.answer(Some(&stream))?;
            (call, events)
        };
        let tracks = tracks(&mut of_call).await?;
        assert_ne!(tracks[0].kind(), tracks[1].kind());
        assert!(tracks.iter().any(|track| track.kind() == MediaKind::Video));
        see_and_hear(tracks).await?;
        page.wait("our picture and tone", SEEN_AND_HEARD).await?;
        page.wait("the channel that tells of the end", "stock.noted('will-close')").await?;
        assert!(call.open());
        if we_hang_up {
            call.close();
        } else {
            page.eval("stock.calls.at(-1).close()").await?;
        }
        ends(&page, &mut of_call).await?;
        page.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_without_a_stream_and_ends_with_its_peer() -> Outcome {
    let world = World::start(json!({})).await?;
    let (stream, _sources) = stream().await?;
    let page = world.stock("stock").await?;
    let (peer, mut events) = world.ours("ours").await?;
    // We answer with nothing, and see and hear.
    page.eval("await stock.call('ours', 440)").await?;
    let PeerEvent::Call { call, events: mut of_call } = next(&mut events).await? else { return Err("no call".into()) };
    call.answer(None)?;
    see_and_hear(tracks(&mut of_call).await?).await?;
    assert!(!page.eval("return Boolean(stock.noted('stream'))").await?.as_bool().unwrap_or(true));
    call.close();
    ends(&page, &mut of_call).await?;
    // So does the page.
    let (_call, mut of_call) = peer.call("stock", &stream, None)?;
    page.wait("our call", "stock.noted('call')").await?;
    page.eval("await stock.answer()").await?;
    page.wait("our picture and tone", SEEN_AND_HEARD).await?;
    page.eval("stock.log.length = 0").await?;
    peer.destroy();
    ends(&page, &mut of_call).await
}
