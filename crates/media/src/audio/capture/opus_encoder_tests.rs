use std::time::Duration;

use confab_testkit::room::noise;
use confab_testkit::speech::{self, Speaker};
use confab_wire::media::AudioPacket;

use super::*;
use crate::audio::dsp::level::rms;
use crate::audio::playout::peer::PeerPlayout;
use crate::format::BLOCK;

const SECOND: usize = AUDIO_CLOCK_HZ as usize;

/// The packets that are sent of a sound, with their times in samples.
fn send(encoder: &mut OpusEncoder, sound: &[f32]) -> Vec<AudioPacket> {
    let mut packets = Vec::new();
    for (n, frame) in sound.as_chunks::<FRAME>().0.iter().enumerate() {
        if let Some(data) = encoder.encode_with_dtx(frame).expect("encodes") {
            let (timestamp, sequence) = ((n * FRAME) as u32, packets.len() as u16);
            packets.push(AudioPacket { data, timestamp, sequence, level: None });
        }
    }
    packets
}

fn bytes(packets: &[AudioPacket]) -> usize {
    packets.iter().map(|packet| packet.data.len()).sum()
}

/// Plays packets that arrive when they were made. The sound and the player.
fn play(packets: &[AudioPacket], seconds: usize) -> (Vec<f32>, PeerPlayout) {
    let (mut player, mut heard) = (PeerPlayout::default(), Vec::new());
    let mut waiting = packets.iter().peekable();
    for block in 0..seconds * 100 {
        let now = Duration::from_millis(block as u64 * 10);
        while let Some(packet) = waiting.next_if(|packet| packet.timestamp as usize <= block * BLOCK) {
            player.push(packet.clone(), now);
        }
        let mut out = [0.0; BLOCK];
        player.pull(now, &mut out);
        heard.extend(out);
    }
    (heard, player)
}

/// Decodes packets; of those that are lost, what the redundancy in the next one tells.
fn decode(packets: &[AudioPacket], lost: impl Fn(usize) -> bool) -> Vec<[f32; FRAME]> {
    let mut decoder = opus::Decoder::new(AUDIO_CLOCK_HZ, opus::Channels::Mono).expect("a decoder");
    let mut frame = |n: usize| {
        let (packet, redundancy) = if lost(n) { (&packets[n + 1], true) } else { (&packets[n], false) };
        let mut out = [0.0; FRAME];
        decoder.decode_float(&packet.data, &mut out, redundancy).expect("Opus");
        out
    };
    (0..packets.len() - 1).map(&mut frame).collect()
}

/// Three seconds of speech, six of the faint noise that suppression leaves, and three of speech.
fn speech_with_a_pause() -> Vec<f32> {
    let mut sound = noise(12 * SECOND, -75.0);
    let speech = speech::samples(Speaker::Ann, 6.0).expect("espeak-ng and sox");
    for (n, sample) in speech.into_iter().enumerate() {
        sound[if n < 3 * SECOND { n } else { n + 6 * SECOND }] += sample;
    }
    sound
}

#[test]
fn a_pause_costs_almost_nothing_and_is_no_loss() {
    let mut encoder = OpusEncoder::for_speech().expect("an encoder");
    encoder.set_dtx(true).expect("pauses");
    let sound = speech_with_a_pause();
    let packets = send(&mut encoder, &sound);
    let during = |from: usize, to: usize| {
        let inside = |packet: &&AudioPacket| (from * SECOND..to * SECOND).contains(&(packet.timestamp as usize));
        packets.iter().filter(inside).cloned().collect::<Vec<_>>()
    };
    let (speech, pause) = (during(0, 3), during(4, 9));
    assert!(speech.len() > 120, "{} packets of 3 s of speech", speech.len());
    assert!(pause.len() <= 5 * 8, "{} packets in 5 s without a word", pause.len());
    assert!(bytes(&pause) * 8 / 5 < 1_500, "{} bit/s", bytes(&pause) * 8 / 5);
    let (heard, player) = play(&packets, 12);
    let stats = player.stats();
    assert_eq!((stats.concealed, stats.recovered), (0, 0), "{stats:?}");
    let (quiet, loud) = (rms(&heard[5 * SECOND..8 * SECOND]), rms(&heard[SECOND..2 * SECOND]));
    assert!(quiet < 0.001 && loud > 0.01, "{quiet} {loud}");
    let again = rms(&heard[10 * SECOND..11 * SECOND]) / rms(&sound[10 * SECOND..11 * SECOND]);
    assert!((0.7..1.3).contains(&again), "speech goes on: {again}");
}

#[test]
fn a_loss_within_a_pause_is_still_a_loss_and_after_a_mute_all_begins_anew() {
    let mut encoder = OpusEncoder::for_speech().expect("an encoder");
    encoder.set_dtx(true).expect("pauses");
    send(&mut encoder, &speech_with_a_pause()[..6 * SECOND]);
    assert!(encoder.pausing);
    encoder.reset();
    assert!(!encoder.pausing, "the next packet is sent, whatever it is");
    assert!(encoder.encode_with_dtx(&[0.0; FRAME]).expect("encodes").is_some());
}

#[test]
fn redundancy_follows_the_loss_and_mends_it() {
    let speech = speech::samples(Speaker::Ben, 10.0).expect("espeak-ng and sox");
    let lost = |n: usize| n % 10 == 8;
    let mut encoder = OpusEncoder::for_speech().expect("an encoder");
    // How far what stands for lost packets is from what was lost, as a share of its power.
    let mut error = |loss: u8| {
        encoder.reset();
        encoder.set_expected_loss(loss).expect("redundancy");
        let packets = send(&mut encoder, &speech);
        let (whole, mended) = (decode(&packets, |_| false), decode(&packets, lost));
        let pairs = whole.iter().zip(&mended).enumerate().filter(|(n, _)| lost(*n));
        let (power, error) = pairs.fold((0.0, 0.0), |(power, error), (_, (whole, mended))| {
            let difference: [f32; FRAME] = std::array::from_fn(|n| whole[n] - mended[n]);
            (power + rms(whole).powi(2), error + rms(&difference).powi(2))
        });
        error / power
    };
    let (without, with, switched_off) = (error(0), error(10), error(0));
    assert!(with < without / 2.0, "{with} with redundancy, {without} without");
    assert!(switched_off > with * 2.0, "no bits for redundancy where nothing is lost: {switched_off}");
}
