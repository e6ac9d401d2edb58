//! The packetizer: encoded frames become RTP payloads, once for all receivers.

use super::vp8::DESCRIPTOR_BYTES;
use super::vp9::Vp9Packetizer;
use bytes::Bytes;
use confab_wire::{
    layers::FrameLayer,
    media::{AudioLevel, Codec},
};
use rtc::rtp::codec::vp8::Vp8Payloader;
use rtc::rtp::packetizer::Payloader as _;

/// Largest RTP payload in bytes: an Ethernet MTU of the internet's narrow parts (1280, RFC 8200 section 5) less IPv6,
/// UDP, RTP with extensions, the retransmission header and the SRTP tag.
pub const MAX_PAYLOAD_BYTES: usize = 1160;
/// RTP packets that a sender keeps for retransmission: about three seconds at 1.5 Mbit/s.
pub const PACKET_HISTORY: u16 = 512;
/// Length in bytes of the VP8 payload descriptor that the payloader of `rtc` writes without a picture id.
const SHORT_DESCRIPTOR_BYTES: usize = 1;

/// One encoded frame or audio packet as RTP payloads, which all receivers share.
#[derive(Debug)]
pub struct PacketizedFrame {
    /// RTP payloads; of VP8 without the payload descriptor, which differs between receivers.
    pub payloads: Vec<Bytes>,
    /// RTP timestamp of the source, in units of its codec's clock.
    pub timestamp: u32,
    /// True for key frames and for audio: what can be decoded alone.
    pub key: bool,
    /// Spatial and temporal layer of a frame.
    pub layer: FrameLayer,
    /// Audio level (RFC 6464), if it is audio and its source measures it.
    pub level: Option<AudioLevel>,
}

/// Frames can't be packetized.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PacketizationError(#[from] rtc::shared::error::Error);

/// Cuts encoded frames of one codec into RTP payloads.
#[derive(Debug)]
pub struct Packetizer(Payloader);

#[derive(Debug)]
enum Payloader {
    Vp8(Vp8Payloader),
    Vp9(Vp9Packetizer),
    /// Opus needs none, and H.264 is never sent.
    None,
}

impl Packetizer {
    /// For frames of `codec`; `picture_id` should be random, and is the one before the first where payloads hold it (VP9).
    pub fn new(codec: Codec, picture_id: u16) -> Self {
        Self(match codec {
            Codec::Vp8 => Payloader::Vp8(Vp8Payloader::default()),
            Codec::Vp9 => Payloader::Vp9(Vp9Packetizer::new(picture_id)),
            Codec::H264 | Codec::Opus => Payloader::None,
        })
    }

    /// The payloads of a frame, as [`PacketizedFrame`] has them; none of a codec that is never sent as video.
    pub fn packetize(&mut self, frame: &Bytes) -> Result<Vec<Bytes>, PacketizationError> {
        match &mut self.0 {
            Payloader::Vp8(payloader) => {
                let room = MAX_PAYLOAD_BYTES - DESCRIPTOR_BYTES + SHORT_DESCRIPTOR_BYTES;
                let payloads = payloader.payload(room, frame)?;
                Ok(payloads.into_iter().map(|payload| payload.slice(SHORT_DESCRIPTOR_BYTES..)).collect())
            }
            Payloader::Vp9(packetizer) => Ok(packetizer.payload(MAX_PAYLOAD_BYTES, frame)),
            Payloader::None => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_and_its_parts_are_the_same_bytes() {
        let frame: Bytes = (0..3 * MAX_PAYLOAD_BYTES).map(|n| n as u8).collect();
        let parts = Packetizer::new(Codec::Vp8, 0).packetize(&frame).unwrap();
        assert_eq!(parts.concat(), frame);
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|part| part.len() + DESCRIPTOR_BYTES <= MAX_PAYLOAD_BYTES));
    }
}
