//! The estimator and the pacer, with the library's interceptors, over a line in virtual time.

#![allow(clippy::unwrap_used)]

use super::{Bandwidth, LONGEST, equip};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtc::interceptor::{
    Interceptor, NackGeneratorBuilder, NackResponderBuilder, Packet, RTCPFeedback, RTPHeaderExtension, StreamInfo,
    TaggedPacket, TwccReceiverBuilder,
};
use rtc::peer_connection::configuration::interceptor_registry::{Registry, Slot};
use rtc::rtp;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::TransportContext;
use rtc::shared::marshal::MarshalSize;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

const VIDEO: u32 = 1;
const REPAIR: u32 = 2;
const SOUND: u32 = 3;
const PACKET: usize = 1_160;

/// What a line does to packets.
#[derive(Debug, Clone, Copy)]
struct Line {
    /// Bit/s.
    rate: f64,
    /// One way, in ms.
    delay: u64,
    /// In ms; later packets do not overtake.
    jitter: u64,
    loss: f64,
    /// Longest queue in ms.
    queue: f64,
}

const CLEAN: Line = Line { rate: 100e6, delay: 1, jitter: 0, loss: 0.0, queue: 300.0 };

const fn narrow(rate: f64) -> Line {
    Line { rate, delay: 20, ..CLEAN }
}

/// What was seen in a tenth of a second.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Bit/s.
    estimate: f64,
    /// Longest, in ms.
    queue: f64,
    /// Bit/s of pictures that arrived, without repetitions.
    got: f64,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} Mbit/s of {:.2}, {:.0} ms", self.got / 1e6, self.estimate / 1e6, self.queue)
    }
}

struct World {
    start: Instant,
    /// Milliseconds since.
    time: u64,
    bandwidth: Arc<Bandwidth>,
    sender: Box<dyn Interceptor>,
    receiver: Box<dyn Interceptor>,
    line: Line,
    /// When the line has carried everything, in ms.
    free: f64,
    flying: VecDeque<(f64, TaggedPacket)>,
    returning: VecDeque<(u64, TaggedPacket)>,
    /// Bit/s of video that the source makes at most.
    source: f64,
    /// The encoder follows with some delay.
    encoder: f64,
    sequence: u16,
    sound: u16,
    random: StdRng,
    got: usize,
    /// Longest stay of a picture's packet in the pacer.
    held: Duration,
}

fn stream(ssrc: u32) -> StreamInfo {
    let video = ssrc == VIDEO;
    StreamInfo {
        ssrc,
        ssrc_rtx: video.then_some(REPAIR),
        payload_type_rtx: video.then_some(97),
        payload_type: 96,
        mime_type: if video { "video/VP8" } else { "audio/opus" }.to_owned(),
        clock_rate: 90_000,
        rtcp_feedback: Vec::from_iter(video.then(|| RTCPFeedback { typ: "nack".to_owned(), parameter: String::new() })),
        rtp_header_extensions: vec![RTPHeaderExtension { uri: TRANSPORT_CC_URI.to_owned(), id: 3 }],
        ..StreamInfo::default()
    }
}

impl World {
    fn new(line: Line, source: f64) -> Self {
        let bandwidth = Arc::new(Bandwidth::default());
        bandwidth.set_need(VIDEO, source as u32);
        let responder = Registry::new().with(Slot::NackResponder, NackResponderBuilder::new().with_size(512).build());
        let mut sender: Box<dyn Interceptor> = Box::new(equip(responder, &bandwidth).build());
        let interval = Duration::from_millis(50);
        let mut receiver: Box<dyn Interceptor> = Box::new(
            Registry::new()
                .with(Slot::NackGenerator, NackGeneratorBuilder::new().with_interval(Duration::from_millis(40)).build())
                .with(Slot::TwccReceiver, TwccReceiverBuilder::new().with_interval(interval).build())
                .build(),
        );
        for ssrc in [VIDEO, SOUND] {
            sender.bind_local_stream(&stream(ssrc));
            receiver.bind_remote_stream(&stream(ssrc));
        }
        Self {
            start: Instant::now(),
            time: 0,
            bandwidth,
            sender,
            receiver,
            line,
            free: 0.0,
            flying: VecDeque::new(),
            returning: VecDeque::new(),
            source,
            encoder: 0.0,
            sequence: 0,
            sound: 0,
            random: StdRng::seed_from_u64(7),
            got: 0,
            held: Duration::ZERO,
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.time)
    }

    /// Lets so many tenths of a second pass.
    fn run(&mut self, tenths: usize) -> Vec<Seen> {
        (0..tenths).map(|_| self.tenth()).collect()
    }

    fn tenth(&mut self) -> Seen {
        self.got = 0;
        let mut queue: f64 = 0.0;
        for _ in 0..100 {
            self.millisecond();
            queue = queue.max(self.free - self.time as f64);
        }
        let estimate = f64::from(*self.bandwidth.estimate().borrow());
        Seen { estimate, queue, got: self.got as f64 * 80.0 }
    }

    fn millisecond(&mut self) {
        self.time += 1;
        let now = self.now();
        if self.time.is_multiple_of(20) {
            self.sound = self.sound.wrapping_add(1);
            self.write(SOUND, self.sound, 80);
        }
        if self.time.is_multiple_of(33) {
            self.frame();
        }
        if self.sender.poll_timeout().is_some_and(|at| at <= now) {
            self.sender.handle_timeout(now).unwrap();
        }
        if self.receiver.poll_timeout().is_some_and(|at| at <= now) {
            self.receiver.handle_timeout(now).unwrap();
        }
        while let Some(packet) = self.sender.poll_write() {
            self.send(packet);
        }
        while self.flying.front().is_some_and(|(at, _)| *at <= self.time as f64) {
            let (at, mut packet) = self.flying.pop_front().unwrap();
            // To the microsecond: the far end's clock is finer than this one.
            packet.now = self.start + Duration::from_secs_f64(at / 1_000.0);
            if let Packet::Rtp(rtp) = &packet.message.packet
                && rtp.header.ssrc == VIDEO
            {
                self.got += rtp.payload.len();
            }
            self.receiver.handle_read(packet).unwrap();
            while self.receiver.poll_read().is_some() {}
        }
        while let Some(report) = self.receiver.poll_write() {
            self.returning.push_back((self.time + self.line.delay, report));
        }
        while self.returning.front().is_some_and(|(at, _)| *at <= self.time) {
            let (_, mut report) = self.returning.pop_front().unwrap();
            report.now = now;
            self.sender.handle_read(report).unwrap();
            while self.sender.poll_read().is_some() {}
        }
    }

    /// A picture of 30 in a second, as large as the encoder's rate has it, more or less.
    fn frame(&mut self) {
        let estimate = f64::from(*self.bandwidth.estimate().borrow());
        let wanted = (estimate - 60_000.0).min(self.source).max(50_000.0);
        self.encoder += (wanted - self.encoder) * 0.3;
        let bytes = self.encoder / 30.0 / 8.0 * self.random.random_range(0.6..1.4);
        let packets = (bytes / PACKET as f64).ceil().max(1.0);
        for _ in 0..packets as usize {
            self.sequence = self.sequence.wrapping_add(1);
            self.write(VIDEO, self.sequence, (bytes / packets) as usize);
        }
    }

    fn write(&mut self, ssrc: u32, sequence_number: u16, bytes: usize) {
        let header = rtp::Header {
            version: 2,
            ssrc,
            sequence_number,
            payload_type: 96,
            // Tells how long the pacer had it.
            timestamp: self.time as u32,
            ..rtp::Header::default()
        };
        let packet = rtp::Packet { header, payload: Bytes::from(vec![0; bytes]) };
        let message = Packet::Rtp(packet).into();
        let packet = TaggedPacket { now: self.now(), transport: TransportContext::default(), message };
        self.sender.handle_write(packet).unwrap();
    }

    /// A packet meets the line.
    fn send(&mut self, packet: TaggedPacket) {
        let Packet::Rtp(rtp) = &packet.message.packet else { return };
        if rtp.header.ssrc != REPAIR {
            let held = Duration::from_millis(self.time - u64::from(rtp.header.timestamp));
            assert!(rtp.header.ssrc == VIDEO || held.is_zero(), "sound waited {held:?}");
            self.held = self.held.max(held);
        }
        let now = self.time as f64;
        let waits = (self.free - now).max(0.0);
        if waits > self.line.queue || self.random.random_bool(self.line.loss) {
            return;
        }
        self.free = now + waits + rtp.marshal_size() as f64 * 8_000.0 / self.line.rate;
        let jitter = if self.line.jitter == 0 { 0 } else { self.random.random_range(0..self.line.jitter) };
        let arrival = self.free + (self.line.delay + jitter) as f64;
        let arrival = self.flying.back().map_or(arrival, |(last, _)| arrival.max(*last));
        self.flying.push_back((arrival, packet));
    }
}

fn mean(seen: &[Seen], of: impl Fn(&Seen) -> f64) -> f64 {
    seen.iter().map(of).sum::<f64>() / seen.len() as f64
}

#[test]
fn everything_that_is_needed_is_there_at_once_on_a_good_line() {
    for line in [CLEAN, narrow(10e6), Line { delay: 300, ..narrow(5e6) }] {
        let mut world = World::new(line, 2.5e6);
        let seen = world.run(40);
        assert!(mean(&seen[25..], |seen| seen.got) > 2.3e6, "{line:?} {seen:#?}");
        assert!(seen.iter().all(|seen| seen.queue < 60.0), "{line:?} {seen:#?}");
        assert!(seen.iter().all(|seen| seen.estimate <= 5.1e6), "{line:?} {seen:#?}");
        assert!(world.held <= LONGEST);
    }
}

#[test]
fn a_line_that_narrows_and_widens_is_followed() {
    let mut world = World::new(narrow(5e6), 2.5e6);
    world.run(100);
    world.line = narrow(0.7e6);
    let narrow_seen = world.run(200);
    let late = &narrow_seen[30..];
    assert!(late.iter().all(|seen| seen.queue < 150.0), "{narrow_seen:#?}");
    assert!(mean(late, |seen| seen.got) > 0.5e6, "{} {narrow_seen:#?}", mean(late, |seen| seen.got));
    world.line = narrow(5e6);
    let wide = world.run(80);
    assert!(mean(&wide[50..], |seen| seen.got) > 2.3e6, "{wide:#?}");
}

#[test]
fn losses_by_chance_cost_no_quality() {
    let mut world = World::new(Line { loss: 0.05, ..narrow(10e6) }, 2.5e6);
    world.run(30);
    let seen = world.run(100);
    assert!(mean(&seen, |seen| seen.got) > 2.5e6 * 0.95 * 0.9, "{seen:#?}");
}

#[test]
fn a_shaking_line_is_not_a_full_one() {
    let mut world = World::new(Line { jitter: 30, ..narrow(8e6) }, 2.5e6);
    world.run(40);
    let seen = world.run(100);
    assert!(mean(&seen, |seen| seen.got) > 2.2e6, "{seen:#?}");
}

#[test]
fn a_line_that_is_always_full_is_used_without_a_queue() {
    for rate in [0.3e6, 1.2e6, 2.0e6] {
        let mut world = World::new(narrow(rate), 2.5e6);
        world.run(50);
        let seen = world.run(200);
        assert!(mean(&seen, |seen| seen.queue) < 60.0, "{rate} {seen:#?}");
        assert!(mean(&seen, |seen| seen.got) > rate * 0.7, "{rate} {} {seen:#?}", mean(&seen, |seen| seen.got));
    }
}

#[test]
fn a_still_picture_is_no_narrow_line() {
    let mut world = World::new(narrow(5e6), 2.5e6);
    world.run(40);
    world.source = 0.1e6;
    let still = world.run(300);
    assert!(still.iter().all(|seen| seen.estimate > 2.5e6), "{still:#?}");
    world.source = 2.5e6;
    let moving = world.run(20);
    assert!(mean(&moving[5..], |seen| seen.got) > 2.2e6, "{moving:#?}");
}

#[test]
fn after_a_cut_another_line_is_found_out_about_again() {
    let mut world = World::new(narrow(5e6), 2.5e6);
    world.run(40);
    world.line = Line { loss: 1.0, ..narrow(5e6) };
    world.run(100);
    world.line = Line { delay: 80, ..narrow(1e6) };
    let seen = world.run(100);
    assert!(seen[20..].iter().all(|seen| seen.queue < 150.0), "{seen:#?}");
    assert!(mean(&seen[30..], |seen| seen.got) > 0.6e6, "{seen:#?}");
}

#[test]
fn what_was_sent_before_a_new_feed_is_not_sent_again() {
    let mut world = World::new(narrow(5e6), 2.5e6);
    world.run(2);
    world.bandwidth.change_feed(VIDEO);
    let begun = world.sequence;
    for _ in 0..200 {
        world.millisecond();
        for (_, packet) in &world.flying {
            let Packet::Rtp(rtp) = &packet.message.packet else { continue };
            let original = u16::from_be_bytes([rtp.payload[0], rtp.payload[1]]);
            // Zeros but for the original's number that a retransmission begins with.
            assert!(
                rtp.header.ssrc != REPAIR || original > begun || packet.now <= world.start + FEED_BEGINS,
                "{original}"
            );
        }
    }
}

/// When the feed of [`what_was_sent_before_a_new_feed_is_not_sent_again`] begins.
const FEED_BEGINS: Duration = Duration::from_millis(200);
