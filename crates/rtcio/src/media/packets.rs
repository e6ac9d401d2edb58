//! Frames, cut into what fits into a packet.

use super::vp8::MARKS_BYTES;
use super::vp9::Vp9Payloader;
use bytes::Bytes;
use confab_wire::{
    ladder::FrameLayer,
    media::{AudioLevel, Codec},
};
use rtc::rtp::codec::vp8::Vp8Payloader;
use rtc::rtp::packetizer::Payloader;

/// Largest RTP payload in bytes: an Ethernet MTU of the internet's narrow parts (1280, RFC 8200 section 5) less IPv6,
/// UDP, RTP with extensions, the retransmission header and the SRTP tag.
pub(crate) const PAYLOAD_BYTES: usize = 1160;
/// Packets that a sender keeps to send them again: about three seconds at 1.5 Mbit/s.
pub(crate) const KEPT_PACKETS: u16 = 512;
/// Bytes of the library's VP8 descriptor without a picture id.
const SHORT_DESCRIPTOR_BYTES: usize = 1;

/// One frame or audio packet, ready for any peer.
#[derive(Debug)]
pub(crate) struct Packets {
    /// RTP payloads; of VP8 without the payload descriptor, which differs between peers.
    pub(crate) payloads: Vec<Bytes>,
    pub(crate) timestamp: u32,
    /// True for key frames and for audio: what can be understood alone.
    pub(crate) key: bool,
    pub(crate) layer: FrameLayer,
    /// How loud it is, if it is audio and its source says.
    pub(crate) level: Option<AudioLevel>,
}

/// What cuts frames into RTP payloads.
#[derive(Debug)]
pub(crate) enum Cutter {
    Vp8(Vp8Payloader),
    Vp9(Vp9Payloader),
    /// There is nothing to cut, or nobody here knows how.
    None,
}

impl Cutter {
    pub(crate) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Vp8 => Self::Vp8(Vp8Payloader::default()),
            Codec::Vp9 => Self::Vp9(Vp9Payloader::new()),
            Codec::H264 | Codec::Opus => Self::None,
        }
    }

    /// The payloads of a frame, as [`Packets`] has them.
    pub(crate) fn cut(&mut self, frame: &Bytes) -> Result<Vec<Bytes>, rtc::shared::error::Error> {
        match self {
            Self::Vp8(payloader) => {
                let room = PAYLOAD_BYTES - MARKS_BYTES + SHORT_DESCRIPTOR_BYTES;
                let payloads = payloader.payload(room, frame)?;
                Ok(payloads.into_iter().map(|payload| payload.slice(SHORT_DESCRIPTOR_BYTES..)).collect())
            }
            Self::Vp9(payloader) => Ok(payloader.payload(PAYLOAD_BYTES, frame)),
            Self::None => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_and_its_parts_are_the_same_bytes() {
        let frame: Bytes = (0..3 * PAYLOAD_BYTES).map(|n| n as u8).collect();
        let parts = Cutter::new(Codec::Vp8).cut(&frame).unwrap();
        assert_eq!(parts.concat(), frame);
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|part| part.len() + MARKS_BYTES <= PAYLOAD_BYTES));
    }
}
