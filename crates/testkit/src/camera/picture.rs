//! Pictures as webcams deliver them, made from planar ones.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Markers of ITU-T T.81, table B.1.
const HUFFMAN_TABLES: u8 = 0xC4;
const SCAN: u8 = 0xDA;

/// Formats of webcams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebcamFormat {
    /// Packed 4:2:2.
    Yuyv,
    /// Planar luma, then interleaved colour at half size.
    Nv12,
    /// A JPEG each, 4:2:2 as most webcams make them.
    Mjpeg,
}

impl WebcamFormat {
    /// V4L2's name of it.
    pub fn fourcc(self) -> [u8; 4] {
        match self {
            Self::Yuyv => *b"YUYV",
            Self::Nv12 => *b"NV12",
            Self::Mjpeg => *b"MJPG",
        }
    }

    /// Bytes of a line of this width without padding; 0 if it has no lines.
    pub fn line(self, width: u32) -> u32 {
        match self {
            Self::Yuyv => width.div_ceil(2) * 4,
            Self::Nv12 => width,
            Self::Mjpeg => 0,
        }
    }

    /// Bytes of a buffer for a picture of this size whose lines have `stride` bytes.
    pub(super) fn buffer(self, (width, height): (u32, u32), stride: u32) -> u32 {
        match self {
            Self::Yuyv => stride * height,
            Self::Nv12 => stride * (height + height.div_ceil(2)),
            Self::Mjpeg => width * height * 2,
        }
    }

    /// Encodes a picture (Y, U, V, without padding; even sizes) with `stride` bytes a line; what pads a line is white noise
    /// to the eye, so that nobody takes it for picture unseen.
    pub fn encode(self, planar: &[u8], (width, height): (u32, u32), stride: u32) -> io::Result<Vec<u8>> {
        let (columns, pixels) = (width as usize, (width * height) as usize);
        let (luma, colour) = planar.split_at(pixels);
        let (u, v) = colour.split_at(pixels / 4);
        let mut lines: Vec<Vec<u8>> = Vec::new();
        match self {
            Self::Mjpeg => return jpeg(planar, width, height),
            Self::Nv12 => {
                lines.extend(luma.chunks_exact(columns).map(<[u8]>::to_vec));
                let pairs = u.chunks_exact(columns / 2).zip(v.chunks_exact(columns / 2));
                lines.extend(pairs.map(|(u, v)| u.iter().zip(v).flat_map(|(u, v)| [*u, *v]).collect()));
            }
            Self::Yuyv => lines.extend(luma.chunks_exact(columns).enumerate().map(|(row, luma)| {
                let colour = row / 2 * columns / 2;
                let pair = |(pair, y): (usize, &[u8])| [y[0], u[colour + pair], y[1], v[colour + pair]];
                luma.chunks_exact(2).enumerate().flat_map(pair).collect()
            })),
        }
        for line in &mut lines {
            line.extend((line.len()..stride as usize).map(|at| (at * 97 % 256) as u8));
        }
        Ok(lines.concat())
    }
}

/// The same JPEG without its Huffman tables, as many webcams leave them out: everybody knows the ones of the standard.
pub fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let mut kept = jpeg[..2].to_vec();
    let mut rest = &jpeg[2..];
    // Segments up to the scan: a marker, then a length that counts itself.
    while let [0xFF, marker, high, low, ..] = *rest {
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker != HUFFMAN_TABLES {
            kept.extend(&rest[..length]);
        }
        rest = &rest[length..];
        if marker == SCAN {
            break;
        }
    }
    kept.extend(rest);
    kept
}

/// A JPEG by ImageMagick, as a camera of good quality makes it, with the Huffman tables of the standard. Samples are taken
/// as they are: JPEGs have the full range.
fn jpeg(planar: &[u8], width: u32, height: u32) -> io::Result<Vec<u8>> {
    let mut child = Command::new("convert")
        .args(["-size", &format!("{width}x{height}"), "-depth", "8"])
        .args(["-interlace", "plane", "-sampling-factor", "4:2:0", "yuv:-"])
        .args(["-interlace", "none", "-sampling-factor", "4:2:2", "-quality", "95"])
        .args(["-define", "jpeg:optimize-coding=false", "jpg:-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // It reads all before it writes: neither waits for the other.
    child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?.write_all(planar)?;
    let made = child.wait_with_output()?;
    if made.status.success() { Ok(made.stdout) } else { Err(io::Error::other(format!("convert: {}", made.status))) }
}
