//! YUV4MPEG2 files: 8-bit 4:2:0 pictures after a line of text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::file::regular::open_file;
use crate::video::i420::{I420Frame, MAX_DIMENSION, i420_len};

/// Longest stream header or frame header. Real ones have under 100 bytes.
const HEADER_BYTES: u64 = 512;
/// Frame rates that are played, in frames per second.
const FPS: std::ops::RangeInclusive<f64> = 1.0..=120.0;

/// The fields of a stream header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Y4mHeader {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frame rate as a fraction.
    pub fps: (u32, u32),
}

impl Y4mHeader {
    /// Frames per second.
    pub fn frames_per_second(&self) -> f64 {
        f64::from(self.fps.0) / f64::from(self.fps.1)
    }
}

fn wrong(detail: impl std::fmt::Display) -> Error {
    Error::with_detail(ErrorKind::FileFormat, detail)
}

fn unreadable(error: io::Error) -> Error {
    Error::with_detail(ErrorKind::FileUnreadable, error)
}

fn parse_header(line: &str) -> Result<Y4mHeader, Error> {
    let mut words = line.split_ascii_whitespace();
    if words.next() != Some("YUV4MPEG2") {
        return Err(wrong("not a Y4M file"));
    }
    let (mut width, mut height, mut fps) = (None, None, None);
    for word in words {
        let (tag, value) = word.split_at_checked(1).unwrap_or((word, ""));
        match tag {
            "W" => width = value.parse::<u32>().ok(),
            "H" => height = value.parse::<u32>().ok(),
            "F" => {
                fps = value.split_once(':').and_then(|(n, d)| Some((n.parse::<u32>().ok()?, d.parse::<u32>().ok()?)));
            }
            "C" if !matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {
                return Err(wrong(format!("colour format {value:.16} is not 4:2:0 with 8 bits")));
            }
            "I" if !matches!(value, "p" | "?") => return Err(wrong("interlaced pictures are not played")),
            _ => {}
        }
    }
    let size = |value: Option<u32>| value.filter(|v| (2..=MAX_DIMENSION).contains(v));
    let (Some(width), Some(height)) = (size(width), size(height)) else {
        return Err(wrong(format!("pictures need a size of 2 to {MAX_DIMENSION} pixels")));
    };
    // A file without a rate is allowed by the format; 25 is what mjpegtools assumes.
    let header = Y4mHeader { width, height, fps: fps.unwrap_or((25, 1)) };
    if header.fps.1 == 0 || !FPS.contains(&header.frames_per_second()) {
        return Err(wrong("the frame rate is not between 1 and 120 per second"));
    }
    Ok(header)
}

/// Reads pictures, and starts again after the last one.
#[derive(Debug)]
pub struct Y4mReader<R = BufReader<File>> {
    file: R,
    header: Y4mHeader,
    first_frame: u64,
}

impl Y4mReader {
    /// Opens a file and checks that it holds at least one picture. Fails with `FileUnreadable` or `FileFormat`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let opened = open_file(path).and_then(|file| Self::new(BufReader::with_capacity(1 << 16, file)));
        opened.map_err(|error| error.of_file(path))
    }
}

impl<R: BufRead + Seek> Y4mReader<R> {
    /// As [`open`](Y4mReader::open), with what is in the file.
    pub(crate) fn new(mut file: R) -> Result<Self, Error> {
        let length = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let line = read_line(&mut file)?.ok_or_else(|| wrong("not a Y4M file"))?;
        let header = parse_header(&line)?;
        let first_frame = line.len() as u64 + 1;
        let mut reader = Self { file, header, first_frame };
        if !reader.skip_frame_line()? {
            return Err(wrong("a picture does not start with FRAME"));
        }
        let start = reader.file.stream_position().map_err(unreadable)?;
        if length < start + i420_len(header.width, header.height) as u64 {
            return Err(wrong("the file ends before its first picture does"));
        }
        reader.rewind()?;
        Ok(reader)
    }

    /// Size and rate.
    pub fn header(&self) -> Y4mHeader {
        self.header
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.file.seek(SeekFrom::Start(self.first_frame)).map_err(unreadable).map(drop)
    }

    /// Reads the header of a picture. False at the end of the pictures: of the file, or where something else follows, such as the line
    /// break that an editor adds.
    fn skip_frame_line(&mut self) -> Result<bool, Error> {
        let line = read_line(&mut self.file)?;
        Ok(line.is_some_and(|line| line.trim_end() == "FRAME" || line.starts_with("FRAME ")))
    }

    /// Reads the next picture, `false` at the end of the pictures. A last one that is cut off counts as the end.
    pub fn read(&mut self, frame: &mut I420Frame) -> Result<bool, Error> {
        if !self.skip_frame_line()? {
            return Ok(false);
        }
        frame.resize(self.header.width, self.header.height);
        match self.file.read_exact(frame.data_mut()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// Reads the next picture, the first one after the last.
    pub fn read_looped(&mut self, frame: &mut I420Frame) -> Result<(), Error> {
        if self.read(frame)? {
            return Ok(());
        }
        self.rewind()?;
        if self.read(frame)? { Ok(()) } else { Err(wrong("the file has no picture any more")) }
    }
}

/// The next line, without its end; `None` if there is none of a header's length in UTF-8.
fn read_line(file: &mut impl BufRead) -> Result<Option<String>, Error> {
    let mut line = Vec::new();
    file.take(HEADER_BYTES).read_until(b'\n', &mut line).map_err(unreadable)?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    Ok(String::from_utf8(line).ok())
}

/// Writes pictures of one size.
#[derive(Debug)]
pub struct Y4mWriter {
    file: BufWriter<File>,
    header: Y4mHeader,
}

impl Y4mWriter {
    /// Creates or overwrites a file for pictures of `width` x `height` pixels, `fps` a second.
    pub fn create(path: impl AsRef<Path>, width: u32, height: u32, fps: u32) -> io::Result<Self> {
        let header = Y4mHeader { width, height, fps: (fps, 1) };
        let mut file = BufWriter::with_capacity(1 << 16, File::create(path)?);
        writeln!(file, "YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420mpeg2")?;
        Ok(Self { file, header })
    }

    /// Appends a picture; one of another size is an `InvalidInput` error.
    pub fn write(&mut self, frame: &I420Frame) -> io::Result<()> {
        if (frame.width(), frame.height()) != (self.header.width, self.header.height) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{frame:?} in {:?}", self.header)));
        }
        self.file.write_all(b"FRAME\n")?;
        self.file.write_all(frame.data())
    }

    /// Writes what is buffered and closes the file.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pattern;

    fn code_of(content: &[u8]) -> Result<(), ErrorKind> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.y4m");
        std::fs::write(&path, content).expect("writable");
        Y4mReader::open(&path).map(drop).map_err(|error| error.kind().clone())
    }

    #[test]
    fn what_is_written_is_read_and_loops() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.y4m");
        let header = Y4mHeader { width: 161, height: 91, fps: (30, 1) };
        let mut writer = Y4mWriter::create(&path, 161, 91, 30).expect("writable");
        let mut frame = I420Frame::new(161, 91);
        for number in 0..3 {
            pattern::draw(&mut frame, number, 0);
            writer.write(&frame).expect("writable");
        }
        assert!(writer.write(&I420Frame::new(2, 2)).is_err());
        writer.finish().expect("writable");
        let mut reader = Y4mReader::open(&path).expect("a good file");
        assert_eq!(reader.header(), header);
        for round in 0..7 {
            reader.read_looped(&mut frame).expect("a picture");
            assert_eq!(pattern::read(&frame).expect("a code").number, round % 3);
        }
    }

    #[test]
    fn hostile_files_are_refused() {
        let tiny = |header: &str| [header.as_bytes(), b"\nFRAME\n", &[0; 64]].concat();
        assert_eq!(code_of(&tiny("YUV4MPEG2 W4 H4 F30:1")), Ok(()));
        for bad in [
            "",
            "RIFF",
            "YUV4MPEG2",
            "YUV4MPEG2 W4",
            "YUV4MPEG2 W0 H4 F30:1",
            "YUV4MPEG2 W-4 H4 F30:1",
            "YUV4MPEG2 W4000000000 H4000000000 F30:1",
            "YUV4MPEG2 W4097 H4 F30:1",
            "YUV4MPEG2 W4 H4 F30:0",
            "YUV4MPEG2 W4 H4 F0:1",
            "YUV4MPEG2 W4 H4 F0:0",
            "YUV4MPEG2 W4 H4 F9000:1",
            "YUV4MPEG2 W4 H4 F30:1 C444",
            "YUV4MPEG2 W4 H4 F30:1 C420p10",
            "YUV4MPEG2 W4 H4 F30:1 It",
            "YUV4MPEG2 W640 H480 F30:1",
            "YUV4MPEG2 \u{e4}W4 H4 F30:1",
        ] {
            let result = code_of(&tiny(bad));
            assert!(result == Err(ErrorKind::FileFormat) || bad.contains('\u{e4}'), "{bad:?}: {result:?}");
        }
        assert_eq!(code_of(&[0xff; 4096]), Err(ErrorKind::FileFormat));
        assert_eq!(code_of(&[b'Y'; 100_000]), Err(ErrorKind::FileFormat));
        assert_eq!(code_of(b"YUV4MPEG2 W4 H4 F30:1\nFRAM"), Err(ErrorKind::FileFormat));
        assert_eq!(code_of(b"YUV4MPEG2 W4 H4 F30:1\n"), Err(ErrorKind::FileFormat));
    }

    #[test]
    fn what_follows_the_last_whole_picture_is_no_picture() {
        let (picture, odd) = (vec![60; 24], vec![60; 3 * 3 + 2 * 4]);
        for (size, picture) in [("W4 H4", picture), ("W3 H3", odd)] {
            let header = format!("YUV4MPEG2 {size} F10:1 Ip A1:1 XYSCSS=420JPEG\n").into_bytes();
            let frame = [&b"FRAME Ip\n"[..], &picture].concat();
            let frames = [header, frame.clone(), [b"FRAME\r\n", &picture[..]].concat()].concat();
            let behind: [&[u8]; 10] = [
                b"",
                b"\n",
                b"\r\n",
                b"\n\n\n",
                b"\0",
                b"FRAM",
                b"FRAME",
                b"FRAME\n",
                &frame[..frame.len() - 1],
                &[0xFF; 2_000],
            ];
            for behind in behind {
                let file = [&frames[..], behind].concat();
                let mut reader = Y4mReader::new(io::Cursor::new(file)).expect("a good file");
                let mut frame = I420Frame::new(2, 2);
                for round in 0..3 {
                    assert!(reader.read(&mut frame).expect("the first"), "{size}, {round}, {behind:?}");
                    assert!(reader.read(&mut frame).expect("the second"), "{size}, {round}, {behind:?}");
                    assert!(!reader.read(&mut frame).expect("no error"), "{size}, {round}, {behind:?}");
                    reader.rewind().expect("the start");
                }
                (0..5).for_each(|_| reader.read_looped(&mut frame).expect("a picture"));
                assert_eq!(frame.data(), picture, "{behind:?}");
            }
        }
    }

    #[test]
    fn a_missing_file_and_a_folder_are_unreadable() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for path in [dir.path().to_owned(), dir.path().join("none.y4m")] {
            assert_eq!(Y4mReader::open(&path).expect_err("no file").kind(), &ErrorKind::FileUnreadable);
        }
    }
}
