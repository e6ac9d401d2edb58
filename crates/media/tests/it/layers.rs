//! Spatial and temporal layers: each runs only while it is wanted, and every temporal layer can be left out.

use std::time::{Duration, Instant};

use confab_media::{I420Frame, ScaleScratch, VideoConfig, VideoEncoder, Vp8Decoder, pattern};
use confab_testkit::clips;
use confab_wire::{
    layers::{LayerDemand, SpatialLayer, TOP_TEMPORAL},
    media::{EncodedFrame, VideoDemand},
};

use SpatialLayer::{Full, Half, Quarter};

const CONFIG: VideoConfig = VideoConfig { width: 640, height: 360, fps: 30, bitrate: 800_000 };

fn wants(layers: &[(SpatialLayer, u32)]) -> VideoDemand {
    let mut demand = VideoDemand::default();
    for (layer, bitrate) in layers {
        let wanted = LayerDemand { bitrate: *bitrate, key_frames: 0, temporal: TOP_TEMPORAL };
        demand.layers[layer.index()] = Some(wanted);
    }
    demand
}

fn scene(number: u32) -> I420Frame {
    let mut picture = I420Frame::new(CONFIG.width, CONFIG.height);
    clips::draw_scene(picture.data_mut(), CONFIG.width as usize, CONFIG.height as usize, number);
    pattern::draw_code(&mut picture, number, u64::from(number) * 33);
    picture
}

/// What comes of `count` pictures at 30 fps on a made-up clock.
fn encode(count: u32, demand: impl Fn(u32) -> VideoDemand) -> Vec<Vec<EncodedFrame>> {
    let mut encoder = VideoEncoder::new(CONFIG);
    let start = Instant::now();
    let frames = (0..count).map(|number| {
        let captured = start + Duration::from_secs(1) * number / CONFIG.fps;
        encoder.encode(&scene(number), captured, &demand(number)).expect("encodes")
    });
    frames.collect()
}

#[test]
fn pictures_go_on_after_a_pause() {
    let mut encoder = VideoEncoder::new(CONFIG);
    let mut captured = Instant::now();
    let frames: Vec<_> = (0..60)
        .map(|number| {
            captured += if number == 30 { Duration::from_secs(20) } else { Duration::from_secs(1) / CONFIG.fps };
            encoder.encode(&scene(number), captured, &wants(&[(Full, 600_000)])).expect("encodes")
        })
        .collect();
    let frames = of(&frames, Full);
    let after: Vec<_> = frames.iter().filter(|(number, _)| *number >= 30).cloned().collect();
    assert!(after.len() >= 26, "{} of 30 frames", after.len());
    assert!(decode(&after) > 25.0);
}

fn of(frames: &[Vec<EncodedFrame>], layer: SpatialLayer) -> Vec<(u32, EncodedFrame)> {
    let numbered = frames.iter().enumerate();
    let all = numbered.flat_map(|(number, frames)| frames.iter().map(move |frame| (number as u32, frame.clone())));
    all.filter(|(_, frame)| frame.layer.spatial == layer).collect()
}

/// Decodes these frames: each has to be the picture of its number, as the source shows it at that size. Mean PSNR in dB.
fn decode(frames: &[(u32, EncodedFrame)]) -> f64 {
    let mut decoder = Vp8Decoder::new();
    let mut sum = 0.0;
    for (number, frame) in frames {
        let picture = decoder.decode(frame).expect("decodes").expect("a picture");
        assert_eq!((picture.width() as u16, picture.height() as u16), (frame.width, frame.height));
        assert_eq!(pattern::read(&picture).map(|reading| reading.number), Some(*number));
        let mut source = I420Frame::new(picture.width(), picture.height());
        scene(*number).scale_into(&mut source, &mut ScaleScratch::default());
        sum += source.psnr(&picture).expect("same size");
    }
    sum / frames.len() as f64
}

#[test]
fn each_layer_is_a_stream_of_its_own() {
    // The quarter of 640x360 would be 160x90.
    let frames = encode(30, |_| wants(&[(Quarter, 80_000), (Half, 200_000), (Full, 700_000)]));
    for (layer, size, most) in [(Quarter, (160, 90), 80_000), (Half, (320, 180), 200_000), (Full, (640, 360), 700_000)]
    {
        let frames = of(&frames, layer);
        assert!(frames.len() >= 26, "{layer:?}: {} of 30 frames", frames.len());
        assert!(frames.iter().all(|(_, frame)| (frame.width, frame.height) == size));
        let psnr = decode(&frames);
        assert!(psnr > 25.0, "{layer:?}: {psnr:.1} dB");
        let bitrate = frames.iter().map(|(_, frame)| frame.data.len() * 8).sum::<usize>();
        assert!(bitrate < most * 15 / 10, "{layer:?}: {bitrate} bit/s");
    }
}

#[test]
fn a_layer_runs_while_it_is_wanted_and_begins_with_a_key_frame() {
    let frames = encode(60, |number| match number {
        0..20 => wants(&[(Full, 700_000)]),
        20..40 => wants(&[(Full, 700_000), (Half, 200_000)]),
        _ => wants(&[(Half, 200_000)]),
    });
    let (full, half) = (of(&frames, Full), of(&frames, Half));
    assert!(full.iter().all(|(number, frame)| *number < 40 && frame.key == (*number == 0)));
    assert!(half.iter().all(|(number, frame)| *number >= 20 && frame.key == (*number == 20)));
    assert_eq!(
        frames[20].iter().map(|frame| frame.layer.spatial).collect::<Vec<_>>(),
        [Half, Full],
        "key frames first"
    );
    assert_eq!(frames[20][0].timestamp, frames[20][1].timestamp);
}

#[test]
fn a_key_frame_is_made_for_the_layer_that_needs_it() {
    let frames = encode(40, |number| {
        let mut demand = wants(&[(Full, 700_000), (Half, 200_000)]);
        demand.layers[Half.index()] =
            demand.layer(Half).map(|half| LayerDemand { key_frames: u64::from(number >= 21), ..half });
        demand
    });
    let keys = |layer| of(&frames, layer).iter().filter(|(_, frame)| frame.key).map(|(n, _)| *n).collect::<Vec<_>>();
    assert_eq!((keys(Full), keys(Half)), (vec![0], vec![0, 21]));
    // The pattern begins anew there.
    let half: Vec<u8> = of(&frames, Half).iter().filter(|(n, _)| *n >= 21).map(|(_, f)| f.layer.temporal).collect();
    assert_eq!(half[..5], [0, 2, 1, 2, 0]);
}

#[test]
fn every_temporal_layer_can_be_left_out() {
    let frames = of(&encode(60, |_| wants(&[(Full, 700_000)])), Full);
    let whole: Vec<_> = pictures(&frames);
    for highest in 0..=TOP_TEMPORAL {
        let kept: Vec<_> = frames.iter().filter(|(_, frame)| frame.layer.temporal <= highest).cloned().collect();
        assert!(kept.len() >= 52 >> (TOP_TEMPORAL - highest), "{highest}: {} frames", kept.len());
        // Not like: the same, to the last pixel.
        for (number, picture) in pictures(&kept) {
            assert!(whole.contains(&(number, picture)), "frame {number} differs without the layers over {highest}");
        }
        let bytes = |frames: &[(u32, EncodedFrame)]| frames.iter().map(|(_, frame)| frame.data.len()).sum::<usize>();
        let share = bytes(&kept) as f64 / bytes(&frames) as f64;
        assert!(share <= [0.65, 0.85, 1.0][usize::from(highest)], "{highest}: {share:.2} of the bytes");
    }
}

fn pictures(frames: &[(u32, EncodedFrame)]) -> Vec<(u32, I420Frame)> {
    let mut decoder = Vp8Decoder::new();
    let decode =
        |(number, frame): &(u32, EncodedFrame)| (*number, decoder.decode(frame).expect("decodes").expect("a picture"));
    frames.iter().map(decode).collect()
}

#[test]
fn a_lower_highest_layer_gives_its_bits_to_fewer_frames() {
    let frames = encode(120, |number| {
        let mut demand = wants(&[(Full, 400_000)]);
        let temporal = if (30..90).contains(&number) { 0 } else { TOP_TEMPORAL };
        demand.layers[Full.index()] = demand.layer(Full).map(|full| LayerDemand { temporal, ..full });
        demand
    });
    let full = of(&frames, Full);
    let part = |from: u32, to: u32| full.iter().filter(|(n, _)| (from..to).contains(n)).cloned().collect::<Vec<_>>();
    let (before, during, after) = (part(0, 30), part(31, 90), part(91, 120));
    assert!((13..=16).contains(&during.len()), "{} frames at a quarter of the rate", during.len());
    assert!(before.len() >= 26 && after.len() >= 24, "{} and {}", before.len(), after.len());
    assert_eq!(full.iter().filter(|(_, frame)| frame.key).count(), 1, "a change of rate costs no key frame");
    let bitrate = during.iter().map(|(_, frame)| frame.data.len() * 8 / 2).sum::<usize>();
    assert!((150_000..500_000).contains(&bitrate), "{bitrate} bit/s");
}

#[test]
fn who_wants_a_layer_that_would_be_tiny_gets_the_smallest_there_is() {
    let mut encoder = VideoEncoder::new(VideoConfig { width: 320, height: 180, fps: 30, bitrate: 300_000 });
    let mut picture = I420Frame::new(320, 180);
    pattern::draw(&mut picture, 1, 1);
    let frames = encoder.encode(&picture, Instant::now(), &wants(&[(Quarter, 60_000)])).expect("encodes");
    assert_eq!(frames.iter().map(|frame| (frame.layer.spatial, frame.width)).collect::<Vec<_>>(), [(Half, 160)]);
}
