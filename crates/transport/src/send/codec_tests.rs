//! The layers from the encoder to the decoder: whatever peers want from one moment to the next, each of them has an
//! ordinary VP8 stream that decodes to the right pictures.

use super::local_track::{LocalTrack, Subscription};
use bytes::{Bytes, BytesMut};
use confab_media::{I420Frame, ScaleScratch, VideoConfig, VideoEncoder, Vp8Decoder, pattern};
use confab_rtp::layers::ReceiverConstraints;
use confab_rtp::packetization::vp8::{self, is_key_frame};
use confab_rtp::packetization::{OutgoingFormat, OutgoingStream};
use confab_wire::{
    layers::{FrameLayer, RenderedSize},
    media::{Codec, EncodedFrame},
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtc::rtp;
use std::collections::HashSet;
use std::time::{Duration, Instant};

const CONFIG: VideoConfig = VideoConfig { width: 640, height: 360, fps: 30, bitrate: 800_000 };

const FORMAT: OutgoingFormat = OutgoingFormat { payload_type: 96, audio_level: None };

/// A receiver that believes what a browser would believe.
struct Receiver {
    subscription: Subscription,
    stream: OutgoingStream,
    decoder: Vp8Decoder,
    last: Option<rtp::Header>,
    marks: Option<(u16, u8)>,
    sizes: HashSet<u32>,
    pictures: u32,
}

impl Receiver {
    fn new(track: &LocalTrack, ssrc: u32) -> Self {
        Self {
            subscription: track.subscribe(ReceiverConstraints::default()),
            stream: OutgoingStream::new(ssrc, rand::random()),
            decoder: Vp8Decoder::new(),
            last: None,
            marks: None,
            sizes: HashSet::new(),
            pictures: 0,
        }
    }

    /// Takes what came and compares it with the picture that was taken at that time.
    fn take(&mut self, source: &I420Frame, number: u32) {
        while let Ok(packets) = self.subscription.packets.try_recv() {
            let written = self.stream.packets(&packets, Codec::Vp8, FORMAT, Instant::now());
            let data = self.reassemble(&written);
            let (timestamp, key) = (written[0].header.timestamp, is_key_frame(&data));
            let layer = FrameLayer::default();
            let frame = EncodedFrame { data, codec: Codec::Vp8, key, timestamp, width: 0, height: 0, layer };
            let decoded = self.decoder.decode(&frame).expect("it decodes").expect("a picture");
            let reading = pattern::read(&decoded).map(|reading| reading.number);
            assert_eq!(reading, Some(number));
            let mut expected = I420Frame::new(decoded.width(), decoded.height());
            source.scale_into(&mut expected, &mut ScaleScratch::default());
            let psnr = expected.psnr(&decoded).expect("same size");
            assert!(psnr > 24.0, "picture {number}, {}x{}: {psnr:.1} dB", decoded.width(), decoded.height());
            self.sizes.insert(decoded.width());
            self.pictures += 1;
        }
    }

    /// The frame in these packets, whose numbers go on where the last ones ended.
    fn reassemble(&mut self, packets: &[rtp::Packet]) -> Bytes {
        let mut data = BytesMut::new();
        for (index, packet) in packets.iter().enumerate() {
            let header = &packet.header;
            if let Some(last) = self.last.replace(header.clone()) {
                assert_eq!(header.sequence_number, last.sequence_number.wrapping_add(1));
                let passed = header.timestamp.wrapping_sub(last.timestamp);
                assert!(if last.marker { (1..1 << 31).contains(&passed) } else { passed == 0 }, "{passed} ticks");
            }
            assert_eq!(header.marker, index + 1 == packets.len());
            let descriptor = vp8::parse(&packet.payload).expect("a descriptor");
            assert_eq!(descriptor.frame_start, index == 0);
            data.extend_from_slice(&descriptor.data);
        }
        self.check_marks(&packets[0].payload);
        data.freeze()
    }

    /// Picture ids without gaps; the base index changes with each frame of temporal layer 0, and with no other.
    fn check_marks(&mut self, payload: &[u8]) {
        let marks = (u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff, payload[4]);
        let base = payload[5] >> 6 == 0;
        if let Some((picture, index)) = self.marks.replace(marks) {
            let expected = ((picture + 1) & 0x7fff, index.wrapping_add(u8::from(base)));
            assert_eq!(marks, expected);
        }
    }
}

#[test]
fn every_peer_has_a_stream_that_decodes_whatever_all_of_them_want() {
    for seed in 0..3 {
        let mut random = StdRng::seed_from_u64(seed);
        let track = LocalTrack::simulcast();
        let demand = track.demand();
        let mut peers: Vec<Receiver> = (1..4).map(|ssrc| Receiver::new(&track, ssrc)).collect();
        let mut encoder = VideoEncoder::new(CONFIG);
        let mut picture = I420Frame::new(CONFIG.width, CONFIG.height);
        let start = Instant::now();
        for number in 0..150 {
            for peer in &peers {
                if random.random_ratio(1, 12) {
                    peer.subscription.set_constraints(any(&mut random));
                }
                if random.random_ratio(1, 40) {
                    peer.subscription.request_key_frame();
                }
            }
            pattern::draw(&mut picture, number, 0);
            let captured = start + Duration::from_secs(1) * number / CONFIG.fps;
            let wanted = *demand.borrow();
            for frame in encoder.encode(&picture, captured, &wanted).expect("it encodes") {
                track.write_frame(frame);
            }
            for peer in &mut peers {
                peer.take(&picture, number);
            }
        }
        assert!(
            peers.iter().all(|peer| peer.pictures > 40),
            "{:?}",
            peers.iter().map(|p| p.pictures).collect::<Vec<_>>()
        );
        let sizes: HashSet<u32> = peers.iter().flat_map(|peer| peer.sizes.clone()).collect();
        assert_eq!(sizes, HashSet::from([160, 320, 640]), "seed {seed}");
        drop(peers);
        assert!(!demand.borrow().wanted(), "nobody is left");
    }
}

fn any(random: &mut StdRng) -> ReceiverConstraints {
    let sizes = [None, Some((640, 360)), Some((320, 180)), Some((150, 84)), Some((0, 0))];
    let rendered_size =
        sizes[random.random_range(0..sizes.len())].map(|(width, height)| RenderedSize { width, height });
    let bitrates = [u32::MAX, 700_000, 500_000, 300_000, 90_000];
    ReceiverConstraints { bitrate: bitrates[random.random_range(0..bitrates.len())], rendered_size }
}
