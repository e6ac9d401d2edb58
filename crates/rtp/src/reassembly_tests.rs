use super::*;

/// Packets of a frame: `parts` payload bytes each in its own packet.
fn frame(first: u16, timestamp: u32, key: bool, parts: usize) -> Vec<(u16, u32, bool, Bytes)> {
    (0..parts)
        .map(|index| {
            let head = if index == 0 { 0x10 } else { 0x00 };
            let body = if index == 0 { u8::from(!key) } else { index as u8 };
            let payload = Bytes::from(vec![head, body]);
            (first.wrapping_add(index as u16), timestamp, index + 1 == parts, payload)
        })
        .collect()
}

struct Bench {
    reassembler: Reassembler,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { reassembler: Reassembler::default(), now: Instant::now() }
    }

    fn push(&mut self, packets: impl IntoIterator<Item = (u16, u32, bool, Bytes)>) {
        for (sequence, timestamp, marker, payload) in packets {
            self.reassembler.push(sequence, timestamp, marker, &payload, self.now);
        }
    }

    /// Timestamps of the frames that are ready.
    fn ready(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.reassembler.pop(self.now)).map(|frame| frame.timestamp).collect()
    }

    fn wait(&mut self) {
        self.now += MIN_WAIT;
    }
}

#[test]
fn frames_come_whole_and_in_order() {
    let mut bench = Bench::new();
    bench.push(frame(10, 1, true, 3));
    bench.push(frame(13, 2, false, 1));
    let first = bench.reassembler.pop(bench.now).unwrap();
    assert_eq!((first.key, &first.data[..]), (true, &[0, 1, 2][..]));
    assert_eq!(bench.ready(), [2]);
    assert_eq!(bench.reassembler.deadline(), None);
}

#[test]
fn nothing_is_delivered_before_a_key_frame() {
    let mut bench = Bench::new();
    bench.push(frame(10, 1, false, 2));
    assert!(bench.ready().is_empty());
    assert!(bench.reassembler.needs_key_frame());
    bench.push(frame(12, 2, true, 2));
    assert_eq!(bench.ready(), [2]);
    assert!(!bench.reassembler.needs_key_frame());
}

#[test]
fn reordered_and_doubled_packets_are_put_right() {
    let mut bench = Bench::new();
    bench.push(frame(0, 1, true, 1));
    assert_eq!(bench.ready(), [1]);
    let (second, third) = (frame(1, 2, false, 3), frame(4, 3, false, 2));
    bench.push(third.clone());
    bench.push([second[2].clone(), second[0].clone()]);
    assert!(bench.ready().is_empty());
    bench.push(second.clone());
    bench.push(third);
    assert_eq!(bench.ready(), [2, 3]);
    bench.push(second);
    assert!(bench.ready().is_empty());
    assert_eq!(bench.reassembler.deadline(), None);
}

#[test]
fn a_gap_that_nobody_can_fill_is_not_waited_for() {
    let mut bench = Bench::new();
    bench.push(frame(65_000, 1, true, 1));
    assert_eq!(bench.ready(), [1]);
    let behind = 65_001_u16.wrapping_add(PACKET_HISTORY);
    bench.push(frame(behind.wrapping_sub(1), 2, false, 1));
    assert!(bench.ready().is_empty() && !bench.reassembler.needs_key_frame());
    bench.push(frame(behind.wrapping_add(PACKET_HISTORY), 3, false, 1));
    assert!(bench.ready().is_empty() && bench.reassembler.needs_key_frame());
    bench.push(frame(behind.wrapping_add(PACKET_HISTORY + 1), 4, true, 1));
    assert_eq!(bench.ready(), [4]);
}

#[test]
fn a_resent_packet_in_time_saves_the_chain() {
    let mut bench = Bench::new();
    bench.push(frame(0, 1, true, 1));
    bench.push(frame(2, 3, false, 1));
    assert_eq!(bench.ready(), [1]);
    assert_eq!(bench.reassembler.deadline(), Some(bench.now + MIN_WAIT));
    bench.push(frame(1, 2, false, 1));
    bench.wait();
    assert_eq!(bench.ready(), [2, 3]);
    assert!(!bench.reassembler.needs_key_frame());
}

#[test]
fn a_lost_packet_ends_the_chain_until_a_key_frame() {
    let mut bench = Bench::new();
    bench.push(frame(0, 1, true, 1));
    bench.push(frame(2, 3, false, 1));
    assert_eq!(bench.ready(), [1]);
    bench.wait();
    assert!(bench.ready().is_empty());
    assert!(bench.reassembler.needs_key_frame());
    bench.push(frame(1, 2, false, 1));
    bench.push(frame(3, 4, false, 1));
    assert!(bench.ready().is_empty());
    bench.push(frame(4, 5, true, 2));
    bench.push(frame(6, 6, false, 1));
    assert_eq!(bench.ready(), [5, 6]);
}

#[test]
fn a_gap_inside_a_frame_loses_only_until_the_next_key_frame() {
    let mut bench = Bench::new();
    let mut cut = frame(0, 1, true, 4);
    cut.remove(2);
    bench.push(cut);
    bench.push(frame(4, 2, false, 2));
    assert!(bench.ready().is_empty());
    bench.wait();
    assert!(bench.ready().is_empty());
    bench.push(frame(6, 3, true, 2));
    assert_eq!(bench.ready(), [3]);
}

#[test]
fn sequence_numbers_wrap() {
    let mut bench = Bench::new();
    bench.push(frame(65_534, 1, true, 4));
    bench.push(frame(2, 2, false, 1));
    assert_eq!(bench.ready(), [1, 2]);
    let mut sequence = 3u16;
    for timestamp in 0..70_000u32 {
        bench.push(frame(sequence, timestamp, false, 1));
        sequence = sequence.wrapping_add(1);
        assert_eq!(bench.ready(), [timestamp]);
    }
}

#[test]
fn a_sender_that_starts_anew_is_followed() {
    let mut bench = Bench::new();
    bench.push(frame(100, 1, true, 1));
    assert_eq!(bench.ready(), [1]);
    bench.push(frame(40_000, 2, false, 1));
    assert!(bench.ready().is_empty());
    bench.push(frame(40_001, 3, true, 1));
    assert_eq!(bench.ready(), [3]);
}

#[test]
fn padding_only_fills_its_place() {
    let mut bench = Bench::new();
    bench.push(frame(0, 1, true, 1));
    bench.push([(1, 1, false, Bytes::new()), (2, 1, false, Bytes::new())]);
    bench.push(frame(3, 2, false, 1));
    assert_eq!(bench.ready(), [1, 2]);
    assert!(!bench.reassembler.needs_key_frame());
}

#[test]
fn the_buffer_is_bounded() {
    let mut bench = Bench::new();
    bench.push(frame(0, 1, true, 1));
    assert_eq!(bench.ready(), [1]);
    bench.push((2..2 + 2 * MAX_BUFFERED_PACKETS as u16).map(|n| (n, 9, false, Bytes::from_static(&[0, 0]))));
    assert!(bench.reassembler.packets.len() <= MAX_BUFFERED_PACKETS);
    assert!(bench.ready().is_empty());
}

/// A packet of H.264.
fn h264(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> (u16, u32, bool, Bytes) {
    (sequence, timestamp, marker, Bytes::copy_from_slice(payload))
}

/// A key frame of H.264 of 1280×720 in four packets: its parameters, and its slice in fragments.
fn h264_key(first: u16, timestamp: u32) -> [(u16, u32, bool, Bytes); 4] {
    let parameters =
        [0x78, 0, 12, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 0x02, 0xdd, 0x80, 0x88, 0, 2, 0x68, 0xce];
    [
        h264(first, timestamp, false, &parameters),
        h264(first.wrapping_add(1), timestamp, false, &[0x7c, 0x85, 0xb8]),
        h264(first.wrapping_add(2), timestamp, false, &[0x7c, 0x05, 1]),
        h264(first.wrapping_add(3), timestamp, true, &[0x7c, 0x45, 2]),
    ]
}

fn h264_bench() -> Bench {
    let mut bench = Bench::new();
    bench.reassembler.set_codec(Codec::H264);
    bench
}

#[test]
fn frames_of_h264_are_what_has_one_timestamp() {
    let mut bench = h264_bench();
    bench.push(h264_key(65_534, 1));
    let key = bench.reassembler.pop(bench.now).unwrap();
    assert_eq!((key.codec, key.key, key.width, key.height), (Codec::H264, true, 1280, 720));
    assert!(key.data.ends_with(&[0, 0, 0, 1, 0x65, 0xb8, 1, 2]));
    // Two slices, and one whose end only the next timestamp tells.
    bench.push([h264(2, 2, false, &[0x41, 1]), h264(3, 2, true, &[0x41, 2]), h264(4, 3, false, &[0x41, 3])]);
    let delta = bench.reassembler.pop(bench.now).unwrap();
    assert_eq!(
        (delta.key, delta.width, &delta.data[..]),
        (false, 1280, &[0, 0, 0, 1, 0x41, 1, 0, 0, 0, 1, 0x41, 2][..])
    );
    assert!(bench.ready().is_empty());
    bench.push([h264(5, 4, true, &[0x41, 4])]);
    assert_eq!(bench.ready(), [3, 4]);
}

#[test]
fn after_a_loss_h264_goes_on_where_the_parameters_are() {
    let mut bench = h264_bench();
    bench.push(h264_key(0, 1));
    assert_eq!(bench.ready(), [1]);
    // Of the second key frame the parameters are lost, of the third one a fragment.
    bench.push(h264_key(4, 2).into_iter().skip(1));
    let mut third = h264_key(8, 3).to_vec();
    third.remove(2);
    bench.push(third);
    bench.push([h264(12, 4, true, &[0x41, 1])]);
    assert!(bench.ready().is_empty());
    bench.wait();
    assert!(bench.ready().is_empty());
    assert!(bench.reassembler.needs_key_frame());
    bench.push(h264_key(13, 5));
    assert_eq!(bench.ready(), [5]);
}

#[test]
fn a_damaged_frame_of_h264_breaks_the_chain() {
    let mut bench = h264_bench();
    bench.push(h264_key(0, 1));
    bench.push([h264(4, 2, false, &[0x7c, 0x81, 1]), h264(5, 2, true, &[0x41, 2]), h264(6, 3, true, &[0x41, 3])]);
    assert_eq!(bench.ready(), [1]);
    assert!(bench.reassembler.needs_key_frame());
    assert_eq!(bench.reassembler.deadline(), None);
}

#[test]
fn on_a_long_way_what_is_missing_is_waited_for_longer() {
    let mut bench = Bench::new();
    bench.reassembler.set_round_trip(Duration::from_millis(300));
    bench.push(frame(10, 1, true, 1));
    bench.push(frame(12, 3, false, 1));
    assert_eq!(bench.ready(), [1]);
    bench.now += Duration::from_millis(699);
    bench.push(frame(11, 2, false, 1));
    assert_eq!(bench.ready(), [2, 3]);
    bench.push(frame(14, 5, false, 1));
    bench.now += Duration::from_millis(700);
    assert!(bench.ready().is_empty());
    assert!(bench.reassembler.needs_key_frame());
}

#[test]
fn a_whole_key_frame_ends_the_wait() {
    let mut bench = Bench::new();
    bench.push(frame(10, 1, true, 1));
    bench.push(frame(12, 3, false, 2));
    assert_eq!(bench.ready(), [1]);
    let key = frame(15, 5, true, 3);
    bench.push(key[..2].to_vec());
    assert!(bench.ready().is_empty(), "it is not whole");
    bench.push(key[2..].to_vec());
    bench.push(frame(18, 6, false, 1));
    assert_eq!(bench.ready(), [5, 6]);
    assert!(!bench.reassembler.needs_key_frame());
    bench.push(frame(11, 2, false, 1));
    assert!(bench.ready().is_empty(), "it is too late");
}
