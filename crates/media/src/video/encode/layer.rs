//! The encoder of one spatial layer, which starts and stops with the demand for it.

use confab_wire::{
    layers::{FrameLayer, LayerDemand, SpatialLayer, TOP_TEMPORAL},
    media::{Codec, EncodedFrame, VIDEO_CLOCK_HZ},
};

use crate::video::encode::temporal::{FrameKind, PatternCursor};
use crate::video::i420::I420Frame;
use crate::video::vpx::{EncoderSettings, Packet, VpxEncoder, VpxError};

/// Lowest bitrate that is encoded, in bit/s; below it VP8 sends hardly a frame.
const MIN_BITRATE: u32 = 50_000;
/// Shortest time between two key frames that are asked for, in 1/90000 s: a peer that asks all the time must not cost the
/// others their picture.
const KEY_FRAME_PAUSE: i64 = VIDEO_CLOCK_HZ as i64 / 4;

/// Presentation time and duration of a picture, both in 1/90000 s.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Grows strictly.
    pub pts: i64,
    /// Over 0.
    pub duration: u32,
}

/// What holds for all layers of a picture.
#[derive(Debug, Clone, Copy)]
pub struct LayerTerms {
    /// Greatest bitrate in bit/s.
    pub most: u32,
    /// Frames per second to plan for.
    pub fps: u32,
    /// See [`EncoderSettings::detailed`].
    pub detailed: bool,
}

/// The encoder of one spatial layer.
#[derive(Debug)]
pub struct LayerEncoder {
    spatial: SpatialLayer,
    encoder: Option<VpxEncoder>,
    cursor: PatternCursor,
    /// Requests for key frames that are answered; `None`: the next frame has to be one, since the last one was not sent.
    answered: Option<u64>,
    /// When the last key frame was taken, in 1/90000 s.
    last_key: i64,
}

impl LayerEncoder {
    /// A layer that opens libvpx with its first picture.
    pub fn new(spatial: SpatialLayer) -> Self {
        Self { spatial, encoder: None, cursor: PatternCursor::default(), answered: None, last_key: i64::MIN }
    }

    /// The layer is not wanted: frees its encoder. It begins with a key frame when it is wanted again, with an encoder
    /// of its own: after a pause of seconds libvpx (1.12) leaves out every picture.
    pub fn stop(&mut self) {
        self.encoder = None;
        self.answered = None;
    }

    /// Encodes a picture for `demand`. `None`: the picture belongs to a temporal layer that is not wanted, or no bits were left
    /// for it.
    pub fn encode(
        &mut self,
        picture: &I420Frame,
        timing: Timing,
        demand: LayerDemand,
        LayerTerms { most, fps, detailed }: LayerTerms,
    ) -> Result<Option<EncodedFrame>, VpxError> {
        let temporal = demand.temporal.min(TOP_TEMPORAL);
        let bitrate = demand.bitrate.clamp(MIN_BITRATE, most.max(MIN_BITRATE));
        let (width, height) = (picture.width(), picture.height());
        let settings = EncoderSettings { width, height, fps, bitrate, temporal, detailed };
        if !self.follow(settings)? {
            self.answered = None;
        }
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            slot => slot.insert(VpxEncoder::new(settings)?),
        };
        // One request or many since the last key frame: one key frame.
        let rested = timing.pts.saturating_sub(self.last_key) >= KEY_FRAME_PAUSE;
        let key = self.answered.is_none_or(|answered| answered != demand.key_frames && rested);
        let Some(kind) = self.cursor.next(temporal, key) else { return Ok(None) };
        let packet = encoder.encode(picture, timing.pts, timing.duration, kind)?;
        let Some(Packet { data, key }) = packet else {
            // Also a key frame can be dropped: it is still owed.
            return Ok(None);
        };
        if key {
            self.answered = Some(demand.key_frames);
            self.last_key = timing.pts;
        }
        let kind = self.settle(kind, key);
        Ok(Some(EncodedFrame {
            data,
            codec: Codec::Vp8,
            key,
            timestamp: timing.pts as u32,
            width: width as u16,
            height: height as u16,
            layer: FrameLayer { spatial: self.spatial, temporal: kind.temporal(), sync: kind.is_sync() },
        }))
    }

    /// libvpx makes a key frame of its own where a scene changes: there the pattern begins, too.
    fn settle(&mut self, kind: FrameKind, key: bool) -> FrameKind {
        if key && kind != FrameKind::Key {
            self.cursor = PatternCursor::after_key();
            return FrameKind::Key;
        }
        kind
    }

    /// Makes the encoder there is one of these settings. False if there is none left that could be: libvpx cannot grow
    /// beyond its first size, and a new size needs a key frame anyway.
    fn follow(&mut self, settings: EncoderSettings) -> Result<bool, VpxError> {
        let Some(encoder) = &mut self.encoder else { return Ok(false) };
        let now = encoder.settings();
        if (EncoderSettings { bitrate: settings.bitrate, temporal: settings.temporal, ..now }) != settings {
            self.encoder = None;
            return Ok(false);
        }
        if now != settings {
            encoder.set_rate(settings.bitrate, settings.temporal)?;
        }
        Ok(true)
    }
}
