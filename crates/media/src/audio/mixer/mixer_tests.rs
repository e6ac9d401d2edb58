use super::*;
use crate::audio::capture::opus_encoder::OpusEncoder;
use crate::audio::dsp::level::{rms, tone_amplitude};
use crate::audio::mixer::shared::PACKET_QUEUE;
use crate::clock;
use crate::format::FRAME;
use confab_wire::media::AudioPacket;

/// Feeds peers with tones for `seconds` and returns the mix.
fn run(peers: &[(&PeerAudio, f32, f32)], mixer: &mut Mixer, seconds: u32) -> Vec<f32> {
    let mut encoders: Vec<_> = peers.iter().map(|_| OpusEncoder::for_speech().expect("an encoder")).collect();
    let (mut sound, mut block) = (Vec::new(), [0.0; BLOCK]);
    for i in 0..seconds * 50 {
        for ((peer, hz, amplitude), encoder) in peers.iter().zip(&mut encoders) {
            let step = hz * std::f32::consts::TAU / 48_000.0;
            let frame: [f32; FRAME] =
                std::array::from_fn(|s| ((i as usize * FRAME + s) as f32 * step).sin() * amplitude);
            let data = encoder.encode(&frame).expect("encodes");
            let packet = AudioPacket { data, timestamp: i * FRAME as u32, sequence: i as u16, level: None };
            peer.push_at(packet, Duration::from_millis(u64::from(i * 20)));
        }
        for half in 0..2 {
            mixer.mix(Duration::from_millis(u64::from(i * 20 + half * 10)), &mut block);
            sound.extend_from_slice(&block);
        }
    }
    sound
}

#[test]
fn two_peers_are_heard_together_and_each_has_a_level() {
    let joining = JoinQueue::default();
    let mut mixer = Mixer::new(joining.clone());
    let (a, b) = (joining.add(), joining.add());
    let sound = run(&[(&a, 440.0, 0.25), (&b, 1000.0, 0.25)], &mut mixer, 2);
    let later = &sound[48_000..];
    for hz in [440.0, 1000.0] {
        let amplitude = tone_amplitude(later, hz, 48_000);
        assert!((0.2..0.3).contains(&amplitude), "{hz} Hz: {amplitude}");
    }
    for peer in [&a, &b] {
        assert!((0.15..0.2).contains(&peer.level()), "level {}", peer.level());
        assert_eq!(peer.stats().received, 100);
    }
}

#[test]
fn gain_scales_and_a_dropped_peer_leaves() {
    let joining = JoinQueue::default();
    let mut mixer = Mixer::new(joining.clone());
    let (a, b) = (joining.add(), joining.add());
    a.set_gain(0.0);
    b.set_gain(2.0);
    let sound = run(&[(&a, 440.0, 0.25), (&b, 1000.0, 0.25)], &mut mixer, 2);
    assert!(tone_amplitude(&sound[48_000..], 440.0, 48_000) < 0.01);
    assert!((0.4..0.6).contains(&tone_amplitude(&sound[48_000..], 1000.0, 48_000)));
    drop(a);
    drop(b);
    let mut block = [0.0; BLOCK];
    mixer.mix(Duration::from_secs(9), &mut block);
    assert!(mixer.peers.is_empty());
    b_is_quiet(&block);
}

fn b_is_quiet(block: &[f32; BLOCK]) {
    assert_eq!(rms(block), 0.0);
}

#[test]
fn many_loud_peers_stay_under_full_scale() {
    let joining = JoinQueue::default();
    let mut mixer = Mixer::new(joining.clone());
    let peers: Vec<_> = (0..6).map(|_| joining.add()).collect();
    let loud: Vec<_> = peers.iter().enumerate().map(|(i, peer)| (peer, 200.0 + 150.0 * i as f32, 0.8)).collect();
    let sound = run(&loud, &mut mixer, 2);
    let peak = sound.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
    assert!(peak <= 1.0, "peak {peak}");
    assert!(rms(&sound[48_000..]) > 0.2, "the limiter must not crush the mix");
}

#[test]
fn a_full_queue_drops_the_newest_and_counts_it() {
    let joining = JoinQueue::default();
    let peer = joining.add();
    for i in 0..(PACKET_QUEUE as u32 + 10) {
        peer.push(AudioPacket { data: vec![0xF8].into(), timestamp: i * 960, sequence: i as u16, level: None });
    }
    assert_eq!(peer.stats().refused, 10);
    peer.set_gain(f32::NAN);
    peer.set_gain(1e9);
    assert_eq!(peer.shared.gain.get(), MAX_GAIN);
}

#[test]
fn how_often_the_mix_looks_is_no_jitter_of_the_network() {
    let joining = JoinQueue::default();
    let mut mixer = Mixer::new(joining.clone());
    let peer = joining.add();
    let mut block = [0.0; BLOCK];
    for ms in 0..4_000u32 {
        // Every other packet takes 15 ms longer.
        for (i, takes) in [(ms.wrapping_sub(9), 0), (ms.wrapping_sub(24), 1)] {
            let (i, rest) = (i / 20, i % 20);
            if rest == 0 && i % 2 == takes && i < 200 {
                let packet = AudioPacket {
                    data: vec![0xF8, 0, 0].into(),
                    timestamp: i * FRAME as u32,
                    sequence: i as u16,
                    level: None,
                };
                peer.push_at(packet, Duration::from_millis(ms.into()));
            }
        }
        if ms % 10 == 0 {
            mixer.mix(Duration::from_millis(ms.into()), &mut block);
        }
    }
    let (due, at) = peer.due().expect("it plays");
    let waits = (clock::since_epoch(at).as_secs_f32() - 0.009) * 1000.0 - due as f32 / 48.0;
    assert!((24.0..=26.0).contains(&waits), "it waits {waits} ms for a jitter of 15 ms");
}
