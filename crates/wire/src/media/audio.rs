//! An encoded sound packet, how loud it is, and what is done to sound before it is encoded.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
#[cfg(feature = "typescript")]
use ts_rs::TS;

/// How loud the sound of a packet is, as its sender says (RFC 6464).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevel {
    decibels: u8,
    /// The sender takes it for speech.
    pub voice: bool,
}

impl AudioLevel {
    /// Below this it is digital silence, in -dBov.
    const SILENCE: u8 = 127;

    /// Of sound whose samples in -1..1 have this root mean square.
    pub fn from_rms(rms: f32, voice: bool) -> Self {
        // The logarithm of silence is minus infinity, which the bound makes 127; `max` makes silence of what is no number.
        let decibels = (-20.0 * rms.max(0.0).log10()).round().clamp(0.0, f32::from(Self::SILENCE)) as u8;
        Self { decibels, voice }
    }

    /// Of a level in -dBov (0 is the loudest there can be); over 127 is silence.
    pub fn from_decibels(decibels: u8, voice: bool) -> Self {
        Self { decibels: decibels.min(Self::SILENCE), voice }
    }

    /// In -dBov: 0 is the loudest there can be, 127 digital silence.
    pub fn decibels(self) -> u8 {
        self.decibels
    }

    /// Root mean square of samples in -1..1.
    pub fn rms(self) -> f32 {
        if self.decibels == Self::SILENCE { 0.0 } else { 10f32.powf(-f32::from(self.decibels) / 20.0) }
    }
}

/// One Opus packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    /// The Opus packet.
    pub data: Bytes,
    /// RTP timestamp in units of 1/48000 s, wrapping.
    pub timestamp: u32,
    /// RTP sequence number, wrapping. The sender's engine assigns its own; a source may leave 0.
    pub sequence: u16,
    /// How loud it is; `None` if its sender does not say.
    pub level: Option<AudioLevel>,
}

/// What is done to the sound of a microphone before it is sent (W3C mediacapture-streams, `MediaTrackSettings`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(TS))]
#[serde(rename_all = "camelCase", default)]
pub struct Processing {
    /// What the speaker plays is taken out of what the microphone hears.
    pub echo_cancellation: bool,
    /// Steady noise is taken out.
    pub noise_suppression: bool,
    /// Voices are brought to an even loudness.
    pub gain_control: bool,
}

impl Default for Processing {
    fn default() -> Self {
        Self { echo_cancellation: true, noise_suppression: true, gain_control: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_what_the_header_extension_can_say() {
        let decibels = |rms| AudioLevel::from_rms(rms, true).decibels();
        assert_eq!([1.0, 0.5, 0.1, 0.001, 0.0].map(decibels), [0, 6, 20, 60, 127]);
        assert_eq!([2.0, f32::NAN].map(decibels), [0, 127], "full scale is the most, and what is no number is silence");
        assert_eq!(AudioLevel::from_decibels(200, false).rms(), 0.0);
        assert!((AudioLevel::from_decibels(20, false).rms() - 0.1).abs() < 1e-6);
    }
}
