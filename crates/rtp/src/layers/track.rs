//! The layers of one track for all its receivers: what each of them gets, and what the encoder is asked for.

use super::demand::{LayerRequest, merge};
use super::layer_switch::LayerSwitch;
use super::selection::{LayerSelection, LayerSelector, ReceiverConstraints};
use super::source::SourceLayers;
use crate::encoding::{VideoEncoding, bound};
use crate::meters::LossEstimate;
use confab_wire::{
    layers::{FrameLayer, SPATIAL_LAYERS, SpatialLayer, VideoSourceRestrictions},
    media::VideoDemand,
};
use std::time::Instant;

/// What one receiver of a track gets at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiverLayers {
    /// The layers that it is to get.
    pub selection: LayerSelection,
    /// The layer it is on, until a key frame of the selected one comes.
    pub current: Option<SpatialLayer>,
    /// Bit/s that it could make use of, were the bandwidth unbounded; 0 if it draws nothing.
    pub needed_bitrate: u32,
}

#[derive(Debug, Default)]
struct Receiver {
    id: u64,
    constraints: ReceiverConstraints,
    selector: LayerSelector,
    switch: LayerSwitch,
    /// The layer of which a key frame was requested, so that it can begin there.
    requested: Option<SpatialLayer>,
    /// What it was given last still waits to be sent.
    backlogged: bool,
    loss: LossEstimate,
}

impl Receiver {
    /// The layer of which a key frame is to be requested, so that it can begin there. Once, and not before it has room: a
    /// receiver that takes nothing must not cost the others a key frame again and again.
    fn key_frame_for(&mut self, wanted: Option<SpatialLayer>, has_room: bool) -> Option<SpatialLayer> {
        if wanted.is_none() {
            // Also if no frame comes any more, because no other receiver wants one.
            self.switch.interrupt();
        }
        if self.switch.current() == wanted {
            self.requested = None;
        } else if self.requested != wanted && has_room {
            self.requested = wanted;
            return wanted;
        }
        None
    }
}

/// Selects the layers of one track for each receiver, and adds them up to one demand. Receivers are known by ids.
#[derive(Debug, Default)]
pub struct TrackLayers {
    layered: bool,
    last_id: u64,
    receivers: Vec<Receiver>,
    /// How the streams that hold the track want it encoded, by stream id.
    encodings: Vec<(String, VideoEncoding)>,
    /// Pixels of the full layer, by the newest frame.
    full: Option<(u32, u32)>,
    /// What can be encoded at most, for want of computing power.
    restrictions: VideoSourceRestrictions,
    /// Requests for key frames of each layer.
    key_frames: [u64; SPATIAL_LAYERS],
}

impl TrackLayers {
    /// A track without receivers; `layered` if its source encodes the layers that are asked for.
    pub fn new(layered: bool) -> Self {
        Self { layered, ..Self::default() }
    }

    /// A new receiver, which begins with the next key frame; returns its id.
    pub fn add(&mut self, constraints: ReceiverConstraints) -> u64 {
        self.last_id += 1;
        self.receivers.push(Receiver { id: self.last_id, constraints, ..Receiver::default() });
        self.last_id
    }

    /// A receiver is gone.
    pub fn remove(&mut self, id: u64) {
        self.receivers.retain(|receiver| receiver.id != id);
    }

    /// What bounds a receiver from now on.
    pub fn set_constraints(&mut self, id: u64, constraints: ReceiverConstraints) {
        if let Some(receiver) = self.receiver(id) {
            receiver.constraints = constraints;
        }
    }

    /// A receiver asks for a key frame: of the layer it is on, or waits for.
    pub fn request_key_frame(&mut self, id: u64) {
        let Some(receiver) = self.receiver(id) else { return };
        let layer = receiver.switch.current().or(receiver.selector.selection().layer);
        if let Some(layer) = layer {
            self.key_frames[layer.index()] += 1;
        }
    }

    /// A receiver reports the fraction lost of RFC 3550 section 6.4.1, in 1/256.
    pub fn report_loss(&mut self, id: u64, fraction: u8) {
        if let Some(receiver) = self.receiver(id) {
            receiver.loss.report(fraction);
        }
    }

    /// The highest loss of any receiver in percent, smoothed: what is encoded once for all has to make up for that.
    pub fn loss_percent(&self) -> u8 {
        self.receivers.iter().map(|receiver| receiver.loss.percent()).max().unwrap_or(0)
    }

    /// How the stream `stream` wants the track encoded; `None` if it does not hold it any more.
    pub fn set_encoding(&mut self, stream: &str, encoding: Option<VideoEncoding>) {
        self.encodings.retain(|(known, _)| known != stream);
        self.encodings.extend(encoding.map(|encoding| (stream.to_owned(), encoding)));
    }

    /// What can be encoded at most from now on, for want of computing power.
    pub fn set_restrictions(&mut self, restrictions: VideoSourceRestrictions) {
        self.restrictions = restrictions;
    }

    /// A frame of `layer` has this size in pixels: that of the largest layer in `demand` counts, the smaller ones are
    /// rounded.
    pub fn set_size(&mut self, demand: &VideoDemand, layer: SpatialLayer, (width, height): (u32, u32)) {
        let largest = SpatialLayer::ALL.into_iter().rev().find(|layer| demand.layer(*layer).is_some());
        if width > 0 && height > 0 && largest <= Some(layer) {
            self.full = Some(layer.full_size((width, height)));
        }
    }

    /// Selects for every receiver, and puts into `demand` what they want together; true if that changed it. `has_room` says
    /// whether a receiver, by its id, can take more frames.
    pub fn update(&mut self, demand: &mut VideoDemand, has_room: impl Fn(u64) -> bool, now: Instant) -> bool {
        let before = *demand;
        bound(demand, self.encodings.iter().map(|(_, encoding)| encoding));
        let source = SourceLayers {
            layered: self.layered,
            full: self.full,
            restrictions: self.restrictions,
            max_framerate: demand.max_framerate,
            max_bitrate: demand.max_bitrate,
            degradation: demand.degradation(),
        };
        for receiver in &mut self.receivers {
            let selection = receiver.selector.select(&source, &receiver.constraints, &demand.layers, now);
            if let Some(layer) = receiver.key_frame_for(selection.layer, has_room(receiver.id)) {
                self.key_frames[layer.index()] += 1;
            }
        }
        let request = |receiver: &Receiver| LayerRequest {
            selection: receiver.selector.selection(),
            current: receiver.switch.current(),
            bitrate: receiver.constraints.bitrate,
        };
        let requests: Vec<LayerRequest> = self.receivers.iter().map(request).collect();
        demand.layers = merge(&requests, &source, &self.key_frames);
        *demand != before
    }

    /// What a receiver gets. `backlogged`: what it was given last still waits to be sent, so until it was sent it gets only
    /// what all later frames build on.
    pub fn layers_of(&mut self, id: u64, backlogged: bool) -> ReceiverLayers {
        let Some(receiver) = self.receiver(id) else { return ReceiverLayers::default() };
        receiver.backlogged = backlogged;
        ReceiverLayers {
            selection: receiver.selector.selection(),
            current: receiver.switch.current(),
            needed_bitrate: receiver.selector.needed_bitrate(),
        }
    }

    /// True if a receiver gets this frame.
    pub fn admit(&mut self, id: u64, frame: FrameLayer, key: bool) -> bool {
        let Some(receiver) = self.receiver(id) else { return false };
        let LayerSelection { layer, temporal, .. } = receiver.selector.selection();
        let temporal = if receiver.backlogged { 0 } else { temporal };
        receiver.switch.admit(frame, key, layer, temporal)
    }

    /// A receiver had no room for a frame that it was to get: it goes on with the next key frame.
    pub fn missed(&mut self, id: u64) {
        if let Some(receiver) = self.receiver(id) {
            receiver.switch.interrupt();
            receiver.requested = None;
        }
    }

    fn receiver(&mut self, id: u64) -> Option<&mut Receiver> {
        self.receivers.iter_mut().find(|receiver| receiver.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::layers::RenderedSize;

    const FULL: FrameLayer = FrameLayer { spatial: SpatialLayer::Full, temporal: 0, sync: false };

    #[test]
    fn a_receiver_without_room_costs_the_others_no_key_frame() {
        let (mut track, mut demand, now) = (TrackLayers::new(false), VideoDemand::default(), Instant::now());
        let id = track.add(ReceiverConstraints::default());
        assert!(track.update(&mut demand, |_| true, now));
        assert_eq!(demand.key_frames(), 1, "it has to begin somewhere");
        assert!(!track.admit(id, FULL, false));
        assert!(track.admit(id, FULL, true) && track.admit(id, FULL, false));
        track.missed(id);
        assert!(!track.update(&mut demand, |_| false, now));
        assert!(!track.admit(id, FULL, false));
        assert!(track.update(&mut demand, |_| true, now) && demand.key_frames() == 2);
        assert!(!track.update(&mut demand, |_| true, now), "one request is enough");
        track.remove(id);
        assert!(track.update(&mut demand, |_| true, now) && !demand.wanted());
    }

    #[test]
    fn a_backlogged_receiver_gets_the_base_layer_only() {
        let (mut track, mut demand) = (TrackLayers::new(false), VideoDemand::default());
        let id = track.add(ReceiverConstraints::default());
        track.update(&mut demand, |_| true, Instant::now());
        let top = FrameLayer { temporal: 2, sync: true, ..FULL };
        assert!(track.admit(id, FULL, true) && track.admit(id, top, false));
        assert_eq!(track.layers_of(id, true).current, Some(SpatialLayer::Full));
        assert!(!track.admit(id, top, false) && track.admit(id, FULL, false));
    }

    #[test]
    fn each_receiver_has_its_layer_and_the_worst_loss_counts() {
        let (mut track, mut demand, now) = (TrackLayers::new(true), VideoDemand::default(), Instant::now());
        let large = track.add(ReceiverConstraints::default());
        let small = track.add(ReceiverConstraints {
            rendered_size: Some(RenderedSize { width: 320, height: 180 }),
            ..Default::default()
        });
        track.set_size(&demand, SpatialLayer::Full, (1280, 720));
        track.update(&mut demand, |_| true, now);
        let wanted = SpatialLayer::ALL.map(|layer| demand.layer(layer).is_some());
        assert_eq!(wanted, [true, false, true]);
        assert_eq!(track.layers_of(small, false).selection.layer, Some(SpatialLayer::Quarter));
        track.report_loss(small, 0);
        track.report_loss(large, 51);
        assert_eq!(track.loss_percent(), 10);
        track.remove(large);
        assert_eq!(track.loss_percent(), 0);
    }
}
