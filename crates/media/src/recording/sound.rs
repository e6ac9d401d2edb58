//! The recording of sound: blocks on their way from the mix to a WAV file. The mix has a lock-free queue and nothing else of it.

use std::io::{self, BufWriter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use confab_wire::media::AUDIO_CLOCK_HZ;
use crossbeam_queue::ArrayQueue;
use hound::{SampleFormat, WavSpec, WavWriter};

use crate::file::private::create_private;
use crate::format::BLOCK;
use crate::recording::report::RecordingReport;
use crate::thread::worker;

/// Blocks that wait for the disk: two seconds. Full: the newest is dropped, and silence of its length is written later.
const QUEUE: usize = 200;
/// Blocks between two updates of the header: a kill loses at most a second.
const FLUSH_BLOCKS: u32 = 100;
/// Time between two looks into the queue.
const LOOK: Duration = Duration::from_millis(50);
/// How long the thread keeps the queue after its end, so that the mix lets go of it first and frees nothing.
const KEPT: Duration = Duration::from_secs(1);
/// Blocks of the longest file: its size has 32 bits. Twelve hours.
const MAX_BLOCKS: u64 = (u32::MAX as u64 - 1024) / (2 * BLOCK as u64);

/// A block, and how many blocks of silence are written before it in place of those that were dropped.
#[derive(Debug)]
struct RecordedBlock {
    silence: u32,
    block: [i16; BLOCK],
}

#[derive(Debug)]
struct Shared {
    blocks: ArrayQueue<RecordedBlock>,
    ended: AtomicBool,
}

/// Sound that is recorded. Dropping it ends the recording; its thread writes what is left and closes the file.
#[derive(Debug)]
pub struct SoundRecording(Arc<Shared>);

impl SoundRecording {
    pub(crate) fn start(report: RecordingReport) -> Self {
        let shared = Arc::new(Shared { blocks: ArrayQueue::new(QUEUE), ended: AtomicBool::new(false) });
        let thread = {
            let (shared, report) = (shared.clone(), report.clone());
            move || run(&shared, report)
        };
        if let Err(error) = worker::spawn("confab-record", thread) {
            report.failed(error);
        }
        Self(shared)
    }

    /// The end of the queue that belongs to the mix.
    pub(crate) fn tap(&self) -> RecordingTap {
        RecordingTap { shared: self.0.clone(), dropped: 0 }
    }
}

impl Drop for SoundRecording {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
    }
}

/// Where the mix puts blocks. Neither waits nor allocates.
#[derive(Debug)]
pub(crate) struct RecordingTap {
    shared: Arc<Shared>,
    dropped: u32,
}

impl RecordingTap {
    /// Appends a block. False once the recording has ended: the tap is to be dropped.
    pub(crate) fn write(&mut self, block: &[f32; BLOCK]) -> bool {
        if self.shared.ended.load(Ordering::Acquire) {
            return false;
        }
        let entry =
            RecordedBlock { silence: self.dropped, block: block.map(|v| (v.clamp(-1.0, 1.0) * 32767.0) as i16) };
        self.dropped = if self.shared.blocks.push(entry).is_ok() { 0 } else { self.dropped.saturating_add(1) };
        true
    }
}

fn run(shared: &Arc<Shared>, report: RecordingReport) {
    if let Err(error) = record(shared, &report) {
        report.failed(error);
    }
    shared.ended.store(true, Ordering::Release);
    // The file is whole, or said not to be.
    drop(report);
    let mut kept = Duration::ZERO;
    while Arc::strong_count(shared) > 1 && kept < KEPT {
        thread::sleep(LOOK);
        kept += LOOK;
    }
}

/// Writes blocks until the recording ends.
fn record(shared: &Shared, report: &RecordingReport) -> Result<(), hound::Error> {
    let spec =
        WavSpec { channels: 1, sample_rate: AUDIO_CLOCK_HZ, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::new(BufWriter::new(create_private(report.path())?), spec)?;
    // The header is there from the start.
    writer.flush()?;
    let (mut unflushed, mut written, mut is_gap_reported) = (0, 0, false);
    loop {
        // Looked at before the queue: what was put in before the end is written.
        let is_last = shared.ended.load(Ordering::Acquire);
        while let Some(RecordedBlock { silence, block }) = shared.blocks.pop() {
            if silence > 0 && !std::mem::replace(&mut is_gap_reported, true) {
                report.failed("the disk is too slow, parts are missing");
            }
            written += u64::from(silence) + 1;
            if written > MAX_BLOCKS {
                return Err(io::Error::other("the file is as long as a WAV file can be").into());
            }
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
        if is_last {
            return writer.finalize();
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
#[path = "sound_tests.rs"]
mod tests;
