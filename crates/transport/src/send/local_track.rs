//! Tracks of our own: encoded once, packetized once, handed to every peer's forwarder.

use confab_rtp::encoding::VideoEncoding;
use confab_rtp::layers::{ReceiverConstraints, ReceiverLayers, TrackLayers};
use confab_rtp::packetization::{PacketizedFrame, Packetizer};
use confab_wire::{
    layers::{FrameLayer, VideoSourceRestrictions},
    media::{AudioPacket, Codec, EncodedFrame, MediaKind, VideoDemand},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// Video frames that wait in one forwarder, about half a second; when full, that peer skips to the next key frame.
const VIDEO_QUEUE: usize = 16;
/// Audio packets that wait in one forwarder, about half a second; when full, the newest is dropped.
const AUDIO_QUEUE: usize = 25;

/// What a forwarder gets, and how it says what it wants.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) packets: mpsc::Receiver<Arc<PacketizedFrame>>,
    id: u64,
    track: LocalTrack,
}

impl Subscription {
    /// What bounds the peer from now on.
    pub(crate) fn set_constraints(&self, constraints: ReceiverConstraints) {
        let mut state = self.track.state();
        state.layers.set_constraints(self.id, constraints);
        self.track.update(&mut state, Instant::now());
    }

    /// The peer asks for a key frame: of the layer it is on, or waits for.
    pub(crate) fn request_key_frame(&self) {
        let mut state = self.track.state();
        if self.track.kind() == MediaKind::Video {
            state.layers.request_key_frame(self.id);
        }
        self.track.update(&mut state, Instant::now());
    }

    /// The peer reports which share of the track was lost since its last report, in 1/256.
    pub(crate) fn report_loss(&self, fraction: u8) {
        let mut state = self.track.state();
        state.layers.report_loss(self.id, fraction);
        self.track.update_loss(&state);
    }

    /// What the peer gets. `backlogged`: what was written last still waits to be sent.
    pub(crate) fn layers(&self, backlogged: bool) -> ReceiverLayers {
        self.track.state().layers.layers_of(self.id, backlogged)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.track.state();
        state.layers.remove(self.id);
        state.senders.retain(|(id, _)| *id != self.id);
        self.track.update(&mut state, Instant::now());
        self.track.update_loss(&state);
    }
}

#[derive(Debug)]
struct State {
    layers: TrackLayers,
    /// Where the frames go, by the id of the receiver.
    senders: Vec<(u64, mpsc::Sender<Arc<PacketizedFrame>>)>,
}

#[derive(Debug)]
struct Inner {
    id: String,
    codec: Codec,
    payloader: Mutex<Packetizer>,
    state: Mutex<State>,
    demand: watch::Sender<VideoDemand>,
    expected_loss: watch::Sender<u8>,
}

/// A local track: frames go in once, every peer gets them. Cloning gives another handle of the same track.
#[derive(Debug, Clone)]
pub struct LocalTrack {
    inner: Arc<Inner>,
}

impl LocalTrack {
    /// A video track of VP8 or VP9 with one layer, [`SpatialLayer::Full`]; temporal layers are left out for peers whose
    /// line is too narrow. A track of another codec is not sent, with a warning in the log.
    pub fn video(codec: Codec) -> Self {
        Self::new(codec, false)
    }

    /// A video track of VP8 whose source encodes exactly the layers that [`Self::demand`] asks for. Each peer gets one of
    /// them at a time, as an ordinary VP8 stream: which one depends on its line and on what it says it draws.
    pub fn simulcast() -> Self {
        Self::new(Codec::Vp8, true)
    }

    /// An audio track of Opus.
    pub fn audio() -> Self {
        Self::new(Codec::Opus, false)
    }

    fn new(codec: Codec, layered: bool) -> Self {
        let inner = Inner {
            id: Uuid::new_v4().to_string(),
            codec,
            payloader: Mutex::new(Packetizer::new(codec, rand::random())),
            state: Mutex::new(State { layers: TrackLayers::new(layered), senders: Vec::new() }),
            demand: watch::Sender::new(VideoDemand::default()),
            expected_loss: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Identity of the track within this process.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// Audio or video.
    pub fn kind(&self) -> MediaKind {
        self.inner.codec.kind()
    }

    /// Its codec.
    pub fn codec(&self) -> Codec {
        self.inner.codec
    }

    /// Sends a frame to every peer that is on its layer. Never waits; a frame of another codec is ignored.
    pub fn write_frame(&self, frame: EncodedFrame) {
        if frame.codec != self.inner.codec || self.kind() != MediaKind::Video || !self.has_subscribers() {
            return;
        }
        let payloads = {
            let mut payloader = self.inner.payloader.lock().unwrap_or_else(PoisonError::into_inner);
            payloader.packetize(&frame.data)
        };
        match payloads {
            Ok(payloads) if !payloads.is_empty() => {
                let size = (u32::from(frame.width), u32::from(frame.height));
                let EncodedFrame { timestamp, key, layer, .. } = frame;
                self.publish(PacketizedFrame { payloads, timestamp, key, layer, level: None }, Some(size));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a frame could not be packetized"),
        }
    }

    /// Sends an audio packet to every peer that has the track. Never waits.
    pub fn write_audio(&self, packet: AudioPacket) {
        if self.inner.codec == Codec::Opus && !packet.data.is_empty() && self.has_subscribers() {
            let AudioPacket { data, timestamp, level, .. } = packet;
            let layer = FrameLayer::default();
            self.publish(PacketizedFrame { payloads: vec![data], timestamp, key: true, layer, level }, None);
        }
    }

    /// What the peers together want: the layers, each with its bitrate, its highest temporal layer and the requests for
    /// key frames, which grow when a peer asks (PLI, FIR), when one begins on the layer, and when one had to skip. The
    /// bounds are those of the streams that hold the track ([`super::local_stream::LocalStream::set_encoding`]).
    pub fn demand(&self) -> watch::Receiver<VideoDemand> {
        self.inner.demand.subscribe()
    }

    /// How much of the sound the encoder has to make up for by redundancy (in-band FEC), in percent: the loss of the peer
    /// with the worst line, smoothed over its receiver reports. 0 while all gets through; always 0 for video.
    pub fn expected_loss(&self) -> watch::Receiver<u8> {
        self.inner.expected_loss.subscribe()
    }

    /// Says what the source can encode at most, for want of computing power; everything at first.
    pub fn set_restrictions(&self, restrictions: VideoSourceRestrictions) {
        let mut state = self.state();
        state.layers.set_restrictions(restrictions);
        self.update(&mut state, Instant::now());
    }

    /// How the stream `stream` wants the track encoded; `None` if it does not hold it any more.
    pub(crate) fn set_encoding(&self, stream: &str, encoding: Option<VideoEncoding>) {
        if self.kind() != MediaKind::Video {
            return;
        }
        let mut state = self.state();
        state.layers.set_encoding(stream, encoding);
        self.update(&mut state, Instant::now());
    }

    /// Upper bound of the bitrate of each layer, in bit/s.
    pub(crate) fn max_bitrate(&self) -> u32 {
        self.inner.demand.borrow().max_bitrate
    }

    /// Begins to receive packets, from the next key frame on.
    pub(crate) fn subscribe(&self, constraints: ReceiverConstraints) -> Subscription {
        let video = self.kind() == MediaKind::Video;
        let (sender, packets) = mpsc::channel(if video { VIDEO_QUEUE } else { AUDIO_QUEUE });
        let mut state = self.state();
        let id = state.layers.add(constraints);
        state.senders.push((id, sender));
        self.update(&mut state, Instant::now());
        Subscription { packets, id, track: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_subscribers(&self) -> bool {
        !self.state().senders.is_empty()
    }

    /// `size`: that of a picture. Sound has no layers to select.
    fn publish(&self, packets: PacketizedFrame, size: Option<(u32, u32)>) {
        let packets = Arc::new(packets);
        let mut state = self.state();
        if let Some(size) = size {
            state.layers.set_size(&self.inner.demand.borrow(), packets.layer.spatial, size);
            self.update(&mut state, Instant::now());
        }
        let State { layers, senders } = &mut *state;
        for (id, sender) in senders {
            if layers.admit(*id, packets.layer, packets.key)
                && sender.try_send(Arc::clone(&packets)).is_err()
                && self.kind() == MediaKind::Video
            {
                layers.missed(*id);
            }
        }
    }

    fn update_loss(&self, state: &State) {
        let worst = state.layers.loss_percent();
        self.inner.expected_loss.send_if_modified(|percent| std::mem::replace(percent, worst) != worst);
    }

    /// Selects for every peer, and tells the encoder what they want together.
    fn update(&self, state: &mut State, now: Instant) {
        let State { layers, senders } = state;
        let has_room = |id| {
            let sender = senders.iter().find(|(known, _)| *known == id);
            sender.is_some_and(|(_, sender)| sender.capacity() * 2 >= sender.max_capacity())
        };
        self.inner.demand.send_if_modified(|demand| layers.update(demand, has_room, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn frame(timestamp: u32, key: bool, bytes: usize) -> EncodedFrame {
        let data = Bytes::from(vec![u8::from(!key); bytes]);
        let layer = FrameLayer::default();
        EncodedFrame { data, codec: Codec::Vp8, key, timestamp, width: 0, height: 0, layer }
    }

    #[test]
    fn a_new_peer_starts_at_a_key_frame_and_asks_for_it() {
        let track = LocalTrack::video(Codec::Vp8);
        let demand = track.demand();
        assert!(!demand.borrow().wanted());
        let mut subscription = track.subscribe(ReceiverConstraints::default());
        assert_eq!((demand.borrow().wanted(), demand.borrow().key_frames()), (true, 1));
        track.write_frame(frame(1, false, 10));
        track.write_frame(frame(2, true, 10));
        track.write_frame(frame(3, false, 10));
        assert_eq!(subscription.packets.try_recv().unwrap().timestamp, 2);
        assert_eq!(subscription.packets.try_recv().unwrap().timestamp, 3);
        drop(subscription);
        assert!(!demand.borrow().wanted());
    }

    #[test]
    fn one_slow_peer_skips_and_the_others_do_not_notice() {
        let track = LocalTrack::video(Codec::Vp8);
        let (mut slow, mut fast) =
            (track.subscribe(ReceiverConstraints::default()), track.subscribe(ReceiverConstraints::default()));
        let before = track.demand().borrow().key_frames();
        for n in 0..VIDEO_QUEUE as u32 + 5 {
            track.write_frame(frame(n, n == 0, 10));
            assert_eq!(fast.packets.try_recv().unwrap().timestamp, n);
        }
        let asked = || track.demand().borrow().key_frames() - before;
        assert_eq!(asked(), 0, "a key frame would be of no use yet");
        while slow.packets.try_recv().is_ok() {}
        track.write_frame(frame(100, false, 10));
        assert!(slow.packets.try_recv().is_err());
        assert_eq!(asked(), 1);
        track.write_frame(frame(101, true, 10));
        assert_eq!(slow.packets.try_recv().unwrap().timestamp, 101);
    }

    #[test]
    fn the_worst_line_counts_until_it_is_gone() {
        let track = LocalTrack::audio();
        let expected = track.expected_loss();
        let (good, bad) =
            (track.subscribe(ReceiverConstraints::default()), track.subscribe(ReceiverConstraints::default()));
        good.report_loss(0);
        bad.report_loss(51);
        assert_eq!(*expected.borrow(), 10);
        good.report_loss(0);
        assert_eq!(*expected.borrow(), 10);
        drop(bad);
        assert_eq!(*expected.borrow(), 0);
    }

    #[test]
    fn a_frame_is_cut_once_for_all() {
        let track = LocalTrack::video(Codec::Vp8);
        let (mut one, mut two) =
            (track.subscribe(ReceiverConstraints::default()), track.subscribe(ReceiverConstraints::default()));
        track.write_frame(frame(1, true, 10));
        let (one, two) = (one.packets.try_recv().unwrap(), two.packets.try_recv().unwrap());
        assert!(Arc::ptr_eq(&one, &two));
    }
}
