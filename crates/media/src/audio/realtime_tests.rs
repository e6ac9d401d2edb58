//! Real-time code does not allocate: counted by an allocator of the test program.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use confab_wire::media::{AUDIO_CLOCK_HZ, AudioPacket, Processing};
use cpal::FromSample;
use rtrb::RingBuffer;
use tokio::sync::watch;

use crate::audio::capture::opus_encoder::OpusEncoder;
use crate::audio::device::callback::{CaptureCallback, PlaybackCallback, PlaybackCounters};
use crate::audio::dsp::resample::MonoResampler;
use crate::audio::mixer::{JoinQueue, Mixer};
use crate::audio::processing::{AudioProcessor, FarEnd, MicrophoneProcessing};
use crate::format::BLOCK;
use crate::format::FRAME;
use crate::recording::recorder;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, with a count of what each thread asks of it.
struct Counting;

// SAFETY: hands everything on to the system's allocator as it came; the count is a plain cell of the thread without a
// destructor, so it can be used at any time and allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates, frees or moves memory.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 2);
}

fn capture_of<T: cpal::SizedSample + FromSample<f32>>(channels: usize)
where
    f32: FromSample<T>,
{
    let (ring, mut out) = RingBuffer::new(FRAME);
    let mut callback = CaptureCallback { ring, channels, reader: thread::current() };
    let data = vec![T::from_sample_(0.5); 480 * channels];
    // The third finds the ring full.
    assert_eq!(allocations(|| (0..3).for_each(|_| callback.take(&data))), 0);
    let heard: Vec<f32> = std::iter::from_fn(|| out.pop().ok()).collect();
    assert_eq!(heard.len(), FRAME, "the newest is lost");
    assert!(heard.iter().all(|sample| (sample - 0.5).abs() < 0.01));
}

#[test]
fn a_microphones_callback_does_not_allocate() {
    capture_of::<f32>(1);
    capture_of::<i16>(2);
    capture_of::<u8>(6);
}

fn playback_of<T: cpal::SizedSample + FromSample<f32>>(channels: usize)
where
    f32: FromSample<T>,
{
    let (mut ring, out) = RingBuffer::new(FRAME);
    let shared = Arc::<PlaybackCounters>::default();
    let mut callback = PlaybackCallback::new(out, channels, shared.clone());
    (0..480).for_each(|_| ring.push(0.5).expect("room"));
    let mut data = vec![T::from_sample_(0.0); 480 * channels];
    assert_eq!(allocations(|| callback.fill(&mut data)), 0);
    assert!(data.iter().all(|sample| (f32::from_sample_(*sample) - 0.5).abs() < 0.01));
    // Nothing is left: it fades.
    assert_eq!(allocations(|| callback.fill(&mut data)), 0);
    assert!(f32::from_sample_(data[data.len() - 1]).abs() < 0.02);
    assert_eq!((shared.period.load(Ordering::Relaxed), shared.underruns.load(Ordering::Relaxed)), (480, 1));
}

#[test]
fn a_speakers_callback_does_not_allocate() {
    playback_of::<f32>(1);
    playback_of::<i16>(2);
    playback_of::<i32>(8);
}

#[test]
fn what_was_played_is_handed_on_without_allocating() {
    let far_end = FarEnd::default();
    let (writer, mut reader) = (far_end.writer(), far_end.reader());
    let block = [0.5; BLOCK];
    let mut read = 0;
    let both = || {
        (0..1000).for_each(|_| writer.write(&block));
        read = std::iter::from_fn(|| reader.next()).count();
    };
    assert_eq!(allocations(both), 0);
    assert!(read > 0);
}

#[test]
fn resampling_does_not_allocate() {
    for rate in [44_100, 96_000] {
        let mut resampler = MonoResampler::new(rate, AUDIO_CLOCK_HZ).expect("a resampler");
        let (samples, mut out) = (vec![0.1; rate as usize / 100], Vec::with_capacity(4 * FRAME));
        let mut step = || {
            out.clear();
            resampler.push(&samples, &mut out);
        };
        (0..10).for_each(|_| step());
        assert_eq!(allocations(|| (0..100).for_each(|_| step())), 0, "{rate} Hz");
    }
}

/// Not in a callback, but on the thread that has to be done with a frame every 20 ms. AEC3 and AGC2 of sonora 0.2 allocate
/// within (about 40 and 10 small vectors for each block); what is ours does not.
#[test]
fn voice_processing_does_not_allocate_of_its_own() {
    let off = Processing { echo_cancellation: false, noise_suppression: false, gain_control: false };
    for on in [off, Processing { noise_suppression: true, ..off }] {
        let switch = watch::Sender::new(on);
        let mut processor =
            AudioProcessor::new(MicrophoneProcessing { processing: switch.subscribe(), far_end: FarEnd::default() });
        let mut frame = [0.01; FRAME];
        let mut run = || (0..100).for_each(|_| processor.process(&mut frame).expect("processed"));
        run();
        assert_eq!(allocations(run), 0, "{on:?}");
    }
}

#[test]
fn encoding_allocates_the_packet_and_nothing_else() {
    let mut encoder = OpusEncoder::for_speech().expect("an encoder");
    let frame: [f32; FRAME] = std::array::from_fn(|n| (n as f32 * 0.05).sin() * 0.3);
    let mut packets = Vec::with_capacity(100);
    let run = || (0..100).for_each(|_| packets.push(encoder.encode(&frame).expect("encodes")));
    assert_eq!(allocations(run), 100);
}

/// Packets of speech with in-band FEC, of which some are lost, damaged, late or there twice; the stream begins anew in between. Peers
/// are recorded, come and go, and the recording ends.
#[test]
fn mixing_neither_allocates_nor_frees() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (recorder, _failures) = recorder();
    let joining = JoinQueue::default();
    let mut mixer = Mixer::new(joining.clone());
    let mut encoder = OpusEncoder::for_speech().expect("an encoder");
    encoder.set_expected_loss(20).expect("redundancy");
    let mut peers: Vec<_> = (0..4).map(|_| joining.add()).collect();
    let (mut block, mut count, mut heard) = ([0.0; BLOCK], 0, 0);
    for step in 0..1_500usize {
        let now = Duration::from_millis(step as u64 * 10);
        if step % 2 == 0 {
            let n = step / 2;
            let frame: [f32; FRAME] =
                std::array::from_fn(|i| ((n * FRAME + i) as f32 * 0.013).sin() * (n % 50) as f32 / 60.0);
            let data = encoder.encode(&frame).expect("encodes");
            for (index, peer) in peers.iter().enumerate() {
                let n = if n > 400 { n + 50_000 } else { n };
                let data = if n % 31 == 7 { vec![0x4B, 0xFF, 0xFF].into() } else { data.clone() };
                let packet = AudioPacket { data, timestamp: (n * FRAME) as u32, sequence: n as u16, level: None };
                match (n + index) % 10 {
                    3 => {}
                    5 => (0..2).for_each(|_| peer.push_at(packet.clone(), now)),
                    _ => peer.push_at(packet, now),
                }
            }
        }
        match step {
            100 => peers
                .iter()
                .enumerate()
                .for_each(|(n, peer)| peer.record(recorder.record_sound(dir.path().join(n.to_string())))),
            500 => drop(peers.pop()),
            600 => peers.push(joining.add()),
            700 => peers[0].stop_recording(),
            800 => peers.iter().for_each(|peer| peer.set_extra_delay(Duration::from_millis(200))),
            _ => {}
        }
        count += allocations(|| mixer.mix(now, &mut block));
        heard += usize::from(block.iter().any(|sample| sample.abs() > 0.01));
    }
    assert!(heard > 1_000, "{heard} blocks with sound");
    assert!(peers[0].stats().recovered > 10 && peers[0].stats().starts > 1, "{:?}", peers[0].stats());
    assert_eq!(count, 0);
}
