//! From source to pixels: what is captured is encoded, decoded and looked at.

use std::path::Path;
use std::time::{Duration, Instant};

use confab_media::{
    ErrorKind, I420Frame, ScaleScratch, VideoCapture, VideoConfig, VideoEncoder, VideoEvent, VideoSource, Vp8Decoder,
    Y4mWriter, pattern,
};
use confab_testkit::clips;
use confab_wire::{
    layers::{LayerDemand, SpatialLayer},
    media::{EncodedFrame, VideoDemand},
};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// The full layer alone, with a change.
fn full(change: impl FnOnce(&mut LayerDemand)) -> VideoDemand {
    let mut demand = VideoDemand::full();
    demand.layers[SpatialLayer::Full.index()].as_mut().map(change);
    demand
}

/// Encodes `count` pictures at 30 fps on a made-up clock, as fast as the machine can.
fn encode(
    config: VideoConfig,
    count: u32,
    draw: impl Fn(&mut I420Frame, u32),
    demand: impl Fn(u32) -> VideoDemand,
) -> Vec<(u32, Option<EncodedFrame>)> {
    let mut encoder = VideoEncoder::new(config);
    let mut picture = I420Frame::new(config.width, config.height);
    let start = Instant::now();
    (0..count)
        .map(|number| {
            draw(&mut picture, number);
            let captured = start + Duration::from_secs(1) * number / config.fps;
            let mut frames = encoder.encode(&picture, captured, &demand(number)).expect("encodes");
            assert!(frames.len() <= 1, "one layer is wanted");
            (number, frames.pop())
        })
        .collect()
}

fn pattern_picture(picture: &mut I420Frame, number: u32) {
    pattern::draw(picture, number, u64::from(number) * 33);
}

/// The scene of the benchmarks with the code in it.
fn scene_picture(picture: &mut I420Frame, number: u32) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    clips::draw_scene(picture.data_mut(), width, height, number);
    pattern::draw_code(picture, number, u64::from(number) * 33);
}

/// Decodes everything, checks that each picture carries its number, and returns the mean PSNR against the source.
fn check(frames: &[(u32, Option<EncodedFrame>)], config: VideoConfig, draw: impl Fn(&mut I420Frame, u32)) -> f64 {
    let mut decoder = Vp8Decoder::new();
    let (mut sum, mut count) = (0.0, 0);
    let mut source = I420Frame::new(config.width, config.height);
    for (number, frame) in frames {
        let Some(frame) = frame else { continue };
        let decoded = decoder.decode(frame).expect("decodes").expect("a picture");
        let reading = pattern::read(&decoded).unwrap_or_else(|| panic!("no code in frame {number}"));
        assert_eq!((reading.number, reading.clock_ms), (*number, u64::from(*number) * 33));
        draw(&mut source, *number);
        sum += source.psnr(&decoded).expect("same size");
        count += 1;
    }
    sum / f64::from(count)
}

#[test]
fn pattern_and_scene_survive_the_codec() {
    let full = VideoConfig::default();
    let small = VideoConfig { width: 320, height: 180, fps: 30, bitrate: 150_000 };
    type Draw = fn(&mut I420Frame, u32);
    for (name, config, draw, least) in [
        ("pattern 720p", full, pattern_picture as Draw, 33.0),
        ("pattern 180p", small, pattern_picture, 28.0),
        ("scene 720p", full, scene_picture, 28.0),
        ("scene 180p", small, scene_picture, 25.0),
    ] {
        let frames = encode(config, 60, draw, |_| VideoDemand::full());
        let dropped = frames.iter().filter(|(_, frame)| frame.is_none()).count();
        assert!(dropped <= 6, "{name}: {dropped} of 60 frames dropped");
        let psnr = check(&frames, config, draw);
        assert!(psnr > least, "{name}: {psnr:.1} dB");
        let bytes: usize = frames.iter().flat_map(|(_, frame)| frame).map(|frame| frame.data.len()).sum();
        let bitrate = bytes * 8 / 2;
        assert!(bitrate < config.bitrate as usize * 15 / 10, "{name}: {bitrate} bit/s");
    }
}

#[test]
fn many_requests_are_one_key_frame() {
    let config = VideoConfig { width: 320, height: 180, fps: 30, bitrate: 300_000 };
    // Three requests before frame 20, one before frame 40.
    let demand = |number| {
        let asked = match number {
            0..20 => 0,
            20..40 => 3,
            _ => 4,
        };
        full(|layer| layer.key_frames = asked)
    };
    let frames = encode(config, 60, pattern_picture, demand);
    let keys: Vec<_> =
        frames.iter().filter(|(_, frame)| frame.as_ref().is_some_and(|f| f.key)).map(|(n, _)| *n).collect();
    assert_eq!(keys, [0, 20, 40]);
}

#[test]
fn who_asks_all_the_time_gets_four_key_frames_a_second() {
    let config = VideoConfig { width: 320, height: 180, fps: 30, bitrate: 300_000 };
    let frames = encode(config, 60, pattern_picture, |number| full(|layer| layer.key_frames = u64::from(number)));
    let keys = frames.iter().filter(|(_, frame)| frame.as_ref().is_some_and(|frame| frame.key)).count();
    assert!((6..=9).contains(&keys), "{keys} key frames in two seconds");
}

#[test]
fn a_bound_of_the_frame_rate_is_obeyed_at_once_and_lifted_at_once() {
    let config = VideoConfig { width: 320, height: 180, fps: 30, bitrate: 300_000 };
    let demand = |number| VideoDemand {
        max_framerate: match number {
            0..60 => None,
            60..120 => Some(10.0),
            120..180 => Some(7.5),
            _ => Some(60.0),
        },
        ..VideoDemand::full()
    };
    let frames = encode(config, 240, pattern_picture, demand);
    let count = |from: usize, to: usize| frames[from..to].iter().filter(|(_, frame)| frame.is_some()).count();
    assert!(count(0, 60) >= 54 && count(180, 240) >= 54, "{} and {}", count(0, 60), count(180, 240));
    assert!((18..=21).contains(&count(60, 120)), "{}", count(60, 120));
    assert!((13..=16).contains(&count(120, 180)), "{}", count(120, 180));
}

#[test]
fn a_smaller_picture_is_demanded_live() {
    let config = VideoConfig { width: 640, height: 360, fps: 30, bitrate: 800_000 };
    let demand = |number| VideoDemand {
        scale_resolution_down_by: if (20..40).contains(&number) { 2.0 } else { 1.0 },
        ..VideoDemand::full()
    };
    let frames = encode(config, 60, pattern_picture, demand);
    for (number, frame) in frames.iter().filter_map(|(number, frame)| frame.as_ref().map(|frame| (*number, frame))) {
        let expected = if (20..40).contains(&number) { (320, 180) } else { (640, 360) };
        assert_eq!((frame.width, frame.height), expected, "frame {number}");
        assert!(![20, 40].contains(&number) || frame.key, "a new size begins with a key frame");
    }
    let mut decoder = Vp8Decoder::new();
    for (_, frame) in &frames {
        let Some(frame) = frame else { continue };
        let picture = decoder.decode(frame).expect("decodes").expect("a picture");
        assert_eq!((picture.width() as u16, picture.height() as u16), (frame.width, frame.height));
    }
}

#[test]
fn a_change_of_bitrate_is_obeyed_within_a_second() {
    let config = VideoConfig { width: 640, height: 360, fps: 30, bitrate: 800_000 };
    let demand =
        |number| VideoDemand { max_bitrate: if number < 90 { 800_000 } else { 250_000 }, ..VideoDemand::full() };
    let frames = encode(config, 210, scene_picture, demand);
    let rate = |from: usize, to: usize| {
        let bytes: usize = frames[from..to].iter().flat_map(|(_, frame)| frame).map(|frame| frame.data.len()).sum();
        bytes * 8 * 30 / (to - from)
    };
    assert!((500_000..1_000_000).contains(&rate(30, 90)), "before: {}", rate(30, 90));
    assert!((100_000..350_000).contains(&rate(120, 210)), "after: {}", rate(120, 210));
}

#[test]
fn the_decoder_follows_a_change_of_size() {
    let mut decoder = Vp8Decoder::new();
    for (width, height) in [(320, 180), (161, 91), (640, 360), (160, 90)] {
        let config = VideoConfig { width, height, fps: 30, bitrate: 500_000 };
        for (_, frame) in encode(config, 3, pattern_picture, |_| VideoDemand::full()) {
            let Some(frame) = frame else { continue };
            let decoded = decoder.decode(&frame).expect("decodes").expect("a picture");
            assert_eq!((decoded.width(), decoded.height()), (width, height));
        }
    }
    // Scaled down after decoding, as a tile would show it.
    let mut tile = I420Frame::new(160, 90);
    let mut large = I420Frame::new(640, 360);
    pattern_picture(&mut large, 5);
    large.scale_into(&mut tile, &mut ScaleScratch::default());
    assert_eq!(pattern::read(&tile).expect("a code").number, 5);
}

async fn frame(events: &mut mpsc::Receiver<VideoEvent>) -> EncodedFrame {
    match timeout(PATIENCE, events.recv()).await.expect("in time").expect("an event") {
        VideoEvent::Frame(frame) => frame,
        VideoEvent::Failed(error) => panic!("{error}"),
    }
}

fn small() -> VideoConfig {
    VideoConfig { width: 320, height: 180, fps: 30, bitrate: 300_000 }
}

#[tokio::test]
async fn a_running_pattern_advances_and_timestamps_grow() {
    let (_demand, receiver) = watch::channel(VideoDemand::full());
    let (capture, mut events) = VideoCapture::start(VideoSource::Pattern, small(), receiver).await.expect("starts");
    let mut decoder = Vp8Decoder::new();
    let mut last: Option<(u32, u32)> = None;
    for _ in 0..20 {
        let frame = frame(&mut events).await;
        let decoded = decoder.decode(&frame).expect("decodes").expect("a picture");
        let number = pattern::read(&decoded).expect("a code").number;
        if let Some((before, timestamp)) = last {
            let (frames, ticks) = (number - before, frame.timestamp.wrapping_sub(timestamp));
            assert!(frames >= 1 && ticks >= 1, "from {before} to {number} in {ticks} ticks");
        }
        last = Some((number, frame.timestamp));
    }
    assert!(capture.stats().encoded >= 20);
    assert_eq!(capture.stats().key_frames, 1);
    capture.stop().await;
    assert!(
        timeout(PATIENCE, async { while events.recv().await.is_some() {} }).await.is_ok(),
        "the channel ends with the capture"
    );
}

#[tokio::test]
async fn an_encoder_nobody_wants_rests_and_wakes_with_a_key_frame() {
    let (demand, receiver) = watch::channel(VideoDemand::full());
    let (capture, mut events) = VideoCapture::start(VideoSource::Pattern, small(), receiver).await.expect("starts");
    assert!(frame(&mut events).await.key);
    demand.send_replace(VideoDemand::default());
    // Whatever was under way comes out, then nothing: 300 ms are nine frames.
    while timeout(Duration::from_millis(300), events.recv()).await.is_ok() {}
    demand.send_replace(VideoDemand::full());
    assert!(frame(&mut events).await.key);
    capture.stop().await;
}

#[tokio::test]
async fn a_slow_consumer_loses_pictures_but_no_encoded_frame() {
    let (_demand, receiver) = watch::channel(VideoDemand::full());
    let (capture, mut events) = VideoCapture::start(VideoSource::Pattern, small(), receiver).await.expect("starts");
    let full = async {
        while capture.stats().dropped < 10 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, full).await.expect("pictures are dropped when nobody reads");
    let mut decoder = Vp8Decoder::new();
    for _ in 0..30 {
        assert!(decoder.decode(&frame(&mut events).await).is_ok(), "what was encoded is an unbroken chain");
    }
    capture.stop().await;
}

fn write_clip(path: &Path, size: (u32, u32), frames: u32) {
    let mut writer = Y4mWriter::create(path, size.0, size.1, 30).expect("writable");
    let mut picture = I420Frame::new(size.0, size.1);
    for number in 0..frames {
        pattern::draw(&mut picture, number, 0);
        writer.write(&picture).expect("writable");
    }
    writer.finish().expect("writable");
}

#[tokio::test]
async fn a_clip_loops_and_is_scaled_to_fit() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("clip.y4m");
    write_clip(&path, (640, 360), 5);
    let (_demand, receiver) = watch::channel(VideoDemand::full());
    let (capture, mut events) = VideoCapture::start(VideoSource::Y4m(path), small(), receiver).await.expect("starts");
    let mut decoder = Vp8Decoder::new();
    let mut numbers = Vec::new();
    for _ in 0..15 {
        let frame = frame(&mut events).await;
        assert_eq!((frame.width, frame.height), (320, 180));
        let decoded = decoder.decode(&frame).expect("decodes").expect("a picture");
        numbers.push(pattern::read(&decoded).expect("a code").number);
    }
    assert!(numbers.windows(2).any(|pair| pair[1] < pair[0]), "{numbers:?} never starts again");
    capture.stop().await;
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let rubbish = dir.path().join("rubbish.y4m");
    std::fs::write(&rubbish, b"RIFF of the wrong kind").expect("writable");
    let missing = dir.path().join("missing.y4m");
    for (source, kind) in [
        (VideoSource::Y4m(rubbish), ErrorKind::FileFormat),
        (VideoSource::Y4m(missing), ErrorKind::FileUnreadable),
        (VideoSource::Camera(Some("a camera nobody has".to_owned())), ErrorKind::CameraMissing),
    ] {
        let (_demand, receiver) = watch::channel(VideoDemand::full());
        let error = VideoCapture::start(source.clone(), small(), receiver).await.expect_err("fails");
        assert_eq!(*error.kind(), kind, "{source}: {error}");
    }
}

#[tokio::test]
async fn a_clip_that_is_cut_while_it_plays_fails_with_an_event() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("clip.y4m");
    write_clip(&path, (320, 180), 60);
    let (_demand, receiver) = watch::channel(VideoDemand::full());
    let (capture, mut events) =
        VideoCapture::start(VideoSource::Y4m(path.clone()), small(), receiver).await.expect("starts");
    frame(&mut events).await;
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_len(0)).expect("cut");
    let failed = async {
        loop {
            match events.recv().await {
                Some(VideoEvent::Failed(error)) => break error,
                Some(VideoEvent::Frame(_)) => {}
                None => panic!("ended without a reason"),
            }
        }
    };
    let error = timeout(PATIENCE, failed).await.expect("in time");
    assert_eq!(*error.kind(), ErrorKind::FileFormat);
    assert!(timeout(PATIENCE, events.recv()).await.expect("in time").is_none(), "nothing follows a failure");
    drop(capture);
}
