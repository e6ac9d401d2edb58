use super::*;
use crate::audio::capture::opus_encoder::OpusEncoder;
use crate::audio::dsp::level::{rms, tone_amplitude};
use crate::format::FRAME;

/// Opus packets of a sine, amplitude 0.25.
fn tone(hz: f32, packets: u32) -> Vec<AudioPacket> {
    let step = hz * std::f32::consts::TAU / 48_000.0;
    encode(packets, |sample| (sample as f32 * step).sin() * 0.25)
}

/// Opus packets of a vowel: a pitch of 130 Hz that sways, with falling overtones. What Opus was made to conceal.
fn vowel(packets: u32) -> Vec<AudioPacket> {
    encode(packets, |sample| {
        let time = sample as f32 / 48_000.0;
        let phase = std::f32::consts::TAU * 130.0 * (time + 0.002 * (time * 12.0).sin() / 12.0);
        (1..=16).map(|k| (phase * k as f32).sin() / k as f32).sum::<f32>() * 0.15
    })
}

fn encode(packets: u32, sound: impl Fn(usize) -> f32) -> Vec<AudioPacket> {
    encode_with(OpusEncoder::for_speech().expect("an encoder"), packets, sound)
}

fn encode_with(mut encoder: OpusEncoder, packets: u32, sound: impl Fn(usize) -> f32) -> Vec<AudioPacket> {
    encoder.set_expected_loss(10).expect("redundancy");
    (0..packets)
        .map(|i| {
            let frame: [f32; FRAME] = std::array::from_fn(|s| sound(i as usize * FRAME + s));
            let data = encoder.encode(&frame).expect("encodes");
            AudioPacket { data, timestamp: i * FRAME as u32, sequence: i as u16, level: None }
        })
        .collect()
}

/// Plays packets that arrive at given milliseconds.
fn play(arrivals: &[(u64, AudioPacket)], blocks: u64) -> (Vec<f32>, PeerPlayout) {
    let mut arrivals: Vec<_> = arrivals.to_vec();
    arrivals.sort_by_key(|(when, _)| *when);
    let mut arrivals = arrivals.into_iter().peekable();
    let (mut player, mut out, mut block) = (PeerPlayout::default(), Vec::new(), [0.0; BLOCK]);
    for tick in 0..blocks {
        while let Some((when, packet)) = arrivals.next_if(|(when, _)| *when <= tick * 10) {
            player.push(packet, Duration::from_millis(when));
        }
        player.pull(Duration::from_millis(tick * 10), &mut block);
        out.extend_from_slice(&block);
    }
    (out, player)
}

fn regular(packets: Vec<AudioPacket>) -> Vec<(u64, AudioPacket)> {
    packets.into_iter().enumerate().map(|(i, packet)| (i as u64 * 20, packet)).collect()
}

/// Share of 10 ms blocks that are nearly silent.
fn silent_share(sound: &[f32]) -> f32 {
    let silent = sound.chunks_exact(BLOCK).filter(|block| rms(block) < 0.02).count();
    silent as f32 / (sound.len() / BLOCK) as f32
}

fn noise(state: &mut u32) -> u32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *state >> 16
}

#[test]
fn a_tone_keeps_frequency_and_level() {
    let (sound, player) = play(&regular(tone(440.0, 150)), 300);
    let middle = &sound[48_000..96_000];
    let amplitude = tone_amplitude(middle, 440.0, 48_000);
    assert!((0.22..0.28).contains(&amplitude), "amplitude {amplitude}");
    assert!((0.16..0.20).contains(&rms(middle)), "level {}", rms(middle));
    assert_eq!(player.stats().concealed, 0);
}

#[test]
fn a_lost_packet_of_music_is_bridged_without_a_click() {
    let step = 440.0 * std::f32::consts::TAU / 48_000.0;
    let music = encode_with(OpusEncoder::for_music().expect("an encoder"), 100, |i| (i as f32 * step).sin() * 0.25);
    // After the 50th is missed, the next one comes when half of it is invented.
    let mut arrivals = regular(music);
    arrivals.remove(50);
    arrivals[50].0 += 5;
    let (sound, player) = play(&arrivals, 190);
    assert_eq!((player.stats().concealed, player.stats().recovered), (2, 0), "there is nothing to recover it from");
    let largest = sound[9_600..].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    assert!(largest < 0.02, "a step of {largest} where the tone makes 0.0144");
}

#[test]
fn odd_timestamps_make_no_sound_of_their_own() {
    // A sender whose packets say 20 ms and whose timestamps say a sample more.
    let mut packets = tone(440.0, 150);
    packets.iter_mut().enumerate().for_each(|(i, packet)| packet.timestamp += i as u32);
    let (_, player) = play(&regular(packets), 300);
    assert!(player.ready.len() < 2 * FRAME && player.stats().skipped == 0, "{:?}", player.stats());
}

#[test]
fn five_percent_loss_leaves_no_silence() {
    let mut state = 3;
    let mut arrivals = regular(vowel(500));
    arrivals.retain(|_| noise(&mut state) % 100 >= 5);
    let (sound, player) = play(&arrivals, 990);
    assert!(arrivals.len() < 490);
    assert!(player.stats().recovered + player.stats().concealed > 20, "{:?}", player.stats());
    let quietest = sound[9_600..].chunks_exact(BLOCK).map(rms).fold(1.0, f32::min);
    assert!(quietest > 0.25 * rms(&sound[9_600..]), "quietest block {quietest} of {}", rms(&sound[9_600..]));
}

#[test]
fn jitter_of_sixty_milliseconds_is_smoothed_out() {
    let mut state = 5;
    let packets = tone(300.0, 800);
    let arrivals: Vec<_> =
        regular(packets).into_iter().map(|(when, packet)| (when + u64::from(noise(&mut state) % 60), packet)).collect();
    let (sound, player) = play(&arrivals, 1590);
    assert!((40..=90).contains(&player.jitter.target().as_millis()), "{:?}", player.jitter.target());
    let settled = &sound[5 * 48_000..];
    assert!(silent_share(settled) < 0.01, "{} silent, {:?}", silent_share(settled), player.stats());
    let amplitude = tone_amplitude(&settled[..4_800], 300.0, 48_000);
    assert!(amplitude > 0.2, "{amplitude}");
}

#[test]
fn delay_built_up_by_a_stall_is_worked_off() {
    let packets = tone(200.0, 600);
    let arrivals: Vec<_> = regular(packets)
        .into_iter()
        .map(|(when, packet)| if (2000..2300).contains(&when) { (2300, packet) } else { (when, packet) })
        .collect();
    let (_, mut player) = play(&arrivals, 1195);
    let now = Duration::from_millis(11_950);
    let undelivered = player.ready.len();
    player.since_stretch = 0;
    let (delay, _) = player.jitter.delay(now, undelivered).expect("plays");
    assert!(delay < 48 * 120, "{} ms of delay left ten seconds after a stall of 300 ms", delay / 48);
}

#[test]
fn sound_that_was_not_played_for_a_second_is_skipped() {
    let mut player = PeerPlayout::default();
    let mut block = [0.0; BLOCK];
    for (when, packet) in regular(vowel(150)) {
        let now = Duration::from_millis(when);
        player.push(packet, now);
        // The speaker stood still from 1 s to 2 s.
        if !(1000..2000).contains(&when) {
            player.pull(now, &mut block);
            player.pull(now + Duration::from_millis(10), &mut block);
        }
    }
    assert!(player.stats().skipped > 30, "{:?}", player.stats());
    let undelivered = player.ready.len();
    let (delay, _) = player.jitter.delay(Duration::from_millis(2990), undelivered).expect("plays");
    assert!(delay < 48 * 200, "{} ms of delay", delay / 48);
}

#[test]
fn a_peer_that_stops_falls_silent_without_a_click() {
    let (sound, _) = play(&regular(tone(440.0, 50)), 250);
    assert!(rms(&sound[30_000..40_000]) > 0.1);
    let after = &sound[48_000 + 48_000 / 5..];
    assert_eq!(after.iter().fold(0.0f32, |peak, v| peak.max(v.abs())), 0.0, "silence is silent");
    // 440 Hz at 0.25 moves by .0144 a sample; a click would be several times that.
    let step = sound[24_000..].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    assert!(step < 0.05, "a step of {step}");
}

#[test]
fn damaged_packets_are_concealed() {
    let mut state = 9;
    let packets: Vec<_> = tone(440.0, 100)
        .into_iter()
        .enumerate()
        .map(|(i, mut packet)| {
            if i % 10 == 9 {
                let rubbish: Vec<u8> = (0..40).map(|_| noise(&mut state) as u8).collect();
                packet.data = [&packet.data[..1], &rubbish].concat().into();
            }
            packet
        })
        .collect();
    let (sound, _) = play(&regular(packets), 190);
    assert!(sound.iter().all(|sample| sample.is_finite()));
}
