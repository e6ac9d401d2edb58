use std::io::Cursor;

use super::*;
use crate::audio::dsp::level::tone_amplitude;
use crate::error::ErrorKind;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xFFFE;

fn chunk(id: &[u8; 4], size: u32, body: &[u8]) -> Vec<u8> {
    [&id[..], &size.to_le_bytes(), body].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    [&b"RIFF\0\0\0\0WAVE"[..], &chunks.concat()].concat()
}

/// A `fmt ` chunk for mono of 48 kHz. With `valid` bits it is extensible, of the kind `tag`.
fn fmt(tag: u16, container: u16, bits: u16, valid: Option<u16>) -> Vec<u8> {
    let plain = if valid.is_some() { EXTENSIBLE } else { tag };
    let mut body = [plain.to_le_bytes(), 1u16.to_le_bytes()].concat();
    body.extend(48_000u32.to_le_bytes());
    body.extend((48_000 * u32::from(container)).to_le_bytes());
    body.extend([container.to_le_bytes(), bits.to_le_bytes()].concat());
    if let Some(valid) = valid {
        body.extend([22u16.to_le_bytes(), valid.to_le_bytes()].concat());
        body.extend(4u32.to_le_bytes());
        body.extend(tag.to_le_bytes());
        body.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
    }
    chunk(b"fmt ", body.len() as u32, &body)
}

/// A tone of 1 kHz and amplitude 0.5, a tenth of a second.
fn tone() -> impl Iterator<Item = f64> {
    (0..4_800).map(|n| (f64::from(n) * 1_000.0 * std::f64::consts::TAU / 48_000.0).sin() * 0.5)
}

/// The tone with `bits` of precision, in the lower bits of an integer.
fn integers(bits: u16) -> impl Iterator<Item = i64> {
    tone().map(move |sample| (sample * (1i64 << (bits - 1)) as f64) as i64)
}

/// Integers of `bits` in the upper bits of containers of so many bytes. One byte has its middle at 128.
fn left_justified(container: u16, bits: u16) -> Vec<u8> {
    let pack = |sample: i64| {
        let sample = sample << (8 * container - bits);
        let sample = if container == 1 { sample ^ 0x80 } else { sample };
        sample.to_le_bytes()[..container.into()].to_vec()
    };
    integers(bits).flat_map(pack).collect()
}

fn right_justified(container: u16, bits: u16) -> Vec<u8> {
    integers(bits).flat_map(|sample| sample.to_le_bytes()[..container.into()].to_vec()).collect()
}

fn data(body: &[u8]) -> Vec<u8> {
    chunk(b"data", body.len() as u32, body)
}

/// How loud the tone and everything else is in what is heard of a file, in several rounds of it.
fn heard(file: Vec<u8>) -> Result<(f32, f32), Error> {
    let mut wav = WavLoop::new(Cursor::new(file))?;
    let mut sound = Vec::new();
    wav.read(12_000, &mut sound)?;
    let (tone, power) =
        (tone_amplitude(&sound[..9_600], 1_000.0, 48_000), sound[..9_600].iter().map(|v| v * v).sum::<f32>());
    Ok((tone, (power / 9_600.0 - tone * tone / 2.0).max(0.0).sqrt()))
}

#[track_caller]
fn is_the_tone(what: &str, file: Vec<u8>) {
    match heard(file) {
        Ok((tone, rest)) => assert!((tone - 0.5).abs() < 0.05 && rest < 0.1, "{what}: {tone}, and {rest} beside it"),
        Err(error) => panic!("{what}: {error}"),
    }
}

#[test]
fn samples_are_heard_as_loud_as_they_are_in_containers_of_any_size() {
    for container in 1..=8 {
        for bits in (5..=8 * container).filter(|bits| *bits <= 52) {
            let samples = data(&left_justified(container, bits));
            let extensible = fmt(PCM, container, 8 * container, Some(bits));
            is_the_tone(&format!("{bits} valid bits in {container} bytes"), riff(&[extensible, samples.clone()]));
            if bits.div_ceil(8) == container {
                is_the_tone(
                    &format!("{bits} bits in {container} bytes"),
                    riff(&[fmt(PCM, container, bits, None), samples]),
                );
            }
        }
    }
    for valid in [0, 7, 16, 24, 99] {
        let file = riff(&[fmt(PCM, 2, 16, Some(valid)), data(&left_justified(2, 16))]);
        is_the_tone(&format!("{valid} valid bits, all of which are used"), file);
    }
}

#[test]
fn right_justified_samples_are_those_with_more_bytes_than_bits() {
    for (container, bits) in [(4, 24), (4, 16), (3, 16), (8, 24), (8, 32)] {
        let what = format!("{bits} bits in {container} bytes");
        let signed = data(&right_justified(container, bits));
        is_the_tone(&what, riff(&[fmt(PCM, container, bits, None), signed.clone()]));
        is_the_tone(&what, riff(&[fmt(PCM, container, bits, Some(bits)), signed]));
        // arecord leaves the bytes above the sample 0.
        let mut unsigned = right_justified(container, bits);
        let above = unsigned.chunks_exact_mut(container.into()).flat_map(|sample| &mut sample[usize::from(bits) / 8..]);
        above.for_each(|byte| *byte = 0);
        is_the_tone(&what, riff(&[fmt(PCM, container, bits, None), data(&unsigned)]));
        // Nor is it noise where a program says so and means the upper bytes.
        is_the_tone(&what, riff(&[fmt(PCM, container, bits, None), data(&left_justified(container, bits))]));
    }
}

#[test]
fn floats_are_heard_and_rubbish_among_them_is_bounded() {
    let short: Vec<u8> = tone().flat_map(|sample| (sample as f32).to_le_bytes()).collect();
    let long: Vec<u8> = tone().flat_map(f64::to_le_bytes).collect();
    for valid in [None, Some(0), Some(32)] {
        is_the_tone("32 bit float", riff(&[fmt(FLOAT, 4, 32, valid), data(&short)]));
        is_the_tone("64 bit float", riff(&[fmt(FLOAT, 8, 64, valid), data(&long)]));
    }
    let rubbish = [f32::NAN, f32::INFINITY, 1e30, -1e30].map(f32::to_le_bytes).concat();
    let mut wav = WavLoop::new(Cursor::new(riff(&[fmt(FLOAT, 4, 32, None), data(&rubbish)]))).expect("a file");
    let mut sound = Vec::new();
    wav.read(480, &mut sound).expect("it is read");
    assert!(sound.iter().all(|sample| sample.abs() <= 1.0));
}

#[test]
fn sizes_may_be_open_and_chunks_odd() {
    let (format, samples) = (fmt(PCM, 2, 16, None), left_justified(2, 16));
    for size in [u32::MAX, 0x7FFF_F000, 0x8000_0000, samples.len() as u32 + 1_000, 0] {
        is_the_tone(&format!("a size of {size}"), riff(&[format.clone(), chunk(b"data", size, &samples)]));
        let cut = [&samples[..], &[0x7F]].concat();
        is_the_tone("an incomplete last frame", riff(&[format.clone(), chunk(b"data", size, &cut)]));
    }
    let odd = chunk(b"data", samples.len() as u32 + 1, &[&samples[..], &[0x7F, 0]].concat());
    is_the_tone("an incomplete last frame and a pad byte", riff(&[format.clone(), odd]));
    for (what, list) in [
        ("padded", chunk(b"LIST", 5, b"INFOx\0")),
        ("padded with rubbish", chunk(b"LIST", 5, b"INFOxd")),
        ("not padded", chunk(b"LIST", 5, b"INFOx")),
        ("of no length", chunk(b"JUNK", 0, b"")),
        ("of a kind that nobody knows", chunk(b"\x01\xFF\0 ", 4, b"data")),
    ] {
        is_the_tone(what, riff(&[format.clone(), list.clone(), data(&samples)]));
        is_the_tone(what, riff(&[list.clone(), format.clone(), data(&samples)]));
        is_the_tone(what, riff(&[format.clone(), data(&samples), list]));
    }
    is_the_tone("rubbish at the end", [riff(&[format.clone(), data(&samples)]), vec![0x55; 999]].concat());
    is_the_tone("its format behind its samples", riff(&[data(&samples), format.clone()]));
    let mut long = fmt(PCM, 2, 16, None);
    long[4] = 40;
    long.extend([0; 24]);
    is_the_tone("a long format", riff(&[long, data(&samples)]));
    let sizes = [0u64.to_le_bytes(), (samples.len() as u64).to_le_bytes(), 0u64.to_le_bytes()].concat();
    let behind = chunk(b"LIST", 4_000, &[0x7F; 4_000]);
    for id in [*b"RF64", *b"BW64"] {
        let mut file = riff(&[chunk(b"ds64", 28, &[&sizes[..], &[0; 4]].concat()), format.clone()]);
        file[..4].copy_from_slice(&id);
        file.extend([chunk(b"data", u32::MAX, &samples), behind.clone()].concat());
        is_the_tone("a long file", file);
    }
}

#[test]
fn what_is_not_played_is_refused() {
    let samples = left_justified(2, 16);
    let mut big_endian = riff(&[fmt(PCM, 2, 16, None), data(&samples)]);
    big_endian[3] = b'X';
    let mut foreign = fmt(PCM, 2, 16, Some(16));
    foreign[40] ^= 1;
    for (what, file) in [
        ("nothing", Vec::new()),
        ("no chunk", riff(&[])),
        ("no samples", riff(&[fmt(PCM, 2, 16, None), data(&[])])),
        ("samples of another chunk", riff(&[fmt(PCM, 2, 16, None), data(&[]), chunk(b"LIST", 100, &[1; 100])])),
        ("less than a frame", riff(&[fmt(PCM, 2, 16, None), data(&[1])])),
        ("no format", riff(&[data(&samples)])),
        ("half a format", riff(&[chunk(b"fmt ", 12, &[1; 12]), data(&samples)])),
        ("half an extensible format", riff(&[chunk(b"fmt ", 18, &fmt(PCM, 2, 16, Some(16))[8..26]), data(&samples)])),
        ("an unknown subformat", riff(&[foreign, data(&samples)])),
        ("ADPCM", riff(&[fmt(2, 2, 4, None), data(&samples)])),
        ("A-law", riff(&[fmt(6, 1, 8, Some(8)), data(&samples)])),
        ("no bits", riff(&[fmt(PCM, 2, 0, None), data(&samples)])),
        ("more bits than bytes", riff(&[fmt(PCM, 2, 24, None), data(&samples)])),
        ("128 bits", riff(&[fmt(PCM, 16, 128, None), data(&samples)])),
        ("half floats", riff(&[fmt(FLOAT, 2, 16, None), data(&samples)])),
        ("the other byte order", big_endian),
        ("chunks without end", riff(&[chunk(b"JUNK", 0, b"").repeat(2_000), fmt(PCM, 2, 16, None), data(&samples)])),
    ] {
        match heard(file) {
            Ok(heard) => panic!("{what}: {heard:?}"),
            Err(error) => assert_eq!(*error.kind(), ErrorKind::FileFormat, "{what}: {error}"),
        }
    }
}

#[test]
fn a_file_that_another_program_writes_is_played_as_far_as_it_is() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("growing.wav");
    let whole = riff(&[fmt(PCM, 2, 16, None), chunk(b"data", u32::MAX, &left_justified(2, 16))]);
    std::fs::write(&path, &whole[..1_001]).expect("writable");
    let mut wav = WavLoop::open(&path).expect("a file");
    let mut sound = Vec::new();
    wav.read(480, &mut sound).expect("samples");
    std::fs::write(&path, &whole).expect("writable");
    sound.clear();
    wav.read(9_600, &mut sound).expect("more samples");
    assert!((tone_amplitude(&sound[4_800..], 1_000.0, 48_000) - 0.5).abs() < 0.1);
    std::fs::write(&path, b"RIFF").expect("writable");
    let error = (0..2).find_map(|_| wav.read(48_000, &mut sound).err()).expect("nothing is left");
    assert_eq!(*error.kind(), ErrorKind::FileFormat, "{error}");
}
