//! Tracks of our own: encoded once, packetized once, handed to every peer's forwarder.

use confab_rtp::encoding::{VideoEncoding, bound};
use confab_rtp::layers::{
    self, LayerRequest, LayerSelection, LayerSelector, LayerSwitch, ReceiverConstraints, SourceLayers,
};
use confab_rtp::meters::LossEstimate;
use confab_rtp::packetization::{PacketizedFrame, Packetizer};
use confab_wire::{
    layers::{FrameLayer, Relief, SPATIAL_LAYERS, SpatialLayer},
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
    /// What the peer can take and shows from now on.
    pub(crate) fn set_wants(&self, wants: ReceiverConstraints) {
        let mut state = self.track.state();
        if let Some(subscriber) = state.subscriber(self.id) {
            subscriber.wants = wants;
        }
        self.track.update(&mut state, Instant::now());
    }

    /// The peer asks for a key frame: of the layer it is on, or waits for.
    pub(crate) fn request_key_frame(&self) {
        let mut state = self.track.state();
        let Some(subscriber) = state.subscriber(self.id) else { return };
        let layer = subscriber.switch.current().or(subscriber.chooser.selection().layer);
        if let Some(layer) = layer.filter(|_| self.track.kind() == MediaKind::Video) {
            state.key_frames[layer.index()] += 1;
        }
        self.track.update(&mut state, Instant::now());
    }

    /// The peer reports which share of the track was lost since its last report, in 1/256.
    pub(crate) fn report_loss(&self, fraction: u8) {
        let mut state = self.track.state();
        if let Some(subscriber) = state.subscriber(self.id) {
            subscriber.loss.report(fraction);
        }
        self.track.update_loss(&state);
    }

    /// What the peer gets and could use; `late`: what was written last still waits to be sent.
    pub(crate) fn look(&self, late: bool) -> Look {
        let mut state = self.track.state();
        let Some(subscriber) = state.subscriber(self.id) else { return Look::default() };
        subscriber.late = late;
        let (choice, need) = (subscriber.chooser.selection(), subscriber.chooser.needed_bitrate());
        Look { choice, current: subscriber.switch.current(), need, most: self.track.max_bitrate() }
    }
}

/// One peer's part of a track at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// What the peer is to get.
    pub(crate) choice: LayerSelection,
    /// The layer it is on.
    pub(crate) current: Option<SpatialLayer>,
    /// Bit/s that the peer would get on a line without bounds; 0 if it shows nothing.
    pub(crate) need: u32,
    /// Upper bound of the bitrate, in bit/s.
    pub(crate) most: u32,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.track.state();
        state.subscribers.retain(|subscriber| subscriber.id != self.id);
        self.track.update(&mut state, Instant::now());
        self.track.update_loss(&state);
    }
}

#[derive(Debug)]
struct Subscriber {
    id: u64,
    sender: mpsc::Sender<Arc<PacketizedFrame>>,
    wants: ReceiverConstraints,
    chooser: LayerSelector,
    switch: LayerSwitch,
    /// The layer of which a key frame was asked for, so that it can begin.
    asked: Option<SpatialLayer>,
    /// What it was given last still waits to be sent.
    late: bool,
    loss: LossEstimate,
}

impl Subscriber {
    /// The layer of which a key frame is to be asked for, so that it can begin there. Once, and not before it has room:
    /// a peer that takes nothing must not cost the others a key frame again and again.
    fn ask(&mut self, wanted: Option<SpatialLayer>) -> Option<SpatialLayer> {
        if wanted.is_none() {
            // Also if no frame comes any more, because nobody else wants one.
            self.switch.interrupt();
        }
        if self.switch.current() == wanted {
            self.asked = None;
        } else if self.asked != wanted && self.sender.capacity() * 2 >= self.sender.max_capacity() {
            self.asked = wanted;
            return wanted;
        }
        None
    }

    /// Gives it the packets, if they are for it.
    fn offer(&mut self, packets: &Arc<PacketizedFrame>, codec: Codec) {
        let LayerSelection { layer, temporal, .. } = self.chooser.selection();
        // Until the line is clear, only what all later frames build on.
        let temporal = if self.late { 0 } else { temporal };
        if !self.switch.admit(packets.layer, packets.key, layer, temporal) {
            return;
        }
        if self.sender.try_send(Arc::clone(packets)).is_err() && codec != Codec::Opus {
            self.switch.interrupt();
            self.asked = None;
        }
    }
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    subscribers: Vec<Subscriber>,
    /// How the streams that hold the track want it encoded, by stream id.
    encodings: Vec<(String, VideoEncoding)>,
    /// Pixels of the full layer, by the newest frame.
    full: Option<(u32, u32)>,
    /// What the computer can encode at most.
    relief: Relief,
    /// Requests for key frames of each layer.
    key_frames: [u64; SPATIAL_LAYERS],
}

impl State {
    fn subscriber(&mut self, id: u64) -> Option<&mut Subscriber> {
        self.subscribers.iter_mut().find(|subscriber| subscriber.id == id)
    }

    fn supply(&self, layered: bool, demand: &VideoDemand) -> SourceLayers {
        SourceLayers {
            layered,
            full: self.full,
            relief: self.relief,
            max_framerate: demand.max_framerate,
            max_bitrate: demand.max_bitrate,
            degradation: demand.degradation(),
        }
    }
}

#[derive(Debug)]
struct Inner {
    id: String,
    codec: Codec,
    /// The source encodes the layers that are asked for.
    layered: bool,
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
            layered,
            payloader: Mutex::new(Packetizer::new(codec, rand::random())),
            state: Mutex::default(),
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
    pub fn set_relief(&self, relief: Relief) {
        let mut state = self.state();
        state.relief = relief;
        self.update(&mut state, Instant::now());
    }

    /// How the stream `stream` wants the track encoded; `None` if it does not hold it any more.
    pub(crate) fn set_encoding(&self, stream: &str, encoding: Option<VideoEncoding>) {
        if self.kind() != MediaKind::Video {
            return;
        }
        let mut state = self.state();
        state.encodings.retain(|(known, _)| known != stream);
        state.encodings.extend(encoding.map(|encoding| (stream.to_owned(), encoding)));
        self.update(&mut state, Instant::now());
    }

    /// Upper bound of the bitrate of each layer, in bit/s.
    pub(crate) fn max_bitrate(&self) -> u32 {
        self.inner.demand.borrow().max_bitrate
    }

    /// Begins to receive packets, from the next key frame on.
    pub(crate) fn subscribe(&self, wants: ReceiverConstraints) -> Subscription {
        let video = self.kind() == MediaKind::Video;
        let (sender, packets) = mpsc::channel(if video { VIDEO_QUEUE } else { AUDIO_QUEUE });
        let mut state = self.state();
        state.next += 1;
        let id = state.next;
        let (chooser, switch, loss) = Default::default();
        state.subscribers.push(Subscriber { id, sender, wants, chooser, switch, asked: None, late: false, loss });
        self.update(&mut state, Instant::now());
        Subscription { packets, id, track: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_subscribers(&self) -> bool {
        !self.state().subscribers.is_empty()
    }

    /// `size`: that of a picture. Sound has no layers to choose.
    fn publish(&self, packets: PacketizedFrame, size: Option<(u32, u32)>) {
        let packets = Arc::new(packets);
        let mut state = self.state();
        if let Some(size) = size {
            self.learn_size(&mut state, packets.layer.spatial, size);
            self.update(&mut state, Instant::now());
        }
        for subscriber in &mut state.subscribers {
            subscriber.offer(&packets, self.inner.codec);
        }
    }

    /// A frame of `layer` has this size: that of the largest layer there is counts, the smaller ones are rounded.
    fn learn_size(&self, state: &mut State, layer: SpatialLayer, (width, height): (u32, u32)) {
        let demand = self.inner.demand.borrow();
        let largest = SpatialLayer::ALL.into_iter().rev().find(|layer| demand.layer(*layer).is_some());
        if width > 0 && height > 0 && largest <= Some(layer) {
            state.full = Some(layer.full_size((width, height)));
        }
    }

    /// The worst line counts: what is encoded once for all has to mend there too.
    fn update_loss(&self, state: &State) {
        let worst = state.subscribers.iter().map(|subscriber| subscriber.loss.percent()).max().unwrap_or(0);
        self.inner.expected_loss.send_if_modified(|percent| std::mem::replace(percent, worst) != worst);
    }

    /// Chooses for every peer, and tells the encoder what they want together.
    fn update(&self, state: &mut State, now: Instant) {
        self.inner.demand.send_if_modified(|demand| {
            let before = *demand;
            bound(demand, state.encodings.iter().map(|(_, encoding)| encoding));
            let supply = state.supply(self.inner.layered, demand);
            for subscriber in &mut state.subscribers {
                let choice = subscriber.chooser.select(&supply, &subscriber.wants, &demand.layers, now);
                if let Some(layer) = subscriber.ask(choice.layer) {
                    state.key_frames[layer.index()] += 1;
                }
            }
            let ask = |subscriber: &Subscriber| LayerRequest {
                selection: subscriber.chooser.selection(),
                current: subscriber.switch.current(),
                bitrate: subscriber.wants.bitrate,
            };
            let asks: Vec<LayerRequest> = state.subscribers.iter().map(ask).collect();
            demand.layers = layers::merge(&asks, &supply, &state.key_frames);
            *demand != before
        });
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
