//! Recordings: IVF for pictures. Readable also when the program was killed while writing.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use confab_wire::media::{Codec, EncodedFrame, VIDEO_CLOCK_HZ};

use crate::file::private::create_private;

/// Offset of codec, width and height in the file header.
const FOURCC_OFFSET: u64 = 8;
/// Offset of the frame count in the file header.
const COUNT_OFFSET: u64 = 24;

/// Writes encoded frames of one stream into an IVF file (32-byte header, 12 bytes before each frame).
///
/// The header is patched and everything is handed to the system once a second of video, so a killed program leaves a
/// file that plays up to its last second. A change of size in the stream is in its key frames; the header keeps the first.
#[derive(Debug)]
pub struct IvfWriter {
    file: BufWriter<File>,
    frames: u32,
    first: Option<u32>,
    last: u64,
    flushed: u64,
}

impl IvfWriter {
    /// Creates or overwrites a file, for the user alone. Codec and size in its header are those of the first frame.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 16, create_private(path.as_ref())?);
        let mut header = Vec::with_capacity(32);
        header.extend_from_slice(b"DKIF");
        header.extend_from_slice(&0u16.to_le_bytes());
        header.extend_from_slice(&32u16.to_le_bytes());
        header.extend_from_slice(b"VP80");
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&VIDEO_CLOCK_HZ.to_le_bytes());
        header.extend_from_slice(&1u32.to_le_bytes());
        header.extend_from_slice(&[0; 8]);
        file.write_all(&header)?;
        file.flush()?;
        Ok(Self { file, frames: 0, first: None, last: 0, flushed: 0 })
    }

    /// Appends a frame. Times in the file start at 0 with the first one. `InvalidInput` for Opus, which has no place in
    /// IVF.
    pub fn write(&mut self, frame: &EncodedFrame) -> io::Result<()> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        let size = u32::try_from(frame.data.len()).map_err(|_| invalid("frame over 4 GiB".to_owned()))?;
        let fourcc = match frame.codec {
            Codec::Vp8 => *b"VP80",
            Codec::Vp9 => *b"VP90",
            Codec::H264 => *b"H264",
            Codec::Opus => return Err(invalid(format!("{:?} in IVF", frame.codec))),
        };
        let first = *self.first.get_or_insert(frame.timestamp);
        // RTP timestamps wrap every 13 hours: follow the smallest step from the last one, never backwards.
        let relative = frame.timestamp.wrapping_sub(first);
        let step = relative.wrapping_sub(self.last as u32);
        if step < u32::MAX / 2 {
            self.last += u64::from(step);
        }
        self.file.write_all(&size.to_le_bytes())?;
        self.file.write_all(&self.last.to_le_bytes())?;
        self.file.write_all(&frame.data)?;
        self.frames = self.frames.saturating_add(1);
        if self.frames == 1 {
            let size = [frame.width.to_le_bytes(), frame.height.to_le_bytes()].concat();
            self.patch(FOURCC_OFFSET, &[&fourcc[..], &size].concat())?;
        }
        if self.last - self.flushed >= u64::from(VIDEO_CLOCK_HZ) {
            self.flushed = self.last;
            self.patch(COUNT_OFFSET, &self.frames.to_le_bytes())?;
        }
        Ok(())
    }

    /// Writes what is buffered and the number of frames.
    pub fn close(mut self) -> io::Result<()> {
        self.patch(COUNT_OFFSET, &self.frames.to_le_bytes())
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        let end = file.stream_position()?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        file.seek(SeekFrom::Start(end))?;
        Ok(())
    }
}

impl Drop for IvfWriter {
    fn drop(&mut self) {
        if let Err(error) = self.patch(COUNT_OFFSET, &self.frames.to_le_bytes()) {
            tracing::warn!(%error, "recording not closed");
        }
    }
}

/// Reads an IVF file back: header fields and frames in order. For checks of recordings; reads as far as whole frames go.
pub fn read_ivf(path: impl AsRef<Path>) -> io::Result<IvfFile> {
    let data = std::fs::read(path)?;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "not an IVF file");
    let (header, mut rest) = data.split_first_chunk::<32>().ok_or_else(wrong)?;
    if &header[..4] != b"DKIF" {
        return Err(wrong());
    }
    let two = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let mut file = IvfFile {
        fourcc: [header[8], header[9], header[10], header[11]],
        width: two(12),
        height: two(14),
        frame_count: u32::from_le_bytes([header[24], header[25], header[26], header[27]]),
        frames: Vec::new(),
    };
    while let Some((head, tail)) = rest.split_first_chunk::<12>() {
        let [a, b, c, d, time @ ..] = *head;
        let size = u32::from_le_bytes([a, b, c, d]) as usize;
        let Some((frame, tail)) = tail.split_at_checked(size) else { break };
        file.frames.push((u64::from_le_bytes(time), frame.to_vec()));
        rest = tail;
    }
    Ok(file)
}

/// What [`read_ivf`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IvfFile {
    /// Codec, `VP80` or `VP90`.
    pub fourcc: [u8; 4],
    /// Width in the header, in pixels.
    pub width: u16,
    /// Height in the header, in pixels.
    pub height: u16,
    /// Number of frames in the header.
    pub frame_count: u32,
    /// Time in 1/90000 s and bitstream of each whole frame.
    pub frames: Vec<(u64, Vec<u8>)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use confab_wire::layers::FrameLayer;

    fn frame(timestamp: u32, size: usize) -> EncodedFrame {
        let data = Bytes::from(vec![timestamp as u8; size]);
        EncodedFrame {
            data,
            codec: Codec::Vp8,
            key: false,
            timestamp,
            width: 64,
            height: 48,
            layer: FrameLayer::default(),
        }
    }

    #[test]
    fn a_closed_file_counts_its_frames_and_times_never_go_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.ivf");
        let mut writer = IvfWriter::create(&path).expect("writable");
        for timestamp in [u32::MAX - 2999, 0, 3000, 2000, 6000] {
            writer.write(&frame(timestamp, 10)).expect("writable");
        }
        writer.close().expect("writable");
        let file = read_ivf(&path).expect("an IVF file");
        assert_eq!((file.fourcc, file.width, file.height, file.frame_count), (*b"VP80", 64, 48, 5));
        assert_eq!(file.frames.iter().map(|f| f.0).collect::<Vec<_>>(), [0, 3000, 6000, 6000, 9000]);
    }

    #[test]
    fn a_killed_writer_leaves_a_file_that_reads() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.ivf");
        let mut writer = IvfWriter::create(&path).expect("writable");
        for i in 0..100 {
            writer.write(&frame(i * 3000, 1000)).expect("writable");
        }
        // No close, no drop: what a kill leaves.
        std::mem::forget(writer);
        let file = read_ivf(&path).expect("an IVF file");
        assert!(file.frames.len() >= 90 && file.frame_count >= 90, "{} frames", file.frames.len());
    }

    #[test]
    fn sound_has_no_place_in_ivf() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut writer = IvfWriter::create(dir.path().join("a.ivf")).expect("writable");
        assert!(writer.write(&EncodedFrame { codec: Codec::Opus, ..frame(0, 10) }).is_err());
    }
}
