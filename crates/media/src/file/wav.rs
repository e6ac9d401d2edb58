//! A WAV file as an endless sound.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use confab_wire::media::AUDIO_CLOCK_HZ;

use crate::audio::dsp::resample::MonoResampler;
use crate::error::Error;
use crate::file::regular::open_file;
use crate::file::riff::{WavLayout, unreadable, wrong};

/// Sample rates that are played, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// Most channels that are mixed down to one.
const MAX_CHANNELS: u16 = 32;
/// Frames read at once.
const READ_FRAMES: usize = 1024;

/// A WAV file as a sound of 48 kHz, mono, that begins again after its end.
pub(crate) struct WavLoop<R = BufReader<File>> {
    file: R,
    layout: WavLayout,
    /// Bytes of samples before the end.
    left: u64,
    resampler: MonoResampler,
    /// Frames as they are in the file.
    raw: Vec<u8>,
    mono: Vec<f32>,
}

impl WavLoop {
    /// Opens a file with at least one frame: PCM of 8 to 64 bits, or 32 or 64 bit float. Fails with `FileUnreadable` or
    /// `FileFormat`.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        open_file(path).and_then(|file| Self::new(BufReader::new(file))).map_err(|error| error.of_file(path))
    }
}

impl<R: Read + Seek> WavLoop<R> {
    /// As [`open`](WavLoop::open), with what is in the file.
    pub(crate) fn new(mut file: R) -> Result<Self, Error> {
        let layout = WavLayout::read(&mut file)?;
        if !RATES.contains(&layout.rate) {
            return Err(wrong(format!("{} samples per second", layout.rate)));
        }
        if layout.channels > MAX_CHANNELS {
            return Err(wrong(format!("{} channels", layout.channels)));
        }
        let resampler = MonoResampler::new(layout.rate, AUDIO_CLOCK_HZ)?;
        let raw = Vec::with_capacity(READ_FRAMES * layout.frame_bytes());
        let mut wav = Self { file, layout, left: 0, resampler, raw, mono: Vec::with_capacity(READ_FRAMES) };
        wav.rewind()?;
        Ok(wav)
    }

    /// Starts again, with what the file holds by now: another program may still be writing it.
    fn rewind(&mut self) -> Result<(), Error> {
        let layout = WavLayout::read(&mut self.file)?;
        let WavLayout { rate, channels, sample, .. } = &self.layout;
        if (layout.rate, layout.channels, layout.sample) != (*rate, *channels, *sample) {
            return Err(wrong("the file changed while it was played"));
        }
        self.file.seek(SeekFrom::Start(layout.data.start)).map_err(unreadable)?;
        self.left = layout.data.end - layout.data.start;
        self.layout = layout;
        Ok(())
    }

    /// Reads up to [`READ_FRAMES`] frames into `mono`, from the start again after the end.
    fn read_frames(&mut self) -> Result<(), Error> {
        self.mono.clear();
        for attempt in 0..2 {
            self.read_raw()?;
            if !self.raw.is_empty() {
                let (sample, channels) = (self.layout.sample, usize::from(self.layout.channels));
                let frames = self.raw.chunks_exact(self.layout.frame_bytes());
                self.mono.extend(frames.map(|frame| {
                    let samples = frame.chunks_exact(sample.container).map(|sample_bytes| sample.decode(sample_bytes));
                    samples.map(bounded).sum::<f32>() / channels as f32
                }));
                self.repeat_short();
                return Ok(());
            }
            if attempt == 0 {
                self.rewind()?;
            }
        }
        Err(wrong("the file has no samples any more"))
    }

    /// A file of a few frames is not opened again for each round.
    fn repeat_short(&mut self) {
        let (frames, whole) = (self.mono.len(), self.layout.data.end - self.layout.data.start);
        while self.raw.len() as u64 == whole && self.mono.len() + frames <= READ_FRAMES {
            self.mono.extend_from_within(..frames);
        }
    }

    /// Reads whole frames into `raw`; none at the end.
    fn read_raw(&mut self) -> Result<(), Error> {
        let frame = self.layout.frame_bytes();
        let wanted = self.left.min((READ_FRAMES * frame) as u64);
        self.raw.clear();
        let read = self.file.by_ref().take(wanted).read_to_end(&mut self.raw).map_err(unreadable)?;
        // A file that was cut meanwhile ends where it ends.
        self.left = if (read as u64) < wanted { 0 } else { self.left - wanted };
        self.raw.truncate(read - read % frame);
        Ok(())
    }

    /// Appends at least `count` samples to `out`.
    pub(crate) fn read(&mut self, count: usize, out: &mut Vec<f32>) -> Result<(), Error> {
        let wanted = out.len() + count;
        while out.len() < wanted {
            self.read_frames()?;
            self.resampler.push(&self.mono, out);
        }
        Ok(())
    }
}

/// Rubbish (NaN, over full scale) within bounds.
fn bounded(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
#[path = "wav_tests.rs"]
mod tests;
