//! Entry points of the fuzz targets: each takes what a peer could have sent, or a file could hold. Not part of the API.

use crate::audio::playout::peer::PeerPlayout;
use crate::file::wav::WavLoop;
use crate::file::y4m::Y4mReader;
use crate::format::BLOCK;
use crate::video::i420::I420Frame;
use bytes::Bytes;
use confab_wire::media::AudioPacket;
use std::io::Cursor;
use std::time::Duration;

/// Time of one block.
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// Samples of one block on the clock of RTP.
const BLOCK_SAMPLES: u32 = BLOCK as u32;

/// RTP packets of a peer's sound, played as they come: a byte of blocks that are played after it, two of sequence number,
/// two of time in blocks, one of length, a payload.
pub fn sound(mut data: &[u8]) {
    let mut player = PeerPlayout::default();
    let mut now = Duration::ZERO;
    let mut block = [0.0; BLOCK];
    while let [blocks, high, low, high_time, low_time, length, rest @ ..] = data {
        let (payload, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        data = rest;
        let time = u32::from(u16::from_be_bytes([*high_time, *low_time]));
        let packet = AudioPacket {
            data: Bytes::copy_from_slice(payload),
            timestamp: time.wrapping_mul(BLOCK_SAMPLES),
            sequence: u16::from_be_bytes([*high, *low]),
            level: None,
        };
        player.push(packet, now);
        for _ in 0..*blocks {
            now += BLOCK_TIME;
            player.pull(now, &mut block);
            assert!(block.iter().all(|sample| sample.is_finite()));
        }
    }
}

/// A Y4M file, played for a few rounds.
pub fn pictures_file(data: &[u8]) {
    let Ok(mut reader) = Y4mReader::new(Cursor::new(data)) else { return };
    let mut frame = I420Frame::new(2, 2);
    for _ in 0..8 {
        // It was looked at: there is a first picture.
        assert!(reader.read_looped(&mut frame).is_ok());
        assert_eq!((frame.width(), frame.height()), (reader.header().width, reader.header().height));
    }
}

/// A WAV file, played for a fifth of a second.
pub fn sound_file(data: &[u8]) {
    let Ok(mut wav) = WavLoop::new(Cursor::new(data)) else { return };
    let mut sound = Vec::new();
    assert!(wav.read(20 * BLOCK, &mut sound).is_ok());
    // Resampling rings over full scale.
    assert!(sound.len() >= 20 * BLOCK && sound.iter().all(|sample| sample.abs() <= 8.0));
}
