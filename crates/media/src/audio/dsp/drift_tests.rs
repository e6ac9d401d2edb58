use super::*;
use crate::audio::capture::opus_encoder::OpusEncoder;
use crate::audio::dsp::level::tone_amplitude;
use crate::audio::playout::peer::PeerPlayout;
use crate::format::FRAME;
use confab_wire::media::AudioPacket;
use std::time::Duration;

/// Samples of a tenth of a second.
const TENTH: usize = 4_800;
const MINUTES: u64 = 10;
/// How far the speaker's clock is from the sender's, in parts per million: what cheap sound cards have between them at most.
const PPM: i64 = 200;

/// Opus packets of ten minutes of `sound`.
fn packets(sound: impl Fn(usize) -> f32) -> Vec<AudioPacket> {
    let mut encoder = OpusEncoder::for_speech().expect("an encoder");
    let packet = |index: u64| {
        let frame: [f32; FRAME] = std::array::from_fn(|sample| sound(index as usize * FRAME + sample));
        let data = encoder.encode(&frame).expect("it encodes");
        AudioPacket { data, timestamp: index as u32 * FRAME as u32, sequence: index as u16, level: None }
    };
    (0..MINUTES * 60 * 50).map(packet).collect()
}

/// What was heard by a speaker whose clock is faster than the sender's by `ppm`.
struct Heard {
    player: PeerPlayout,
    /// Largest step between two samples, after the first tenth.
    step: f32,
    /// Smallest amplitude of the tone in any tenth of a second, after the second one.
    quietest: f32,
    /// Smallest and largest distance of the delay from its target after the first minute, in samples.
    excess: (i64, i64),
}

fn hear(packets: &[AudioPacket], ppm: i64, hz: f32) -> Heard {
    let mut heard = Heard { player: PeerPlayout::default(), step: 0.0, quietest: 1.0, excess: (i64::MAX, i64::MIN) };
    let (mut block, mut last, mut tenth) = ([0.0; BLOCK], 0.0f32, Vec::with_capacity(TENTH));
    let mut arrivals = packets.iter().enumerate();
    let mut next = arrivals.next();
    for tick in 0.. {
        // In the sender's time.
        let now = Duration::from_nanos((10_000_000 * tick as i64 * (1_000_000 - ppm) / 1_000_000) as u64);
        while let Some((index, packet)) = next.filter(|(index, _)| Duration::from_millis(20 * *index as u64) <= now) {
            heard.player.push(packet.clone(), Duration::from_millis(20 * index as u64));
            next = arrivals.next();
        }
        if next.is_none() {
            return heard;
        }
        if now > Duration::from_secs(60) {
            let (least, most) = heard.excess;
            let excess = heard.player.excess(now).expect("it plays");
            heard.excess = (least.min(excess), most.max(excess));
        }
        heard.player.pull(now, &mut block);
        tenth.extend_from_slice(&block);
        if now > Duration::from_secs(1) {
            let step = block.iter().fold((0.0f32, last), |(most, last), now| (most.max((now - last).abs()), *now)).0;
            heard.step = heard.step.max(step);
        }
        last = block[BLOCK - 1];
        if tenth.len() == TENTH {
            if now > Duration::from_secs(2) {
                heard.quietest = heard.quietest.min(tone_amplitude(&tenth, hz, 48_000));
            }
            tenth.clear();
        }
    }
    heard
}

#[test]
fn ten_minutes_of_clocks_that_differ_are_heard_without_a_click() {
    let hz = 440.0;
    let phase = hz * std::f32::consts::TAU / 48_000.0;
    let packets = packets(|sample| ((sample % 1_200) as f32 * phase).sin() * 0.25);
    let equal = hear(&packets, 0, hz);
    for ppm in [PPM, -PPM] {
        let heard = hear(&packets, ppm, hz);
        let stats = heard.player.stats();
        let disturbed = stats.concealed + stats.recovered + stats.late + stats.skipped + stats.spliced;
        assert_eq!((disturbed, stats.starts), (0, 1), "{ppm} ppm: {stats:?}");
        // What the codec makes of the sine is the same either way; 1 % is room for the sample that is faded out or in.
        assert!(heard.step < equal.step * 1.01, "{ppm} ppm: a step of {}, without drift {}", heard.step, equal.step);
        assert!(heard.quietest > 0.24, "{ppm} ppm: an amplitude of {}", heard.quietest);
        // 2 ms of the correction, and 1 ms because blocks are whole and the delay is compared with eight seconds ago.
        let (least, most) = heard.excess;
        assert!(least > -48 * 4 && most < 48 * 4, "{ppm} ppm: delay {least} to {most} samples from the target");
    }
}

#[test]
fn the_last_of_many_blocks_at_once_has_enough() {
    let mut control = DriftCompensator::default();
    for _ in 0..WINDOW / 4 {
        for excess in [900, 420, -60, -540] {
            control.measure(Some(excess));
        }
    }
    assert_eq!(control.steady(), Some(-540));
    control.shift(600);
    assert_eq!(control.steady(), Some(60));
    control.measure(None);
    assert_eq!((control.least(), control.steady()), (None, None));
}
