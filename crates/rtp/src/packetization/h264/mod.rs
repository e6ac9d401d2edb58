//! H.264: depacketization (RFC 6184, packetization mode 1). The depacketizer of `rtc` panics on an aggregate that is cut short
//! and takes fragments without their beginning for whole.

mod sequence_parameters;

use super::payload::ParsedPayload;
use bytes::{Bytes, BytesMut};
use sequence_parameters::picture_size;

/// What stands before each NAL unit of a byte stream (ITU-T H.264 annex B).
const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// NAL unit types: a slice of an IDR picture and a sequence parameter set (ITU-T H.264 table 7-1).
const IDR: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
/// Payload types of packetization mode 1 beside single NAL units (RFC 6184 table 1).
const AGGREGATE: u8 = 24;
const FRAGMENT: u8 = 28;

/// A frame as decoders take it: a byte stream with start codes.
#[derive(Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// NAL units, each behind a start code.
    pub data: Bytes,
    /// A decoder can begin here: there is an IDR picture, and the parameters for it, which WebRTC has in-band (RFC 7742
    /// section 6.2).
    pub key: bool,
    /// Width and height in pixels, if it has sequence parameters.
    pub size: Option<(u16, u16)>,
}

/// Parses an RTP payload, which stays whole. `None` if it is none of packetization mode 1. No payload tells that it begins a
/// frame: here all do that do not go on with a NAL unit.
pub fn parse(packet: &Bytes) -> Option<ParsedPayload> {
    let first = *packet.first()?;
    let frame_start = match kind(first)? {
        FRAGMENT => Fragment::parse(packet)?.begins,
        _ => true,
    };
    Some(ParsedPayload { frame_start, data: packet.clone() })
}

/// Whether an IDR picture begins in a payload, and the size that sequence parameters in it say.
pub fn beginnings(payload: &[u8]) -> (bool, Option<(u16, u16)>) {
    let of_unit = |unit: &[u8]| match unit.first().map(|first| first & 0x1f) {
        Some(IDR) => (true, None),
        Some(SEQUENCE_PARAMETERS) => (false, picture_size(unit)),
        _ => (false, None),
    };
    match payload.first().copied().and_then(kind) {
        Some(AGGREGATE) => {
            let (mut rest, mut idr, mut size) = (&payload[1..], false, None);
            while let Some((length, behind)) = rest.split_first_chunk() {
                let Some((unit, behind)) = behind.split_at_checked(u16::from_be_bytes(*length).into()) else { break };
                let (is_idr, says) = of_unit(unit);
                (rest, idr, size) = (behind, idr || is_idr, says.or(size));
            }
            (idr, size)
        }
        // Parameters are far smaller than a packet.
        Some(FRAGMENT) => (Fragment::parse(payload).is_some_and(|part| part.begins && part.head & 0x1f == IDR), None),
        Some(_) => of_unit(payload),
        None => (false, None),
    }
}

/// The access unit in the payloads of one timestamp. `None` if one of them is damaged, fragments are
/// missing, or its sequence parameters are those of no picture that may be decoded.
pub fn access_unit<'a>(payloads: impl IntoIterator<Item = &'a Bytes>) -> Option<AccessUnit> {
    let mut assembly = Assembly::default();
    for payload in payloads {
        assembly.add(payload)?;
    }
    assembly.finish()
}

/// The type of a payload, `None` if none of mode 1 or marked as damaged (RFC 6184 section 5.3, F).
fn kind(first: u8) -> Option<u8> {
    (first & 0x80 == 0 && matches!(first & 0x1f, 1..=23 | AGGREGATE | FRAGMENT)).then_some(first & 0x1f)
}

/// True for the first byte of a NAL unit that stands in an access unit.
fn is_unit(first: u8) -> bool {
    kind(first).is_some_and(|kind| kind < AGGREGATE)
}

/// A part of a NAL unit (RFC 6184 section 5.8).
struct Fragment<'a> {
    begins: bool,
    ends: bool,
    /// First byte of the NAL unit.
    head: u8,
    data: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn parse(payload: &'a [u8]) -> Option<Self> {
        let [indicator, header, data @ ..] = payload else { return None };
        let (begins, ends) = (header & 0x80 != 0, header & 0x40 != 0);
        let head = indicator & 0xe0 | header & 0x1f;
        (is_unit(head) && !(begins && ends)).then_some(Self { begins, ends, head, data })
    }
}

#[derive(Default)]
struct Assembly {
    data: BytesMut,
    /// Where the NAL unit began whose fragments come.
    open: Option<usize>,
    idr: bool,
    size: Option<(u16, u16)>,
    /// Among the sequence parameters are some that are damaged, or of a picture that is too large.
    unfit: bool,
}

impl Assembly {
    fn add(&mut self, payload: &[u8]) -> Option<()> {
        match kind(*payload.first()?)? {
            AGGREGATE => self.aggregate(&payload[1..]),
            FRAGMENT => self.fragment(&Fragment::parse(payload)?),
            _ => self.unit(payload),
        }
    }

    /// NAL units with their lengths (RFC 6184 section 5.7.1).
    fn aggregate(&mut self, mut rest: &[u8]) -> Option<()> {
        while let Some((length, behind)) = rest.split_first_chunk() {
            let (unit, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into())?;
            self.unit(unit)?;
            rest = behind;
        }
        rest.is_empty().then_some(())
    }

    fn unit(&mut self, unit: &[u8]) -> Option<()> {
        if self.open.is_some() || !unit.first().copied().is_some_and(is_unit) {
            return None;
        }
        let start = self.begin();
        self.data.extend_from_slice(unit);
        self.note(start);
        Some(())
    }

    fn fragment(&mut self, fragment: &Fragment<'_>) -> Option<()> {
        let start = match self.open.take() {
            None if fragment.begins => {
                let start = self.begin();
                self.data.extend_from_slice(&[fragment.head]);
                start
            }
            Some(start) if !fragment.begins && self.data[start] == fragment.head => start,
            _ => return None,
        };
        self.data.extend_from_slice(fragment.data);
        if fragment.ends {
            self.note(start);
        } else {
            self.open = Some(start);
        }
        Some(())
    }

    /// Where the next NAL unit begins.
    fn begin(&mut self) -> usize {
        self.data.extend_from_slice(&START_CODE);
        self.data.len()
    }

    /// Looks at the NAL unit that has been written from `start` on.
    fn note(&mut self, start: usize) {
        let unit = &self.data[start..];
        match unit[0] & 0x1f {
            IDR => self.idr = true,
            SEQUENCE_PARAMETERS => {
                self.size = picture_size(unit);
                self.unfit |= self.size.is_none();
            }
            _ => {}
        }
    }

    fn finish(self) -> Option<AccessUnit> {
        let Self { data, open, idr, size, unfit } = self;
        (open.is_none() && !data.is_empty() && !unfit).then(|| AccessUnit {
            data: data.freeze(),
            key: idr && size.is_some(),
            size,
        })
    }
}

#[cfg(test)]
mod tests;
