//! What is heard of real speech that real packets carry over a bad network, in virtual time.

use crate::audio::capture::opus_encoder::OpusEncoder;
use crate::audio::playout::peer::PeerPlayout;
use crate::format::BLOCK;
use crate::format::FRAME;
use confab_testkit::score::{HeardSecond, compare, quantile};
use confab_testkit::speech::{self, Speaker};
use confab_wire::media::AudioPacket;
use std::time::Duration;

/// Long enough for "in 99 % of seconds": the sentences of two minutes.
const SECONDS: f32 = 120.0;
/// The way of the fastest packet, in ms.
const WAY: f32 = 30.0;
/// Most that sound may be late, in ms: the way, the largest target, and what stretching still has to make good.
const MOST_DELAY: usize = 400;
/// Until the jitter buffer knows the network, as much as it remembers of it.
const LEARNING: usize = 8;

/// Random numbers that are the same in each run (Numerical Recipes' generator).
struct Chance(u32);

impl Chance {
    /// From 0 to 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }
}

/// Says two minutes over a network that answers for each packet how many ms it takes, or that it is lost. The sender knows how
/// many percent are.
fn hear(loss: u8, mut network: impl FnMut() -> Option<f32>) -> (Vec<HeardSecond>, PeerPlayout) {
    let said = speech::samples(Speaker::Ann, SECONDS).expect("espeak-ng and sox");
    let mut encoder = OpusEncoder::for_speech().expect("an encoder");
    encoder.set_expected_loss(loss).expect("redundancy");
    let mut arrivals = Vec::new();
    for (index, frame) in said.as_chunks::<FRAME>().0.iter().enumerate() {
        let data = encoder.encode(frame).expect("it encodes");
        let (timestamp, sequence) = ((index * FRAME) as u32, index as u16);
        // A packet leaves when its last sample was said.
        let leaves = (index + 1) as f32 * 20.0;
        if let Some(takes) = network() {
            let at = Duration::from_secs_f32((leaves + takes) / 1000.0);
            arrivals.push((at, AudioPacket { data, timestamp, sequence, level: None }));
        }
    }
    arrivals.sort_by_key(|(at, _)| *at);
    let (mut player, mut heard, mut block) = (PeerPlayout::default(), Vec::new(), [0.0; BLOCK]);
    let mut arrivals = arrivals.into_iter().peekable();
    for tick in 0..(said.len() / BLOCK) as u64 {
        let now = Duration::from_millis(tick * 10);
        while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= now) {
            player.push(packet, at);
        }
        player.pull(now, &mut block);
        heard.extend_from_slice(&block);
    }
    let mut seconds = compare(&said, &heard, MOST_DELAY);
    seconds.drain(..LEARNING);
    (seconds, player)
}

/// Share of the seconds with a gap of more than `ms`.
fn gaps(seconds: &[HeardSecond], ms: f32) -> f32 {
    seconds.iter().filter(|second| second.gap > ms).count() as f32 / seconds.len() as f32
}

/// Half of the seconds are at least so like what was said, and differ in level by at most so many dB.
fn assert_alike(seconds: &[HeardSecond], likeness: f32, decibels: f32) {
    let median = quantile(seconds.iter().map(|second| second.likeness), 0.5);
    let error = quantile(seconds.iter().map(|second| second.level.abs()), 0.5);
    assert!(median >= likeness && error <= decibels, "likeness {median}, level off by {error} dB");
}

#[test]
fn on_a_clean_line_speech_is_heard_as_it_is_said() {
    let (seconds, player) = hear(0, || Some(WAY));
    assert!(seconds.len() > 80, "{} seconds", seconds.len());
    // What Opus at 32 kbit/s leaves of the envelope.
    assert_alike(&seconds, 0.98, 0.5);
    assert_eq!(gaps(&seconds, 20.0), 0.0);
    // A packet, the way, the target of the jitter buffer, a block, and the codec's look-ahead of 6.5 ms.
    let delay = quantile(seconds.iter().map(|second| second.delay), 0.95);
    assert!(delay <= 20.0 + WAY + 20.0 + 10.0 + 7.0, "{delay} ms");
    let stats = player.stats();
    assert_eq!((stats.concealed, stats.spliced), (0, 0), "{stats:?}");
}

#[test]
fn five_percent_of_random_loss_leaves_no_gap_over_60_ms_in_99_percent_of_seconds() {
    let mut chance = Chance(7);
    let (seconds, player) = hear(5, || {
        let way = WAY + 5.0 * chance.next();
        (chance.next() >= 0.05).then_some(way)
    });
    let share = gaps(&seconds, 60.0);
    assert!(share <= 0.01, "{share} of the seconds have a gap, {:?}", player.stats());
    assert_alike(&seconds, 0.97, 1.0);
    // All but those that were lost together, or in a pause, come back from redundancy, if not whole.
    let (stats, sent) = (player.stats(), (SECONDS * 50.0) as u64);
    assert!(stats.recovered * 10 > (sent - stats.received) * 8, "{stats:?}");
    // A packet, the way, its jitter, the packet that mends and half a block, a block, and the codec.
    let delay = quantile(seconds.iter().map(|second| second.delay), 0.95);
    assert!(delay <= 20.0 + WAY + 5.0 + 25.0 + 10.0 + 7.0, "{delay} ms");
}

#[test]
fn bursts_of_loss_are_bridged_as_far_as_there_is_something_to_bridge_with() {
    // Five packets in a row, 100 ms, every two seconds or so.
    let (mut chance, mut left) = (Chance(11), 0);
    let (seconds, player) = hear(5, || {
        if left == 0 && chance.next() < 0.01 {
            left = 5;
        }
        let lost = left > 0;
        left -= u32::from(lost);
        (!lost).then_some(WAY)
    });
    // Opus fades what it invents, so that a burst that hits a vowel is heard as a gap; half of its last packet comes back.
    let longest = quantile(seconds.iter().map(|second| second.gap), 1.0);
    assert!(longest <= 90.0, "{longest} ms, {:?}", player.stats());
    assert_alike(&seconds, 0.93, 1.0);
}

#[test]
fn jitter_costs_delay_but_neither_words_nor_level() {
    let mut chance = Chance(3);
    let (seconds, player) = hear(0, || Some(WAY + 60.0 * chance.next()));
    let share = gaps(&seconds, 60.0);
    assert!(share <= 0.01, "{share} of the seconds have a gap, {:?}", player.stats());
    assert_alike(&seconds, 0.95, 1.0);
    // 60 ms more than on a clean line, and half a packet, since 2 % of the packets may be late.
    let delay = quantile(seconds.iter().map(|second| second.delay), 0.95);
    assert!(delay <= 20.0 + WAY + 60.0 + 20.0 + 10.0 + 10.0 + 7.0, "{delay} ms");
}
