//! Opus as every packet of ours is made: redundancy for the loss that is measured, and pauses that cost nothing.

use bytes::Bytes;
use confab_wire::{ErrorCode, UserError, media::AUDIO_CLOCK_HZ};

use crate::format::{DTX_BYTES, FRAME};

/// Bitrate of speech, in bit/s.
const SPEECH_BITRATE: i32 = 32_000;
/// Bitrate of what the computer plays, in bit/s: enough for music in one channel.
const MUSIC_BITRATE: i32 = 64_000;
/// Most bytes a packet may have; 32 kbit/s makes 80.
const PACKET_BYTES: usize = 1275;
/// Most loss that redundancy is made for, in percent: beyond it, more of it costs the voice more than it saves.
const MOST_LOSS: u8 = 30;

/// An encoder of 20 ms at a time.
pub(crate) struct Encoder {
    opus: opus::Encoder,
    buffer: [u8; PACKET_BYTES],
    loss: u8,
    pauses: bool,
    /// The last packet said that there is a pause.
    pausing: bool,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("loss", &self.loss).field("pauses", &self.pauses).finish_non_exhaustive()
    }
}

impl Encoder {
    /// An encoder of a voice, without redundancy, which encodes silence as well.
    pub(crate) fn new() -> Result<Self, UserError> {
        Self::with(opus::Application::Voip, SPEECH_BITRATE, opus::Signal::Voice)
    }

    /// The same for films, music and whatever a computer plays.
    pub(crate) fn for_anything() -> Result<Self, UserError> {
        Self::with(opus::Application::Audio, MUSIC_BITRATE, opus::Signal::Auto)
    }

    fn with(application: opus::Application, bitrate: i32, signal: opus::Signal) -> Result<Self, UserError> {
        let make = || {
            let mut opus = opus::Encoder::new(AUDIO_CLOCK_HZ, opus::Channels::Mono, application)?;
            opus.set_bitrate(opus::Bitrate::Bits(bitrate))?;
            opus.set_signal(signal)?;
            Ok(opus)
        };
        let opus = make().map_err(|error: opus::Error| UserError::with_detail(ErrorCode::Internal, error))?;
        Ok(Self { opus, buffer: [0; PACKET_BYTES], loss: 0, pauses: false, pausing: false })
    }

    /// Makes redundancy (in-band FEC) for this loss in percent; none for 0, which leaves all bits to the voice.
    pub(crate) fn set_loss(&mut self, percent: u8) -> Result<(), opus::Error> {
        let percent = percent.min(MOST_LOSS);
        if percent != self.loss {
            self.loss = percent;
            self.opus.set_inband_fec(percent > 0)?;
            self.opus.set_packet_loss_perc(percent.into())?;
        }
        Ok(())
    }

    /// Whether nothing is sent while nothing is said (DTX). Only behind noise suppression: what does not change is taken for
    /// silence, be it a tone.
    pub(crate) fn set_pauses(&mut self, pauses: bool) -> Result<(), opus::Error> {
        if pauses != self.pauses {
            self.pauses = pauses;
            self.opus.set_dtx(pauses)?;
        }
        Ok(())
    }

    /// Encodes a frame.
    pub(crate) fn encode(&mut self, samples: &[f32; FRAME]) -> Result<Bytes, opus::Error> {
        let length = self.opus.encode_float(samples, &mut self.buffer)?;
        Ok(Bytes::copy_from_slice(&self.buffer[..length]))
    }

    /// Encodes a frame that is to be sent; `None` while a pause goes on. The packet that begins it is sent, so that who
    /// hears no more knows that nothing is lost.
    pub(crate) fn encode_to_send(&mut self, samples: &[f32; FRAME]) -> Result<Option<Bytes>, opus::Error> {
        let data = self.encode(samples)?;
        let pause = data.len() <= DTX_BYTES;
        let goes_on = std::mem::replace(&mut self.pausing, pause) && pause;
        Ok(Some(data).filter(|_| !goes_on))
    }

    /// Forgets what was said.
    pub(crate) fn reset(&mut self) {
        self.pausing = false;
        if let Err(error) = self.opus.reset_state() {
            tracing::debug!(%error, "opus encoder not reset");
        }
    }
}

#[cfg(test)]
#[path = "opus_encoder_tests.rs"]
mod tests;
