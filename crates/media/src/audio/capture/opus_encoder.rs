//! The Opus encoder: 20 ms per packet, in-band FEC for the measured loss, and discontinuous transmission (DTX) in pauses.

use bytes::Bytes;
use confab_wire::media::AUDIO_CLOCK_HZ;

use crate::error::{Error, ErrorKind};
use crate::format::{DTX_BYTES, FRAME};

/// Bitrate of speech, in bit/s.
const SPEECH_BITRATE: i32 = 32_000;
/// Bitrate of what the computer plays, in bit/s: enough for music in one channel.
const MUSIC_BITRATE: i32 = 64_000;
/// Most bytes a packet may have; 32 kbit/s makes 80.
const PACKET_BYTES: usize = 1275;
/// Most loss that in-band FEC is encoded for, in percent: beyond it, FEC costs more quality than it saves.
const MOST_LOSS: u8 = 30;

/// An encoder of 20 ms at a time.
pub(crate) struct OpusEncoder {
    opus: opus::Encoder,
    buffer: [u8; PACKET_BYTES],
    loss: u8,
    dtx: bool,
    /// The last packet began a pause.
    pausing: bool,
}

impl std::fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpusEncoder").field("loss", &self.loss).field("dtx", &self.dtx).finish_non_exhaustive()
    }
}

impl OpusEncoder {
    /// An encoder of speech, without in-band FEC, which encodes silence as well.
    pub(crate) fn for_speech() -> Result<Self, Error> {
        Self::with(opus::Application::Voip, SPEECH_BITRATE, opus::Signal::Voice)
    }

    /// The same for music and whatever a computer plays.
    pub(crate) fn for_music() -> Result<Self, Error> {
        Self::with(opus::Application::Audio, MUSIC_BITRATE, opus::Signal::Auto)
    }

    fn with(application: opus::Application, bitrate: i32, signal: opus::Signal) -> Result<Self, Error> {
        let make = || {
            let mut opus = opus::Encoder::new(AUDIO_CLOCK_HZ, opus::Channels::Mono, application)?;
            opus.set_bitrate(opus::Bitrate::Bits(bitrate))?;
            opus.set_signal(signal)?;
            Ok(opus)
        };
        let opus = make().map_err(|error: opus::Error| Error::with_detail(ErrorKind::Internal, error))?;
        Ok(Self { opus, buffer: [0; PACKET_BYTES], loss: 0, dtx: false, pausing: false })
    }

    /// Encodes in-band FEC for this packet loss in percent; none for 0, which leaves all bits to the speech itself.
    pub(crate) fn set_expected_loss(&mut self, percent: u8) -> Result<(), opus::Error> {
        let percent = percent.min(MOST_LOSS);
        if percent != self.loss {
            self.loss = percent;
            self.opus.set_inband_fec(percent > 0)?;
            self.opus.set_packet_loss_perc(percent.into())?;
        }
        Ok(())
    }

    /// Discontinuous transmission: whether pauses are encoded as nothing. Only behind noise suppression, since a steady tone
    /// counts as silence, too.
    pub(crate) fn set_dtx(&mut self, dtx: bool) -> Result<(), opus::Error> {
        if dtx != self.dtx {
            self.dtx = dtx;
            self.opus.set_dtx(dtx)?;
        }
        Ok(())
    }

    /// Encodes a frame.
    pub(crate) fn encode(&mut self, samples: &[f32; FRAME]) -> Result<Bytes, opus::Error> {
        let length = self.opus.encode_float(samples, &mut self.buffer)?;
        Ok(Bytes::copy_from_slice(&self.buffer[..length]))
    }

    /// Encodes a frame that is to be sent; `None` while a pause goes on. The packet that begins the pause is sent, so that
    /// receivers do not take what follows for lost.
    pub(crate) fn encode_with_dtx(&mut self, samples: &[f32; FRAME]) -> Result<Option<Bytes>, opus::Error> {
        let data = self.encode(samples)?;
        let pause = data.len() <= DTX_BYTES;
        let goes_on = std::mem::replace(&mut self.pausing, pause) && pause;
        Ok(Some(data).filter(|_| !goes_on))
    }

    /// Resets the state, so that nothing of the frames before leaks into the next one.
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
