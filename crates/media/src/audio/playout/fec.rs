//! In-band FEC of Opus (low bit-rate redundancy, LBRR): how much of the packet before it a packet repeats.

use confab_wire::media::AUDIO_CLOCK_HZ;

/// Packets of this configuration and those above it are CELT, which has no redundancy (RFC 6716 section 3.1).
const CELT: u8 = 16;
/// Samples of one frame of SILK, of which an Opus frame has one to three: 20 ms.
const SILK_FRAME: usize = AUDIO_CLOCK_HZ as usize / 50;

/// The samples at 48 kHz before this packet that its FEC repeats; `None` without FEC.
///
/// A SILK frame begins with a flag of speech for each 20 ms and then one for redundancy, for each channel (RFC 6716 sections
/// 4.2.3 and 4.2.4). Only the first frame of a packet has what was before the packet.
pub(crate) fn samples_before(packet: &[u8]) -> Option<usize> {
    let toc = packet.first().filter(|toc| *toc >> 3 < CELT)?;
    let samples = opus::packet::get_samples_per_frame(packet, AUDIO_CLOCK_HZ).ok()?;
    let flags = *packet.get(first_frame(packet)?)?;
    let silk_frames = samples.div_ceil(SILK_FRAME);
    let has_fec = |bit: usize| flags >> (7 - bit) & 1 == 1;
    let stereo = toc & 4 != 0;
    (has_fec(silk_frames) || stereo && has_fec(2 * silk_frames + 1)).then_some(samples)
}

/// Where the first frame of a packet begins (RFC 6716 section 3.2); `None` if it is empty or not there. libopus says it, too, but
/// its binding allocates.
fn first_frame(packet: &[u8]) -> Option<usize> {
    // A length of 252 and more has a second byte.
    let length = |at: usize| packet.get(at).map(|length| (if *length < 252 { 1 } else { 2 }, *length == 0));
    match packet.first()? & 3 {
        0 | 1 => Some(1),
        2 => length(1).filter(|(_, is_empty)| !is_empty).map(|(bytes, _)| 1 + bytes),
        _ => {
            let (count, mut at) = (*packet.get(1)?, 2);
            if count & 0x40 != 0 {
                // Padding: its length goes on after each 255.
                while *packet.get(at)? == 255 {
                    at += 1;
                }
                at += 1;
            }
            let frames = if count & 0x80 != 0 { count & 0x3F } else { 0 };
            for frame in 1..frames {
                let (bytes, is_empty) = length(at)?;
                if frame == 1 && is_empty {
                    return None;
                }
                at += bytes;
            }
            Some(at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::capture::opus_encoder::OpusEncoder;
    use crate::format::FRAME;
    use confab_testkit::speech::{self, Speaker};

    /// Four seconds of speech, as packets.
    fn packets(mut encoder: OpusEncoder, loss: u8) -> Vec<bytes::Bytes> {
        encoder.set_expected_loss(loss).expect("redundancy");
        let said = speech::samples(Speaker::Ann, 4.0).expect("espeak-ng and sox");
        said.as_chunks::<FRAME>().0.iter().map(|frame| encoder.encode(frame).expect("it encodes")).collect()
    }

    #[test]
    fn it_is_there_where_the_encoder_expects_losses_and_only_there() {
        let has_fec = |packets: &[bytes::Bytes]| packets.iter().filter(|it| samples_before(it) == Some(FRAME)).count();
        assert!(has_fec(&packets(OpusEncoder::for_speech().expect("an encoder"), 20)) > 100);
        assert_eq!(has_fec(&packets(OpusEncoder::for_speech().expect("an encoder"), 0)), 0);
    }

    #[test]
    fn the_first_frame_is_where_libopus_finds_it() {
        let mut state = 7u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let mut found = [0; 4];
        for round in 0..200_000usize {
            let mut packet: Vec<u8> = (0..2 + round % 60).map(|_| random()).collect();
            packet[0] = 0x48 | (round % 4) as u8;
            if round % 4 == 3 {
                packet[1] = (packet[1] & 0xC0) | (1 + packet[1] % 3);
            }
            let Ok(parsed) = opus::packet::parse(&packet) else { continue };
            let Some(frame) = parsed.frames.first().filter(|frame| !frame.is_empty()) else { continue };
            let expected = frame.as_ptr() as usize - packet.as_ptr() as usize;
            assert_eq!(first_frame(&packet), Some(expected), "{packet:?}");
            found[round % 4] += 1;
        }
        assert!(found.iter().all(|count| *count > 100), "{found:?}");
    }

    #[test]
    fn rubbish_says_nothing_again() {
        for packet in [&[][..], &[0x48], &[0x4B], &[0x4B, 0xFF], &[0xF8, 0xFF], &[0xFF; 4]] {
            assert_eq!(samples_before(packet), None, "{packet:?}");
        }
    }
}
