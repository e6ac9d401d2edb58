//! Tests of the estimator and the pacer, with the interceptors of `rtc`, over a simulated link in virtual time.

#![allow(clippy::unwrap_used)]

use super::interceptors::install;
use super::pacer_queue::MAX_QUEUE_TIME;
use super::shared::Bandwidth;
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
const RTX: u32 = 2;
const SOUND: u32 = 3;
const PACKET: usize = 1_160;

/// What a link does to packets.
#[derive(Debug, Clone, Copy)]
struct Link {
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

const CLEAN: Link = Link { rate: 100e6, delay: 1, jitter: 0, loss: 0.0, queue: 300.0 };

const fn narrow(rate: f64) -> Link {
    Link { rate, delay: 20, ..CLEAN }
}

/// What was samples in a tenth of a second.
#[derive(Clone, Copy, Default)]
struct Sample {
    /// Bit/s.
    estimate: f64,
    /// Longest, in ms.
    queue: f64,
    /// Bit/s of pictures that arrived, without repetitions.
    got: f64,
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} Mbit/s of {:.2}, {:.0} ms", self.got / 1e6, self.estimate / 1e6, self.queue)
    }
}

struct Simulation {
    start: Instant,
    /// Milliseconds since.
    time: u64,
    bandwidth: Arc<Bandwidth>,
    sender: Box<dyn Interceptor>,
    receiver: Box<dyn Interceptor>,
    link: Link,
    /// When the link has carried everything, in ms.
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
    paced: Duration,
}

fn stream(ssrc: u32) -> StreamInfo {
    let video = ssrc == VIDEO;
    StreamInfo {
        ssrc,
        ssrc_rtx: video.then_some(RTX),
        payload_type_rtx: video.then_some(97),
        payload_type: 96,
        mime_type: if video { "video/VP8" } else { "audio/opus" }.to_owned(),
        clock_rate: 90_000,
        rtcp_feedback: Vec::from_iter(video.then(|| RTCPFeedback { typ: "nack".to_owned(), parameter: String::new() })),
        rtp_header_extensions: vec![RTPHeaderExtension { uri: TRANSPORT_CC_URI.to_owned(), id: 3 }],
        ..StreamInfo::default()
    }
}

impl Simulation {
    fn new(link: Link, source: f64) -> Self {
        let bandwidth = Arc::new(Bandwidth::default());
        bandwidth.set_need(VIDEO, source as u32);
        let responder = Registry::new().with(Slot::NackResponder, NackResponderBuilder::new().with_size(512).build());
        let mut sender: Box<dyn Interceptor> = Box::new(install(responder, &bandwidth).build());
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
            link,
            free: 0.0,
            flying: VecDeque::new(),
            returning: VecDeque::new(),
            source,
            encoder: 0.0,
            sequence: 0,
            sound: 0,
            random: StdRng::seed_from_u64(7),
            got: 0,
            paced: Duration::ZERO,
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.time)
    }

    /// Lets so many tenths of a second pass.
    fn run(&mut self, tenths: usize) -> Vec<Sample> {
        (0..tenths).map(|_| self.tenth()).collect()
    }

    fn tenth(&mut self) -> Sample {
        self.got = 0;
        let mut queue: f64 = 0.0;
        for _ in 0..100 {
            self.millisecond();
            queue = queue.max(self.free - self.time as f64);
        }
        let estimate = f64::from(self.bandwidth.estimate());
        Sample { estimate, queue, got: self.got as f64 * 80.0 }
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
            self.returning.push_back((self.time + self.link.delay, report));
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
        let estimate = f64::from(self.bandwidth.estimate());
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

    /// A packet meets the link.
    fn send(&mut self, packet: TaggedPacket) {
        let Packet::Rtp(rtp) = &packet.message.packet else { return };
        if rtp.header.ssrc != RTX {
            let paced = Duration::from_millis(self.time - u64::from(rtp.header.timestamp));
            assert!(rtp.header.ssrc == VIDEO || paced.is_zero(), "sound waited {paced:?}");
            self.paced = self.paced.max(paced);
        }
        let now = self.time as f64;
        let waits = (self.free - now).max(0.0);
        if waits > self.link.queue || self.random.random_bool(self.link.loss) {
            return;
        }
        self.free = now + waits + rtp.marshal_size() as f64 * 8_000.0 / self.link.rate;
        let jitter = if self.link.jitter == 0 { 0 } else { self.random.random_range(0..self.link.jitter) };
        let arrival = self.free + (self.link.delay + jitter) as f64;
        let arrival = self.flying.back().map_or(arrival, |(last, _)| arrival.max(*last));
        self.flying.push_back((arrival, packet));
    }
}

fn mean(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    samples.iter().map(of).sum::<f64>() / samples.len() as f64
}

#[test]
fn everything_that_is_needed_is_there_at_once_on_a_good_line() {
    for link in [CLEAN, narrow(10e6), Link { delay: 300, ..narrow(5e6) }] {
        let mut simulation = Simulation::new(link, 2.5e6);
        let samples = simulation.run(40);
        assert!(mean(&samples[25..], |samples| samples.got) > 2.3e6, "{link:?} {samples:#?}");
        assert!(samples.iter().all(|samples| samples.queue < 60.0), "{link:?} {samples:#?}");
        assert!(samples.iter().all(|samples| samples.estimate <= 5.1e6), "{link:?} {samples:#?}");
        assert!(simulation.paced <= MAX_QUEUE_TIME);
    }
}

#[test]
fn a_line_that_narrows_and_widens_is_followed() {
    let mut simulation = Simulation::new(narrow(5e6), 2.5e6);
    simulation.run(100);
    simulation.link = narrow(0.7e6);
    let narrow_seen = simulation.run(200);
    let late = &narrow_seen[30..];
    assert!(late.iter().all(|samples| samples.queue < 150.0), "{narrow_seen:#?}");
    assert!(mean(late, |samples| samples.got) > 0.5e6, "{} {narrow_seen:#?}", mean(late, |samples| samples.got));
    simulation.link = narrow(5e6);
    let wide = simulation.run(80);
    assert!(mean(&wide[50..], |samples| samples.got) > 2.3e6, "{wide:#?}");
}

#[test]
fn losses_by_chance_cost_no_quality() {
    let mut simulation = Simulation::new(Link { loss: 0.05, ..narrow(10e6) }, 2.5e6);
    simulation.run(30);
    let samples = simulation.run(100);
    assert!(mean(&samples, |samples| samples.got) > 2.5e6 * 0.95 * 0.9, "{samples:#?}");
}

#[test]
fn a_shaking_line_is_not_a_full_one() {
    let mut simulation = Simulation::new(Link { jitter: 30, ..narrow(8e6) }, 2.5e6);
    simulation.run(40);
    let samples = simulation.run(100);
    assert!(mean(&samples, |samples| samples.got) > 2.2e6, "{samples:#?}");
}

#[test]
fn a_line_that_is_always_full_is_used_without_a_queue() {
    for rate in [0.3e6, 1.2e6, 2.0e6] {
        let mut simulation = Simulation::new(narrow(rate), 2.5e6);
        simulation.run(50);
        let samples = simulation.run(200);
        assert!(mean(&samples, |samples| samples.queue) < 60.0, "{rate} {samples:#?}");
        assert!(
            mean(&samples, |samples| samples.got) > rate * 0.7,
            "{rate} {} {samples:#?}",
            mean(&samples, |samples| samples.got)
        );
    }
}

#[test]
fn a_still_picture_is_no_narrow_line() {
    let mut simulation = Simulation::new(narrow(5e6), 2.5e6);
    simulation.run(40);
    simulation.source = 0.1e6;
    let still = simulation.run(300);
    assert!(still.iter().all(|samples| samples.estimate > 2.5e6), "{still:#?}");
    simulation.source = 2.5e6;
    let moving = simulation.run(20);
    assert!(mean(&moving[5..], |samples| samples.got) > 2.2e6, "{moving:#?}");
}

#[test]
fn after_a_cut_another_line_is_found_out_about_again() {
    let mut simulation = Simulation::new(narrow(5e6), 2.5e6);
    simulation.run(40);
    simulation.link = Link { loss: 1.0, ..narrow(5e6) };
    simulation.run(100);
    simulation.link = Link { delay: 80, ..narrow(1e6) };
    let samples = simulation.run(100);
    assert!(samples[20..].iter().all(|samples| samples.queue < 150.0), "{samples:#?}");
    assert!(mean(&samples[30..], |samples| samples.got) > 0.6e6, "{samples:#?}");
}

#[test]
fn what_was_sent_before_a_new_feed_is_not_sent_again() {
    let mut simulation = Simulation::new(narrow(5e6), 2.5e6);
    simulation.run(2);
    simulation.bandwidth.change_feed(VIDEO);
    let begun = simulation.sequence;
    for _ in 0..200 {
        simulation.millisecond();
        for (_, packet) in &simulation.flying {
            let Packet::Rtp(rtp) = &packet.message.packet else { continue };
            let original = u16::from_be_bytes([rtp.payload[0], rtp.payload[1]]);
            // Zeros but for the original's number that a retransmission begins with.
            assert!(
                rtp.header.ssrc != RTX || original > begun || packet.now <= simulation.start + FEED_BEGINS,
                "{original}"
            );
        }
    }
}

/// When the feed of [`what_was_sent_before_a_new_feed_is_not_sent_again`] begins.
const FEED_BEGINS: Duration = Duration::from_millis(200);
