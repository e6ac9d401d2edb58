//! Microphones and speakers by cpal.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use confab_wire::media::AUDIO_CLOCK_HZ;
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, FromSample, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::audio::device::callback::{CaptureCallback, PlaybackCallback, PlaybackCounters};
use crate::audio::device::direction::Direction;
use crate::audio::device::host::{PlatformAudio, types::AudioHost};
use crate::audio::device::latency::OutputLatency;
use crate::audio::device::list;
use crate::audio::dsp::resample::MonoResampler;
use crate::error::{Error, ErrorKind};
use crate::format::BLOCK;

/// Time a ring can hold; beyond it the newest samples are dropped.
const RING: Duration = Duration::from_millis(500);
/// How long a device may take to make a stream.
const STREAM_TIMEOUT: Duration = Duration::from_secs(3);
/// A microphone that is silent this long, without even zeros, is taken for dead.
const SILENT: Duration = Duration::from_secs(5);
/// Longest sleep of a reader between two checks of the ring.
const LOOK: Duration = Duration::from_millis(20);
/// Frames per callback where the host lets us choose, at 48 kHz: 5 ms for a microphone and 10 ms for a speaker, of which
/// the server keeps two periods. The threads that answer have priority.
const RECORD_PERIOD: u32 = 240;
const PLAY_PERIOD: u32 = 480;

/// The device that is called `name`, or the default one.
fn find(host: &cpal::Host, direction: Direction, name: Option<&str>) -> Result<cpal::Device, Error> {
    let found = list::find(host, direction, name).map_err(|error| direction.error(&error))?;
    found.ok_or_else(|| match name {
        Some(name) => Error::with_detail(direction.missing(), format!("no device is called {name}")),
        None => direction.missing().into(),
    })
}

fn configuration(
    device: &cpal::Device,
    direction: Direction,
    converts: bool,
) -> Result<(StreamConfig, SampleFormat), Error> {
    if converts {
        // The sound server resamples and mixes at the rate of its device.
        let period = if direction == Direction::Input { RECORD_PERIOD } else { PLAY_PERIOD };
        let buffer_size = BufferSize::Fixed(period);
        let config = StreamConfig { channels: 1, sample_rate: AUDIO_CLOCK_HZ, buffer_size };
        return Ok((config, SampleFormat::F32));
    }
    let default: SupportedStreamConfig = match direction {
        Direction::Input => device.default_input_config(),
        Direction::Output => device.default_output_config(),
    }
    .map_err(|error| direction.error(&error))?;
    Ok((default.config(), default.sample_format()))
}

/// Where a stream's error callback leaves what happens.
#[derive(Debug, Clone, Default)]
struct StreamErrors(Arc<StreamStatus>);

#[derive(Debug, Default)]
struct StreamStatus {
    /// What ended the stream.
    end: Mutex<Option<Error>>,
    /// There is something in `end`: until then nobody has to lock it.
    has_ended: AtomicBool,
    /// Gaps and other things that it got over.
    disturbances: AtomicU32,
}

impl StreamErrors {
    fn get(&self) -> Option<Error> {
        if !self.0.has_ended.load(Ordering::Acquire) {
            return None;
        }
        self.0.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn disturbances(&self) -> u32 {
        self.0.disturbances.load(Ordering::Relaxed)
    }

    fn callback(&self, direction: Direction) -> impl FnMut(cpal::Error) + Send + 'static {
        let failure = self.clone();
        move |error| match error.kind() {
            // The stream lives on, and its thread has a deadline: nothing is logged here.
            cpal::ErrorKind::Xrun | cpal::ErrorKind::DeviceChanged | cpal::ErrorKind::RealtimeDenied => {
                failure.0.disturbances.fetch_add(1, Ordering::Relaxed);
            }
            _ => {
                let error = direction.error(&error);
                failure.0.end.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                failure.0.has_ended.store(true, Ordering::Release);
            }
        }
    }
}

/// Calls `$build::<T>($($arg),*)` with the sample type of `$format`.
macro_rules! by_format {
    ($format:expr, $direction:expr, $build:ident($($arg:expr),*)) => {
        match $format {
            SampleFormat::F32 => $build::<f32>($($arg),*),
            SampleFormat::I16 => $build::<i16>($($arg),*),
            SampleFormat::I32 => $build::<i32>($($arg),*),
            SampleFormat::U8 => $build::<u8>($($arg),*),
            SampleFormat::I8 => $build::<i8>($($arg),*),
            SampleFormat::U16 => $build::<u16>($($arg),*),
            SampleFormat::I24 => $build::<cpal::I24>($($arg),*),
            SampleFormat::F64 => $build::<f64>($($arg),*),
            other => Err(Error::with_detail($direction.failed(), format!("sample format {other}"))),
        }
    };
}

/// An open microphone. To be read on the thread that opened it.
pub(crate) struct CaptureStream {
    // Dropped first: no callback may outlive the ring's reader by long.
    _stream: cpal::Stream,
    ring: Consumer<f32>,
    resampler: MonoResampler,
    failure: StreamErrors,
    /// How long nothing came, as far as this thread was awake: a laptop's sleep does not count.
    silent: Duration,
    looked: Instant,
    raw: Vec<f32>,
    resampled: Vec<f32>,
}

fn capture_stream<T>(
    device: &cpal::Device,
    config: StreamConfig,
    ring: Producer<f32>,
    failure: &StreamErrors,
) -> Result<cpal::Stream, Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels).max(1);
    let mut callback = CaptureCallback { ring, channels, reader: thread::current() };
    let callback = move |data: &[T], _: &cpal::InputCallbackInfo| callback.take(data);
    device
        .build_input_stream(config, callback, failure.callback(Direction::Input), Some(STREAM_TIMEOUT))
        .map_err(|error| Direction::Input.error(&error))
}

impl CaptureStream {
    /// Opens the microphone with this name, or the default one.
    pub(crate) fn open(name: Option<&str>) -> Result<Self, Error> {
        let (host, converts) = PlatformAudio::open()?;
        let device = find(&host, Direction::Input, name)?;
        let (config, format) = configuration(&device, Direction::Input, converts)?;
        let (producer, ring) = RingBuffer::new((config.sample_rate as f32 * RING.as_secs_f32()) as usize);
        let failure = StreamErrors::default();
        let resampler = MonoResampler::new(config.sample_rate, AUDIO_CLOCK_HZ)?;
        let stream = by_format!(format, Direction::Input, capture_stream(&device, config, producer, &failure))?;
        stream.play().map_err(|error| Direction::Input.error(&error))?;
        tracing::debug!(device = ?list::id(&device), ?config, %format, "microphone open");
        let (silent, looked) = (Duration::ZERO, Instant::now());
        Ok(Self { _stream: stream, ring, resampler, failure, silent, looked, raw: Vec::new(), resampled: Vec::new() })
    }

    /// Waits a little for samples and appends those there are, at 48 kHz. Fails when the device is gone or silent.
    pub(crate) fn read(&mut self, out: &mut VecDeque<f32>) -> Result<(), Error> {
        if self.ring.is_empty() {
            if let Some(error) = self.failure.get() {
                return Err(error);
            }
            self.silent += self.looked.elapsed().min(2 * LOOK);
            self.looked = Instant::now();
            if self.silent > SILENT {
                let detail = format!("no sound for {} s", SILENT.as_secs());
                return Err(Error::with_detail(ErrorKind::MicrophoneFailed, detail));
            }
            thread::park_timeout(LOOK);
            return Ok(());
        }
        (self.silent, self.looked) = (Duration::ZERO, Instant::now());
        self.raw.clear();
        if let Ok(chunk) = self.ring.read_chunk(self.ring.slots()) {
            self.raw.extend(chunk);
        }
        self.resampled.clear();
        self.resampler.push(&self.raw, &mut self.resampled);
        out.extend(self.resampled.drain(..));
        Ok(())
    }
}

impl Drop for CaptureStream {
    fn drop(&mut self) {
        tracing::debug!(disturbances = self.failure.disturbances(), "microphone closed");
    }
}

/// An open speaker.
pub(crate) struct PlaybackStream {
    _stream: cpal::Stream,
    ring: Producer<f32>,
    capacity: usize,
    resampler: MonoResampler,
    resampled: Vec<f32>,
    failure: StreamErrors,
    shared: Arc<PlaybackCounters>,
    rate: u32,
    latency: OutputLatency,
}

fn playback_stream<T>(
    device: &cpal::Device,
    config: StreamConfig,
    ring: Consumer<f32>,
    shared: Arc<PlaybackCounters>,
    failure: &StreamErrors,
) -> Result<cpal::Stream, Error>
where
    T: SizedSample + FromSample<f32>,
{
    let mut callback = PlaybackCallback::new(ring, usize::from(config.channels).max(1), shared);
    let callback = move |data: &mut [T], _: &cpal::OutputCallbackInfo| callback.fill(data);
    device
        .build_output_stream(config, callback, failure.callback(Direction::Output), Some(STREAM_TIMEOUT))
        .map_err(|error| Direction::Output.error(&error))
}

impl PlaybackStream {
    /// Opens the speaker with this name, or the default one.
    pub(crate) fn open(name: Option<&str>) -> Result<Self, Error> {
        let (host, converts) = PlatformAudio::open()?;
        let device = find(&host, Direction::Output, name)?;
        let (config, format) = configuration(&device, Direction::Output, converts)?;
        let capacity = (config.sample_rate as f32 * RING.as_secs_f32()) as usize;
        let (ring, consumer) = RingBuffer::new(capacity);
        let (failure, shared) = (StreamErrors::default(), Arc::<PlaybackCounters>::default());
        let resampler = MonoResampler::new(AUDIO_CLOCK_HZ, config.sample_rate)?;
        let stream = by_format!(
            format,
            Direction::Output,
            playback_stream(&device, config, consumer, shared.clone(), &failure)
        )?;
        stream.play().map_err(|error| Direction::Output.error(&error))?;
        tracing::debug!(device = ?list::id(&device), ?config, %format, "speaker open");
        Ok(Self {
            _stream: stream,
            ring,
            capacity,
            resampler,
            resampled: Vec::with_capacity(16 * BLOCK),
            failure,
            shared,
            rate: config.sample_rate,
            latency: OutputLatency::new(Instant::now()),
        })
    }

    /// What ended the stream, if something did.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.failure.get()
    }

    /// True if the ring holds less than it should.
    pub(crate) fn wants_block(&mut self) -> bool {
        let wanted = self.latency.target_frames(&self.shared, self.rate, Instant::now());
        let filled = self.capacity - self.ring.slots();
        filled < wanted.min(self.capacity * 3 / 4)
    }

    /// Appends a block of 48 kHz; what does not fit is dropped.
    pub(crate) fn write(&mut self, block: &[f32; BLOCK]) {
        self.resampled.clear();
        self.resampler.push(block, &mut self.resampled);
        for sample in self.resampled.drain(..) {
            if self.ring.push(sample).is_err() {
                break;
            }
        }
    }
}

impl Drop for PlaybackStream {
    fn drop(&mut self) {
        let underruns = self.shared.underruns.load(Ordering::Relaxed);
        tracing::debug!(
            underruns,
            disturbances = self.failure.disturbances(),
            headroom = self.latency.headroom(),
            period = self.shared.period.load(Ordering::Relaxed),
            "speaker closed"
        );
    }
}

impl std::fmt::Debug for PlaybackStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlaybackStream")
            .field("rate", &self.rate)
            .field("latency", &self.latency)
            .finish_non_exhaustive()
    }
}
