//! WAV files: a source that loops, and recordings that survive a kill.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom};
use std::path::Path;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread::JoinHandle;

use confab_wire::media::AUDIO_CLOCK_HZ;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::audio::dsp::resample::MonoResampler;
use crate::error::{Error, ErrorKind};
use crate::file::regular::open_file;
use crate::format::BLOCK;
use crate::thread::worker;

/// Sample rates that are played, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// Most channels that are mixed down to one.
const MAX_CHANNELS: u16 = 32;
/// Frames read at once.
const READ_FRAMES: usize = 1024;
/// Blocks that wait for the disk: two seconds. Full: the newest is dropped, and silence of its length is written later.
const RECORD_QUEUE: usize = 200;
/// Blocks between two updates of the header: a kill loses at most a second.
const FLUSH_BLOCKS: u32 = 100;

/// A WAV file as an endless sound of 48 kHz, mono.
pub(crate) struct WavLoop {
    file: File,
    reader: WavReader<BufReader<File>>,
    spec: WavSpec,
    resampler: MonoResampler,
    mono: Vec<f32>,
}

fn wrong(detail: impl std::fmt::Display) -> Error {
    Error::with_detail(ErrorKind::FileFormat, detail)
}

/// Reads from the start of the file. Clones of a file share one position, so only the last reader made may be used.
fn read_header(mut file: &File) -> Result<WavReader<BufReader<File>>, Error> {
    let unreadable = |error: std::io::Error| Error::with_detail(ErrorKind::FileUnreadable, error);
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    WavReader::new(BufReader::new(file.try_clone().map_err(unreadable)?)).map_err(wrong)
}

impl WavLoop {
    /// Opens a file with at least one sample: PCM of 8 to 32 bits or 32-bit float. Fails with `FileUnreadable` or
    /// `FileFormat`.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = open_file(path)?;
        let reader = read_header(&file)?;
        let spec = reader.spec();
        if !RATES.contains(&spec.sample_rate) {
            return Err(wrong(format!("{} samples per second", spec.sample_rate)));
        }
        if !(1..=MAX_CHANNELS).contains(&spec.channels) {
            return Err(wrong(format!("{} channels", spec.channels)));
        }
        if reader.duration() == 0 {
            return Err(wrong("the file has no samples"));
        }
        let mut wav = Self {
            file,
            reader,
            spec,
            resampler: MonoResampler::new(spec.sample_rate, AUDIO_CLOCK_HZ)?,
            mono: Vec::with_capacity(READ_FRAMES),
        };
        // Headers lie: see whether there are samples that can be decoded.
        wav.read_frames()?;
        wav.rewind()?;
        Ok(wav)
    }

    /// Starts again. hound's own `seek` counts from where it believes to be, which is wrong after a short read.
    fn rewind(&mut self) -> Result<(), Error> {
        self.reader = read_header(&self.file)?;
        let spec = self.reader.spec();
        if spec == self.spec { Ok(()) } else { Err(wrong("the file changed while it was played")) }
    }

    /// Reads up to [`READ_FRAMES`] frames into `mono`, from the start again after the end.
    fn read_frames(&mut self) -> Result<(), Error> {
        self.mono.clear();
        for attempt in 0..2 {
            let channels = usize::from(self.spec.channels);
            match (self.spec.sample_format, self.spec.bits_per_sample) {
                (SampleFormat::Float, 32) => {
                    let samples = self.reader.samples::<f32>().map_while(Result::ok);
                    mix_down(samples, channels, &mut self.mono);
                }
                (SampleFormat::Int, bits @ 1..=32) => {
                    let scale = 1.0 / (1u64 << (bits - 1)) as f32;
                    let samples = self.reader.samples::<i32>().map_while(Result::ok).map(|v| v as f32 * scale);
                    mix_down(samples, channels, &mut self.mono);
                }
                (format, bits) => return Err(wrong(format!("{format:?} with {bits} bits"))),
            }
            if !self.mono.is_empty() {
                return Ok(());
            }
            if attempt == 0 {
                self.rewind()?;
            }
        }
        Err(wrong("the file has no samples that can be read"))
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

/// Up to [`READ_FRAMES`] frames of interleaved samples as their means; rubbish values (NaN, over full scale) are bounded.
fn mix_down(samples: impl Iterator<Item = f32>, channels: usize, mono: &mut Vec<f32>) {
    let (mut sum, mut count) = (0.0, 0);
    for sample in samples.take(READ_FRAMES * channels) {
        sum += if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        count += 1;
        if count == channels {
            mono.push(sum / channels as f32);
            (sum, count) = (0.0, 0);
        }
    }
}

/// Writes blocks of 48 kHz mono to a file on a thread of its own: a slow disk never holds up the mix.
#[derive(Debug)]
pub(crate) struct WavRecorder {
    blocks: Option<SyncSender<RecordedBlock>>,
    dropped: u32,
    thread: Option<JoinHandle<()>>,
}

/// A block, and how many blocks of silence are written before it in place of those that were dropped.
#[derive(Debug)]
struct RecordedBlock {
    silence: u32,
    block: [i16; BLOCK],
}

impl WavRecorder {
    /// Creates or overwrites a file. Fails with `RecordingFailed`.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let failed = |error: hound::Error| {
            Error::with_detail(ErrorKind::RecordingFailed, format!("{}: {error}", path.display()))
        };
        let spec =
            WavSpec { channels: 1, sample_rate: AUDIO_CLOCK_HZ, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut writer = WavWriter::create(path, spec).map_err(failed)?;
        // The header is there from the start.
        writer.flush().map_err(failed)?;
        let (blocks, queue) = mpsc::sync_channel(RECORD_QUEUE);
        let thread = worker::spawn("confab-record", move || {
            if let Err(error) = record(writer, &queue) {
                tracing::warn!(%error, "recording ended early");
            }
        })?;
        Ok(Self { blocks: Some(blocks), dropped: 0, thread: Some(thread) })
    }

    /// Appends a block.
    pub(crate) fn write(&mut self, block: &[f32; BLOCK]) {
        let Some(blocks) = &self.blocks else { return };
        let entry =
            RecordedBlock { silence: self.dropped, block: block.map(|v| (v.clamp(-1.0, 1.0) * 32767.0) as i16) };
        match blocks.try_send(entry) {
            Ok(()) => self.dropped = 0,
            Err(TrySendError::Full(_)) => self.dropped = self.dropped.saturating_add(1),
            // The thread has logged why it ended.
            Err(TrySendError::Disconnected(_)) => self.blocks = None,
        }
    }
}

impl Drop for WavRecorder {
    fn drop(&mut self) {
        // The thread writes what is left of at most two seconds and closes the file.
        self.blocks = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the recording thread panicked");
        }
    }
}

fn record(mut writer: WavWriter<BufWriter<File>>, queue: &mpsc::Receiver<RecordedBlock>) -> Result<(), hound::Error> {
    let mut unflushed = 0;
    while let Ok(RecordedBlock { silence, block }) = queue.recv() {
        for _ in 0..u64::from(silence) * BLOCK as u64 {
            writer.write_sample(0i16)?;
        }
        let mut samples = writer.get_i16_writer(BLOCK as u32);
        block.iter().for_each(|sample| samples.write_sample(*sample));
        samples.flush()?;
        unflushed += 1;
        if unflushed >= FLUSH_BLOCKS {
            unflushed = 0;
            writer.flush()?;
        }
    }
    writer.finalize()
}
