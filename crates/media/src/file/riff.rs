//! The chunks of a WAV file (RIFF, RF64 and BW64): where its samples lie, and in which form.
//!
//! Own code, because what was looked at does not hold: hound 3.5.1 refuses sizes that a pipe leaves open, chunks of odd length
//! and incomplete last frames, and reads samples by their valid bits, as symphonia's PCM decoder does: left-justified samples
//! become noise.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use crate::error::{Error, ErrorKind};

/// Length of an identifier and a size before each chunk.
const CHUNK_HEADER: u64 = 8;
/// Most chunks that are looked through. Real files have under twenty.
const MAX_CHUNKS: usize = 1_000;
/// Length of the longest `fmt ` chunk that means something (WAVEFORMATEXTENSIBLE).
const EXTENSIBLE: usize = 40;
/// A size that the writer did not know: it wrote into a pipe, or the size is in the `ds64` chunk.
const UNKNOWN: u32 = u32::MAX;
/// How much is looked through to find out on which side of their containers samples lie, in bytes.
const JUSTIFICATION: u64 = 8 << 20;
/// Identifiers of chunks that stand in WAV files. One of them right behind a chunk of odd length says that there is no pad byte.
const CHUNKS: [[u8; 4]; 20] = [
    *b"fmt ", *b"data", *b"LIST", *b"fact", *b"JUNK", *b"junk", *b"bext", *b"cue ", *b"smpl", *b"inst", *b"plst",
    *b"PEAK", *b"iXML", *b"axml", *b"chna", *b"id3 ", *b"ID3 ", *b"DISP", *b"PAD ", *b"FLLR",
];

/// Format tags (`wFormatTag`).
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE_TAG: u16 = 0xFFFE;
/// What follows the format tag in the `SubFormat` of WAVEFORMATEXTENSIBLE.
const SUBFORMAT: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// How a sample is written in its container, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SampleFormat {
    /// Bytes of the container.
    pub(crate) container: usize,
    /// Bytes at the start of the container that are read: all of them, unless samples are right-justified in it.
    read: usize,
    is_float: bool,
}

impl SampleFormat {
    /// The sample in `container`, at full scale within -1 to 1.
    pub(crate) fn decode(self, container: &[u8]) -> f32 {
        let bytes = container.get(..self.read).unwrap_or_default();
        match (self.is_float, bytes) {
            (true, [a, b, c, d]) => f32::from_le_bytes([*a, *b, *c, *d]),
            (true, [a, b, c, d, e, f, g, h]) => f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as f32,
            // With 8 bits the middle is 128.
            (false, [byte]) => (f32::from(*byte) - 128.0) / 128.0,
            // The upper four bytes, as the upper ones of 32 bits. What lies below the valid bits is nothing.
            (false, _) => {
                let upper = bytes.rchunks(4).next().unwrap_or_default();
                let mut value = [0; 4];
                value[4 - upper.len()..].copy_from_slice(upper);
                (f64::from(i32::from_le_bytes(value)) / -f64::from(i32::MIN)) as f32
            }
            (true, _) => 0.0,
        }
    }
}

/// Form and place of the samples of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WavLayout {
    /// Frames per second.
    pub(crate) rate: u32,
    /// Samples of a frame, at least one.
    pub(crate) channels: u16,
    pub(crate) sample: SampleFormat,
    /// Where the samples lie in the file: whole frames.
    pub(crate) data: Range<u64>,
}

impl WavLayout {
    /// Bytes of a frame.
    pub(crate) fn frame_bytes(&self) -> usize {
        usize::from(self.channels) * self.sample.container
    }

    /// Reads the chunks of a file. Fails with `FileFormat` or `FileUnreadable`.
    pub(crate) fn read(file: &mut (impl Read + Seek)) -> Result<Self, Error> {
        let length = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        let mut head = [0; 12];
        read_at(file, 0, &mut head)?;
        match (&head[..4], &head[8..]) {
            (b"RIFF" | b"RF64" | b"BW64", b"WAVE") => {}
            (b"RIFX", _) => return Err(wrong("a WAV file with the byte order of RIFX")),
            _ => return Err(wrong("not a WAV file")),
        }
        let (mut format, mut data, mut long_size) = (None, None, None);
        let mut at = head.len() as u64;
        for _ in 0..MAX_CHUNKS {
            let mut header = [0; CHUNK_HEADER as usize];
            if at + CHUNK_HEADER > length {
                break;
            }
            read_at(file, at, &mut header)?;
            let [a, b, c, d, size @ ..] = header;
            let (size, start) = (u32::from_le_bytes(size), at + CHUNK_HEADER);
            let mut end = start + u64::from(size);
            match &[a, b, c, d] {
                b"ds64" if size >= 16 => {
                    let mut sizes = [0; 16];
                    read_at(file, start, &mut sizes)?;
                    let [_, _, _, _, _, _, _, _, data @ ..] = sizes;
                    long_size = Some(u64::from_le_bytes(data));
                }
                b"fmt " if format.is_none() => {
                    let mut fields = [0; EXTENSIBLE];
                    let known = fields.len().min(size as usize);
                    read_at(file, start, &mut fields[..known])?;
                    format = Some(Format::parse(&fields[..known])?);
                }
                b"data" if data.is_none() => {
                    if let (UNKNOWN, Some(size)) = (size, long_size) {
                        end = start.saturating_add(size);
                    }
                    // A writer that was killed leaves 0, one that wrote into a pipe what could not be true.
                    if size == 0 && !is_chunk(file, start)? {
                        end = length;
                    }
                    end = end.min(length);
                    data = Some(start..end);
                }
                _ => {}
            }
            if let (Some(format), Some(data)) = (&format, &data) {
                return format.layout(file, data.clone());
            }
            // Chunks begin at even places; not all programs know.
            let padded = size % 2 == 1 && !is_chunk(file, end)?;
            at = end + u64::from(padded);
        }
        Err(wrong(if data.is_some() {
            "the file does not say what its samples are"
        } else {
            "the file has no samples"
        }))
    }
}

/// The fields of a `fmt ` chunk.
#[derive(Debug)]
struct Format {
    tag: u16,
    channels: u16,
    rate: u32,
    frame_bytes: u16,
    bits: u16,
}

impl Format {
    fn parse(fields: &[u8]) -> Result<Self, Error> {
        let two = |at: usize| fields.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        let four = |at: usize| Some(u32::from(two(at)?) | u32::from(two(at + 2)?) << 16);
        let parse = || {
            let (tag, channels, rate) = (two(0)?, two(2)?, four(4)?);
            let (frame_bytes, bits) = (two(12)?, two(14)?);
            Some(Self { tag, channels, rate, frame_bytes, bits })
        };
        let mut format = parse().ok_or_else(|| wrong("the file does not say what its samples are"))?;
        if format.tag == EXTENSIBLE_TAG {
            let subformat = fields.get(24..EXTENSIBLE).ok_or_else(|| wrong("the format of the samples is cut off"))?;
            let [low, high, rest @ ..] = subformat else { return Err(wrong("the format of the samples is cut off")) };
            if rest != SUBFORMAT {
                return Err(wrong("samples of a format that is not known"));
            }
            format.tag = u16::from_le_bytes([*low, *high]);
        }
        Ok(format)
    }

    /// What the samples are. How many of their bits are valid does not matter: they are the upper ones, so that the whole container
    /// is the sample (Microsoft, WAVEFORMATEXTENSIBLE). Only where the container has more bytes than the format declares bits,
    /// as ALSA's `S24_LE` has, they lie at its lower end.
    fn layout(&self, file: &mut (impl Read + Seek), data: Range<u64>) -> Result<WavLayout, Error> {
        let Self { tag, channels, rate, frame_bytes, bits } = *self;
        if channels == 0 {
            return Err(wrong("the file has no channels"));
        }
        let bytes = usize::from(bits.div_ceil(8));
        let container = match usize::from(frame_bytes) {
            0 => bytes,
            frame => frame / usize::from(channels),
        };
        let is_whole = frame_bytes == 0 || frame_bytes % channels == 0;
        let (read, is_float) = match tag {
            PCM if (1..=8).contains(&bytes) && (bytes..=8).contains(&container) && (bytes > 1 || container == 1) => {
                (bytes, false)
            }
            FLOAT if matches!(bytes, 4 | 8) && container == bytes => (bytes, true),
            PCM | FLOAT => {
                return Err(wrong(format!("samples of {bits} bits, {frame_bytes} bytes for {channels} of them")));
            }
            _ => return Err(wrong(format!("compressed samples (format {tag:#06x})"))),
        };
        if !is_whole {
            return Err(wrong(format!("samples of {bits} bits, {frame_bytes} bytes for {channels} of them")));
        }
        let mut sample = SampleFormat { container, read, is_float };
        let frame = usize::from(channels) as u64 * container as u64;
        let data = data.start..data.end - (data.end - data.start) % frame;
        if data.is_empty() {
            return Err(wrong("the file has no samples"));
        }
        if read < container && is_left_justified(file, &data, container, read)? {
            sample.read = container;
        }
        Ok(WavLayout { rate, channels, sample, data })
    }
}

/// True if samples that are said to lie at the lower end of their containers use the upper one: there is more than a sign.
fn is_left_justified(
    file: &mut (impl Read + Seek),
    data: &Range<u64>,
    container: usize,
    read: usize,
) -> Result<bool, Error> {
    file.seek(SeekFrom::Start(data.start)).map_err(unreadable)?;
    let length = (data.end - data.start).min(JUSTIFICATION);
    let mut bytes = io::BufReader::with_capacity(1 << 16, file.take(length - length % container as u64));
    let mut sample = [0; 8];
    let Some(sample) = sample.get_mut(..container) else { return Ok(false) };
    loop {
        match bytes.read_exact(sample) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(unreadable(error)),
        }
        if sample[read..].iter().any(|byte| !matches!(byte, 0 | 0xFF)) {
            return Ok(true);
        }
    }
}

/// True if a chunk of a kind that stands in WAV files begins at `at`.
fn is_chunk(file: &mut (impl Read + Seek), at: u64) -> Result<bool, Error> {
    let mut id = [0; 4];
    file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
    match file.read_exact(&mut id) {
        Ok(()) => Ok(CHUNKS.contains(&id)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(unreadable(error)),
    }
}

fn read_at(file: &mut (impl Read + Seek), at: u64, bytes: &mut [u8]) -> Result<(), Error> {
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(bytes)).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => wrong("the file is cut off before its samples"),
        _ => unreadable(error),
    })
}

/// A file that is none of those that are played.
pub(crate) fn wrong(detail: impl std::fmt::Display) -> Error {
    Error::with_detail(ErrorKind::FileFormat, detail)
}

/// The system's refusal.
pub(crate) fn unreadable(error: io::Error) -> Error {
    Error::with_detail(ErrorKind::FileUnreadable, error)
}
