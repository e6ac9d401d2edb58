use super::*;
use bytes::Bytes;

fn packet(index: u32) -> AudioPacket {
    // A 20 ms SILK packet (TOC 0x48: configuration 9, mono, one frame) of speech with redundancy; the rest is not looked at.
    let data = Bytes::from(vec![0x48, 0xC0, index as u8, (index >> 8) as u8]);
    AudioPacket { data, timestamp: index.wrapping_mul(960), sequence: index as u16, level: None }
}

fn at(ms: u64) -> Duration {
    Duration::from_millis(1000 + ms)
}

fn index(playout: &Operation) -> Option<u16> {
    match playout {
        Operation::Decode(data) => Some(u16::from_le_bytes([data[2], data[3]])),
        _ => None,
    }
}

fn length(playout: &Operation) -> i64 {
    match playout {
        Operation::Decode(_) => DEFAULT_SAMPLES,
        Operation::DecodeFec(_, length) | Operation::Conceal(length) | Operation::ComfortNoise(length) => {
            *length as i64
        }
        Operation::Silence => BLOCK as i64,
    }
}

/// Plays a stream whose packet `i` arrives at `arrival(i)` ms, by blocks of 10 ms; returns what was played.
fn play(count: u32, until: u64, arrival: impl Fn(u32) -> Option<u64>) -> (Vec<Operation>, JitterBuffer) {
    let mut buffer = JitterBuffer::default();
    let mut arrivals: Vec<_> = (0..count).filter_map(|i| Some((arrival(i)?, i))).collect();
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    let (mut out, mut ready) = (Vec::new(), 0);
    for ms in (0..until).step_by(10) {
        while let Some((when, i)) = arrivals.next_if(|(when, _)| *when <= ms) {
            buffer.insert(packet(i), at(when));
        }
        while ready < BLOCK as i64 {
            let playout = buffer.next(at(ms));
            ready += length(&playout);
            out.push(playout);
        }
        ready -= BLOCK as i64;
    }
    (out, buffer)
}

#[test]
fn a_clean_stream_plays_in_order_after_a_short_wait() {
    let (played, buffer) = play(50, 1040, |i| Some(u64::from(i) * 20));
    let indexes: Vec<_> = played.iter().filter_map(index).collect();
    assert_eq!(indexes, (0..50).collect::<Vec<_>>());
    let waited = played.iter().take_while(|p| **p == Operation::Silence).count();
    assert!(waited <= 2, "waited {waited} blocks");
    assert_eq!(buffer.target(), MIN_TARGET);
}

#[test]
fn reordered_packets_come_out_in_order_and_duplicates_once() {
    let mut buffer = JitterBuffer::default();
    for i in [0, 2, 1, 1, 3, 3, 0] {
        buffer.insert(packet(i), at(0));
    }
    let played: Vec<_> = (1..5).map(|i| buffer.next(at(20 * i))).filter_map(|p| index(&p)).collect();
    assert_eq!(played, [0, 1, 2, 3]);
    assert_eq!(buffer.stats().duplicate, 3);
}

#[test]
fn a_single_loss_is_recovered_from_the_next_packet_and_more_are_concealed() {
    // The second packet is late, so that there is a wait of three: redundancy needs the next packet in time.
    let arrival = |i: u32| u64::from(i) * 20 + if i == 1 { 60 } else { 0 };
    let (played, buffer) = play(60, 1400, |i| (![20, 40, 41, 42].contains(&i)).then(|| arrival(i).max(80)));
    assert_eq!(buffer.stats().recovered, 2, "one single loss and the last of three: {:?}", buffer.stats());
    assert!(buffer.stats().concealed >= 2);
    let indexes: Vec<_> = played.iter().filter_map(index).collect();
    assert_eq!(indexes.len(), 56);
    assert!(indexes.is_sorted());
    let recovered = played.iter().position(|p| matches!(p, Operation::DecodeFec(_, 960))).expect("a recovery");
    assert_eq!(index(&played[recovered + 1]), Some(21), "the packet that recovered is played next");
}

#[test]
fn what_comes_while_it_is_invented_is_still_used() {
    // Plays ten packets, 20 ms after they came; then the eleventh is missed.
    let begin = || {
        let mut buffer = JitterBuffer::default();
        (0..10).for_each(|i| buffer.insert(packet(i), at(20 * u64::from(i))));
        let played = (0..10).filter_map(|i| index(&buffer.next(at(20 + 20 * i)))).count();
        assert_eq!((played, buffer.next(at(220))), (10, Operation::Conceal(480)));
        buffer
    };
    // It was lost: the next one says its second half.
    let mut buffer = begin();
    buffer.insert(packet(11), at(225));
    assert!(matches!(buffer.next(at(230)), Operation::DecodeFec(_, 480)));
    assert_eq!(index(&buffer.next(at(240))), Some(11));
    // It was late: all of it is heard.
    let mut buffer = begin();
    buffer.insert(packet(10), at(225));
    assert_eq!(index(&buffer.next(at(230))), Some(10));
    assert_eq!((buffer.stats().late, buffer.stats().recovered), (0, 0));
}

#[test]
fn a_packet_longer_is_waited_where_many_are_lost_and_not_for_a_few() {
    let (_, buffer) = play(500, 10_000, |i| (i % 200 != 100).then(|| u64::from(i) * 20));
    assert_eq!(buffer.target(), MIN_TARGET, "one of 200 is lost");
    let (_, buffer) = play(500, 10_000, |i| (i % 25 != 10).then(|| u64::from(i) * 20));
    assert_eq!(buffer.target(), Duration::from_millis(25), "one of 25 is lost");
    let (_, buffer) = play(1_200, 24_000, |i| (i > 500 || i % 25 != 10).then(|| u64::from(i) * 20));
    assert_eq!(buffer.target(), MIN_TARGET, "none is lost any more");
    let (_, buffer) = play(500, 10_000, |i| (!(100..105).contains(&i)).then(|| u64::from(i) * 20));
    assert_eq!(buffer.target(), MIN_TARGET, "five are lost at once, of which one can be recoverable");
}

#[test]
fn the_longer_wait_does_not_come_and_go() {
    // Five in eight seconds, then one every three seconds.
    let lost = |i: u32| if i < 450 { i % 100 == 40 } else { i % 150 == 40 };
    let mut targets = Vec::new();
    for until in (10_000..40_000).step_by(1_000) {
        let (_, buffer) = play(until / 20, u64::from(until), |i| (!lost(i)).then(|| u64::from(i) * 20));
        targets.push(buffer.target());
    }
    assert!(targets.iter().all(|target| *target == Duration::from_millis(25)), "{targets:?}");
}

#[test]
fn what_is_invented_ends_after_100_ms() {
    let (played, _) = play(50, 2_000, |i| Some(u64::from(i) * 20));
    let invented = |playout: &Operation| if let Operation::Conceal(length) = playout { *length as i64 } else { 0 };
    assert_eq!(played.iter().map(invented).sum::<i64>(), CONCEAL_SAMPLES);
}

#[test]
fn the_wait_grows_with_jitter_and_shrinks_without() {
    // Every fifth packet is 60 ms late.
    let late = |i: u32| u64::from(i) * 20 + if i % 5 == 3 { 60 } else { 0 };
    let (_, buffer) = play(300, 6100, |i| Some(late(i)));
    assert!((60..=100).contains(&buffer.target().as_millis()), "{:?}", buffer.target());
    let (_, buffer) = play(1300, 26_000, |i| Some(if i < 300 { late(i) } else { u64::from(i) * 20 }));
    assert_eq!(buffer.target(), MIN_TARGET);
}

#[test]
fn silence_follows_a_mute_and_the_stream_starts_again() {
    let (played, buffer) = play(100, 3000, |i| match i {
        0..50 => Some(u64::from(i) * 20),
        // 25 packets' worth of time passed in between, and timestamps counted on.
        75.. => Some(u64::from(i) * 20),
        _ => None,
    });
    let concealed = played.iter().filter(|p| matches!(p, Operation::Conceal(_))).count();
    assert!((1..=12).contains(&concealed), "{concealed} invented stretches");
    assert!(played.iter().skip(62).take(10).all(|p| *p == Operation::Silence));
    assert_eq!(played.iter().filter_map(index).count(), 75);
    assert_eq!(buffer.stats().starts, 2);
}

#[test]
fn sequence_and_timestamp_wrap() {
    let mut buffer = JitterBuffer::default();
    let mut played = Vec::new();
    for i in 0..40u32 {
        let mut packet = packet(i);
        packet.timestamp = (i * 960).wrapping_sub(9_600);
        packet.sequence = (i as u16).wrapping_sub(10);
        buffer.insert(packet, at(u64::from(i) * 20));
        played.extend(index(&buffer.next(at(u64::from(i) * 20 + 10))));
    }
    assert!(played.len() >= 38 && played.is_sorted(), "{played:?}");
    assert_eq!(buffer.stats().concealed + buffer.stats().recovered, 0);
}

#[test]
fn a_stream_that_restarts_anywhere_is_played() {
    for jump in [500_000_000u32, 0u32.wrapping_sub(500_000_000), 0u32.wrapping_sub(30_000), 97_000] {
        let mut buffer = JitterBuffer::default();
        let mut played = 0;
        for i in 0..100u32 {
            let mut packet = packet(i);
            if i >= 50 {
                packet.timestamp = packet.timestamp.wrapping_add(jump);
                packet.sequence = packet.sequence.wrapping_add(7_000);
            }
            buffer.insert(packet, at(u64::from(i) * 20));
            let next = buffer.next(at(u64::from(i) * 20));
            played += u32::from(i >= 62 && index(&next).is_some());
        }
        assert!(played >= 34, "jump by {}: {played} of 38", jump as i32);
    }
}

#[test]
fn rubbish_and_floods_are_bounded() {
    let mut buffer = JitterBuffer::default();
    for data in [&[][..], &[0xFF], &[0xF8; 8000]] {
        buffer
            .insert(AudioPacket { data: Bytes::copy_from_slice(data), timestamp: 0, sequence: 0, level: None }, at(0));
    }
    assert_eq!(buffer.stats().refused, 3);
    for i in 0..1000 {
        buffer.insert(packet(i), at(0));
    }
    assert!(buffer.packets.len() <= CAPACITY);
}

#[test]
fn after_a_long_pause_clocks_that_drifted_apart_do_not_matter() {
    let mut buffer = JitterBuffer::default();
    for i in 0..100u32 {
        buffer.insert(packet(i), at(u64::from(i) * 20));
        buffer.next(at(u64::from(i) * 20));
    }
    (0..10).for_each(|i| drop(buffer.next(at(2000 + i * 20))));
    // Ten minutes later, and the sender's clock is 120 ms behind.
    let mut playing = 0;
    for i in 30_000..30_100u32 {
        let now = at(u64::from(i) * 20 + 120);
        buffer.insert(packet(i), now);
        playing += u32::from(index(&buffer.next(now)).is_some());
    }
    let (delay, target) = buffer.delay(at(30_099 * 20 + 120), 0).expect("it plays");
    assert!(playing >= 98 && (delay - target).abs() <= 960, "{playing} packets, {delay} of {target} samples");
}
