//! Formats of sound inside this crate: 48 kHz, one channel, 32-bit float, in blocks and frames of fixed length.

use confab_wire::media::AUDIO_CLOCK_HZ;

/// Samples of one block of the mix and of audio processing: 10 ms.
pub const BLOCK: usize = AUDIO_CLOCK_HZ as usize / 100;
/// Samples of one captured frame and of its Opus packet: 20 ms.
pub const FRAME: usize = AUDIO_CLOCK_HZ as usize / 50;
/// An Opus packet of at most so many bytes carries no sound: discontinuous transmission has begun (DTX, RFC 6716 section 2.1.9).
pub(crate) const DTX_BYTES: usize = 2;
