//! Speech through the room between speaker and microphone, block by block without a clock.

use std::time::Duration;

use confab_testkit::intelligibility::stoi;
use confab_testkit::room::{Room, noise};
use confab_testkit::sound::Sound;
use confab_testkit::speech::{self, Speaker};
use confab_wire::media::AUDIO_CLOCK_HZ;

use super::*;

const SECOND: usize = AUDIO_CLOCK_HZ as usize;
/// Time after which the canceller has to know the room.
const LEARNT: usize = 6 * SECOND;

const OFF: Processing = Processing { echo_cancellation: false, noise_suppression: false, gain_control: false };
const ECHO: Processing = Processing { echo_cancellation: true, ..OFF };
const NOISE: Processing = Processing { noise_suppression: true, ..OFF };
const GAIN: Processing = Processing { gain_control: true, ..OFF };

/// A living room around a laptop that is turned up.
fn room(delay_ms: u64) -> Room {
    Room::new(Duration::from_millis(delay_ms), Duration::from_millis(300), 12.0)
}

fn say(speaker: Speaker, seconds: f32) -> Vec<f32> {
    speech::samples(speaker, seconds).expect("espeak-ng and sox")
}

fn add(one: &[f32], other: &[f32]) -> Vec<f32> {
    one.iter().zip(other).map(|(a, b)| a + b).collect()
}

fn power(sound: &[f32]) -> f32 {
    sound.iter().map(|v| v * v).sum::<f32>() / sound.len().max(1) as f32
}

/// A ratio of powers in dB.
fn db(ratio: f32) -> f32 {
    10.0 * ratio.log10()
}

/// Echo return loss enhancement in dB (ITU-T G.168).
fn erle(echo: &[f32], sent: &[f32]) -> f32 {
    db(power(echo) / power(sent))
}

/// How much of `voice` is in `sent`, in dB: the projection of the one on the other, so that nothing else that is in there
/// (an echo that is left) makes up for what is lost.
fn kept(voice: &[f32], sent: &[f32]) -> f32 {
    let product: f32 = voice.iter().zip(sent).map(|(a, b)| a * b).sum();
    2.0 * db(product / voice.iter().map(|v| v * v).sum::<f32>())
}

/// A microphone under processing, with the speaker beside it.
struct Bench {
    processor: AudioProcessor,
    speaker: FarEndWriter,
    far_end: FarEnd,
    switch: watch::Sender<Processing>,
}

impl Bench {
    fn new(on: Processing) -> Self {
        let switch = watch::Sender::new(on);
        let far_end = FarEnd::default();
        let speaker = far_end.writer();
        let processor =
            AudioProcessor::new(MicrophoneProcessing { processing: switch.subscribe(), far_end: far_end.clone() });
        Self { processor, speaker, far_end, switch }
    }

    /// What is sent while `far` is played and `mic` is heard.
    fn run(&mut self, far: &[f32], mic: &[f32]) -> Vec<f32> {
        let mut sent = mic.to_vec();
        let blocks = sent.as_chunks_mut::<BLOCK>().0.iter_mut().zip(far.as_chunks::<BLOCK>().0);
        for (mic, far) in blocks {
            self.speaker.write(far);
            self.processor.process(mic).expect("a block is processed");
        }
        sent
    }
}

#[test]
fn the_echo_of_a_voice_is_cancelled_whenever_it_comes() {
    let far = say(Speaker::Ann, 12.0);
    for delay in [40, 120, 250] {
        let echo = room(delay).echo(&far);
        let sent = Bench::new(ECHO).run(&far, &echo);
        let erle = erle(&echo[LEARNT..], &sent[LEARNT..]);
        assert!(erle >= 30.0, "{delay} ms: {erle:.1} dB");
    }
}

#[test]
fn several_people_talking_at_once_are_cancelled_too() {
    let two = add(&say(Speaker::Ann, 12.0), &say(Speaker::Ben, 12.0));
    let three = add(&two, &say(Speaker::Eve, 12.0));
    // Three voices leave no pause in which the end of a room's echo is heard alone. What the canceller leaves of it is even
    // enough to be suppressed as noise.
    for (far, on) in [(two, ECHO), (three, Processing { noise_suppression: true, ..ECHO })] {
        let echo = room(60).echo(&far);
        let sent = Bench::new(on).run(&far, &echo);
        let erle = erle(&echo[LEARNT..], &sent[LEARNT..]);
        assert!(erle >= 30.0, "{on:?}: {erle:.1} dB");
    }
}

#[test]
fn a_voice_gets_through_while_others_talk() {
    let (far, mut near) = (say(Speaker::Ann, 24.0), say(Speaker::Ben, 24.0));
    near[..LEARNT].fill(0.0);
    // Digital silence is nowhere: the canceller tells a voice from an echo by what is over the noise of the microphone.
    let hiss = noise(far.len(), -65.0);
    // What is sent when only the near voice speaks.
    let alone = Bench::new(ECHO).run(&vec![0.0; far.len()], &near);
    for delay in [40, 250] {
        let echo = room(delay).echo(&far);
        let mic = add(&add(&echo, &near), &hiss);
        let sent = Bench::new(ECHO).run(&far, &mic);
        let kept = kept(&alone[LEARNT..], &sent[LEARNT..]);
        println!(
            "{delay} ms: {kept:.1} dB of the voice; it is {:.1} dB over the echo",
            db(power(&near[LEARNT..]) / power(&echo[LEARNT..]))
        );
        assert!(kept >= -3.0, "{delay} ms: {kept:.1} dB of the voice");
    }
}

#[test]
fn a_voice_gets_through_where_there_is_no_echo() {
    let (far, mut near) = (say(Speaker::Ann, 18.0), say(Speaker::Ben, 18.0));
    // Somebody with headphones listens first.
    near[..LEARNT].fill(0.0);
    let mic = add(&near, &noise(far.len(), -65.0));
    let sent = Bench::new(ECHO).run(&far, &mic);
    let heard = |sound: &[f32]| Sound { samples: sound[LEARNT..].to_vec(), rate: AUDIO_CLOCK_HZ };
    let score = stoi(&heard(&near), &heard(&sent));
    assert!(score > Some(0.95), "{score:?} of what is said is understood");
}

#[test]
fn another_way_of_the_echo_is_learnt() {
    let far = say(Speaker::Eve, 16.0);
    let change = LEARNT;
    for (replaced, from, to) in [(true, 40, 250), (true, 250, 40), (false, 40, 120)] {
        let echo = [&room(from).echo(&far)[..change], &room(to).echo(&far)[change..]].concat();
        let mut bench = Bench::new(ECHO);
        let mut sent = bench.run(&far[..change], &echo[..change]);
        if replaced {
            bench.speaker = bench.far_end.writer();
        }
        sent.extend(bench.run(&far[change..], &echo[change..]));
        let after = change + 4 * SECOND;
        let erle = erle(&echo[after..], &sent[after..]);
        assert!(erle >= 30.0, "{from} to {to} ms: {erle:.1} dB");
    }
}

#[test]
fn without_a_far_end_a_voice_is_left_as_it_is() {
    let near = say(Speaker::Ben, 8.0);
    let switch = watch::Sender::new(ECHO);
    let voice = MicrophoneProcessing { processing: switch.subscribe(), far_end: FarEnd::default() };
    let mut sent = near.clone();
    AudioProcessor::new(voice).process(&mut sent).expect("processed");
    let change = db(power(&sent) / power(&near));
    assert!(change.abs() < 1.0, "{change:.1} dB");
}

#[test]
fn echo_cancellation_is_switched_off_and_on() {
    let far = say(Speaker::Ann, 16.0);
    let echo = room(40).echo(&far);
    let (off, on) = (LEARNT, LEARNT + 2 * SECOND);
    let mut bench = Bench::new(ECHO);
    bench.run(&far[..off], &echo[..off]);
    bench.switch.send_replace(OFF);
    let sent = bench.run(&far[off..on], &echo[off..on]);
    assert_eq!(sent[2 * BLOCK..], echo[off + 2 * BLOCK..on], "it passes as it is");
    bench.switch.send_replace(ECHO);
    let sent = bench.run(&far[on..], &echo[on..]);
    let erle = erle(&echo[on + 4 * SECOND..], &sent[4 * SECOND..]);
    assert!(erle >= 30.0, "{erle:.1} dB");
}

#[test]
fn what_is_learnt_of_the_room_survives_the_switching_of_other_parts() {
    let far = say(Speaker::Ann, 12.0);
    let echo = room(120).echo(&far);
    let mut bench = Bench::new(Processing::default());
    bench.run(&far[..LEARNT], &echo[..LEARNT]);
    bench.switch.send_replace(ECHO);
    // The first 20 ms go from one to the other.
    let from = LEARNT + 2 * BLOCK;
    bench.run(&far[LEARNT..from], &echo[LEARNT..from]);
    let sent = bench.run(&far[from..], &echo[from..]);
    let erle = erle(&echo[from..from + SECOND], &sent[..SECOND]);
    assert!(erle >= 30.0, "{erle:.1} dB");
}

#[test]
fn noise_is_suppressed_while_it_is_to_be() {
    let hiss = noise(6 * SECOND, -50.0);
    let mut bench = Bench::new(NOISE);
    let sent = bench.run(&hiss, &hiss);
    let left = db(power(&sent[3 * SECOND..]) / power(&hiss));
    assert!(left < -12.0, "{left:.1} dB");
    bench.switch.send_replace(OFF);
    let sent = bench.run(&hiss, &hiss);
    assert_eq!(sent[2 * BLOCK..], hiss[2 * BLOCK..], "it passes as it is");
}

#[test]
fn voices_near_and_far_from_the_microphone_become_equally_loud() {
    let voice = say(Speaker::Ann, 10.0);
    let loudness = |gain: f32| {
        let voice: Vec<f32> = voice.iter().map(|sample| sample * gain).collect();
        let sent = Bench::new(GAIN).run(&voice, &voice);
        let peak = sent.iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
        assert!(peak <= 1.0, "{peak}");
        db(power(&sent[LEARNT..]))
    };
    let (near, far) = (loudness(2.0), loudness(0.1));
    assert!((near - far).abs() < 4.0, "26 dB apart, {near:.1} and {far:.1} dBFS as sent");
    let mut bench = Bench::new(GAIN);
    bench.run(&voice, &voice);
    bench.switch.send_replace(OFF);
    let sent = bench.run(&voice, &voice);
    assert_eq!(sent[2 * BLOCK..], voice[2 * BLOCK..], "it passes as it is");
}

#[test]
fn a_switch_is_not_heard() {
    let tone: Vec<f32> =
        (0..SECOND).map(|n| (n as f32 * 440.0 * std::f32::consts::TAU / SECOND as f32).sin() * 0.2).collect();
    let step = |sound: &[f32]| sound.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    for part in [ECHO, NOISE] {
        let mut bench = Bench::new(OFF);
        let silence = vec![0.0; SECOND];
        let mut sent = bench.run(&silence, &tone);
        for on in [part, OFF] {
            bench.switch.send_replace(on);
            sent.extend(bench.run(&silence, &tone));
        }
        assert_eq!(sent.len(), 3 * SECOND);
        assert!(step(&sent) < 1.2 * step(&tone), "{part:?}: {} after {}", step(&sent), step(&tone));
    }
}
