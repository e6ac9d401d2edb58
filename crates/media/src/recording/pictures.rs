//! The recording of pictures: encoded frames on their way to an IVF file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use confab_wire::media::EncodedFrame;

use crate::file::ivf::IvfWriter;
use crate::recording::report::RecordingReport;
use crate::thread::worker;

/// Frames that wait for the disk: four seconds and more.
const FRAMES: usize = 128;
/// Bytes of frames that wait for the disk.
const BYTES: usize = 32 << 20;

/// Pictures that are recorded. Dropping it ends the recording; its thread writes what is left and closes the file.
#[derive(Debug)]
pub struct PictureRecording {
    /// `None` once the recording has ended.
    frames: Option<SyncSender<EncodedFrame>>,
    /// Bytes in `frames`.
    waiting: Arc<AtomicUsize>,
    /// A frame was dropped: none is recorded before the next key frame.
    skipping: bool,
    /// That frames are missing was reported.
    reported: bool,
    report: RecordingReport,
}

impl PictureRecording {
    pub(crate) fn start(report: RecordingReport) -> Self {
        let (frames, queue) = sync_channel(FRAMES);
        let waiting = Arc::<AtomicUsize>::default();
        let thread = {
            let (report, waiting) = (report.clone(), waiting.clone());
            move || {
                if let Err(error) = record(&report, &queue, &waiting) {
                    report.failed(error);
                }
            }
        };
        if let Err(error) = worker::spawn("confab-record", thread) {
            report.failed(error);
        }
        Self { frames: Some(frames), waiting, skipping: false, reported: false, report }
    }

    /// Appends a frame, without waiting for the disk. True if a key frame is needed: the disk is too slow, and frames are missing.
    pub fn write(&mut self, frame: &EncodedFrame) -> bool {
        let Some(frames) = &self.frames else { return false };
        if self.skipping && !frame.key {
            return false;
        }
        let bytes = frame.data.len();
        let is_room = self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= BYTES;
        let sent = if is_room { frames.try_send(frame.clone()) } else { Err(TrySendError::Full(frame.clone())) };
        self.skipping = false;
        if let Err(error) = sent {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => {
                    self.skipping = true;
                    if !std::mem::replace(&mut self.reported, true) {
                        self.report.failed("the disk is too slow, parts are missing");
                    }
                }
                // The thread has reported why it ended.
                TrySendError::Disconnected(_) => self.frames = None,
            }
        }
        self.skipping
    }
}

fn record(report: &RecordingReport, queue: &Receiver<EncodedFrame>, waiting: &AtomicUsize) -> io::Result<()> {
    let mut writer = IvfWriter::create(report.path())?;
    for frame in queue {
        waiting.fetch_sub(frame.data.len(), Ordering::Relaxed);
        writer.write(&frame)?;
    }
    writer.close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::ivf::read_ivf;
    use crate::recording::recorder;
    use bytes::Bytes;
    use confab_wire::{layers::FrameLayer, media::Codec};
    use std::time::Duration;
    use tokio::time::timeout;

    fn frame(number: u32, key: bool, bytes: usize) -> EncodedFrame {
        let (data, timestamp) = (Bytes::from(vec![number as u8; bytes]), number * 3_000);
        EncodedFrame { data, codec: Codec::Vp8, key, timestamp, width: 64, height: 48, layer: FrameLayer::default() }
    }

    #[tokio::test]
    async fn a_file_is_whole_when_its_recorder_has_nothing_more_to_say() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (recorder, mut failures) = recorder();
        let mut recording = recorder.record_pictures(dir.path().join("a.ivf"));
        (0..50).for_each(|n| assert!(!recording.write(&frame(n, n == 0, 100))));
        drop((recorder, recording));
        assert_eq!(timeout(Duration::from_secs(20), failures.next()).await.expect("in time"), None);
        let file = read_ivf(dir.path().join("a.ivf")).expect("an IVF file");
        assert_eq!((file.frames.len(), file.frame_count), (50, 50));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_disk_that_hangs_costs_a_bound_and_is_said_once() {
        for bytes in [10, 1 << 20] {
            let dir = tempfile::tempdir().expect("a temporary folder");
            let path = dir.path().join("a.ivf");
            // Opening a pipe that nobody reads waits for ever.
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
            let (recorder, mut failures) = recorder();
            let mut recording = recorder.record_pictures(&path);
            let asks = (0..1_000).filter(|n| recording.write(&frame(*n, n % 100 == 0, bytes))).count();
            assert!((1..=10).contains(&asks), "a key frame is asked for once for each gap: {asks}");
            assert!(recording.waiting.load(Ordering::Relaxed) <= BYTES);
            let failure = failures.next().await.expect("it is said");
            assert!(failure.to_string().contains("too slow"), "{failure}");
            assert!(timeout(Duration::from_millis(50), failures.next()).await.is_err(), "once");
            drop(recording);
            // A reader, so that the thread ends.
            tokio::task::spawn_blocking(move || std::fs::read(path)).await.expect("ends").expect("readable");
        }
    }
}
