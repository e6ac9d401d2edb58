//! From packets to the speaker: one thread that mixes, and a device or a clock that asks for the mix.

pub(crate) mod test_sound;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use confab_wire::{UserError, media::AUDIO_CLOCK_HZ};
use tokio::sync::{oneshot, watch};

use crate::audio::device::opening;
use crate::audio::device::stream::Playback;
use crate::audio::dsp::level::Level;
use crate::audio::mixer::{Door, Mixer, PeerAudio};
use crate::audio::processing::{FarEnd, Writer};
use crate::clock;
use crate::format::BLOCK;
use crate::selector::AudioSink;
use crate::thread::priority;
use crate::thread::stop::StopFlag;
use crate::thread::worker;

/// Time of one block.
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// Blocks the clock may be behind (a machine that slept) before it gives up catching up.
const CATCH_UP: u32 = 20;
/// A device that has not asked for this long is taken for stalled.
const DEVICE_STALLED: Duration = Duration::from_millis(100);
/// How long a device may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long [`AudioOutput::stop`] waits for its thread.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The mix of all remote peers, on its way to a speaker or to nobody. Dropping it ends it and releases the device.
#[derive(Debug)]
pub struct AudioOutput {
    door: Door,
    stop: StopFlag,
    level: Arc<Level>,
    failed: watch::Receiver<Option<UserError>>,
    swaps: mpsc::Sender<Swap>,
    /// Counts the swaps that were asked for: only the newest counts.
    asked: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Another device for the mix, once it is open.
struct Swap {
    number: u64,
    playback: Option<Playback>,
}

impl AudioOutput {
    /// Opens the sink and starts mixing. Fails with `SpeakerMissing` or `NoSoundServer`; [`AudioSink::None`] needs no
    /// device and does not fail for want of one. No microphone is told what plays.
    pub async fn start(sink: AudioSink) -> Result<Self, UserError> {
        Self::start_heard(sink, &FarEnd::default()).await
    }

    /// As [`start`](Self::start); what the speaker plays is the far end of the microphone beside it.
    pub async fn start_heard(sink: AudioSink, far_end: &FarEnd) -> Result<Self, UserError> {
        let (door, stop, level) = (Door::default(), StopFlag::default(), Arc::<Level>::default());
        let (failure, failed) = watch::channel(None);
        let (opened, opening) = oneshot::channel();
        let (swaps, swapped) = mpsc::channel();
        let asked = Arc::<AtomicU64>::default();
        let mixer = Mixer::new(door.clone());
        let thread = {
            let (stop, level, asked, far_end) = (stop.clone(), level.clone(), asked.clone(), far_end.clone());
            priority::spawn("confab-mix", move || {
                let playback = match open(&sink) {
                    Ok(playback) => playback,
                    Err(error) => return drop(opened.send(Err(error))),
                };
                if opened.send(Ok(())).is_ok() {
                    let heard = playback.as_ref().map(|_| far_end.writer());
                    Loop { mixer, playback, far_end, heard, stop, level, failure, swapped, asked }.run();
                }
            })?
        };
        opening::opened(opening, OPEN_TIMEOUT).await?;
        Ok(Self { door, stop, level, failed, swaps, asked, thread: Some(thread) })
    }

    /// Goes on with another sink. The old one plays until the new one is open: nobody in the mix notices. Fails as
    /// [`start`](Self::start) does; then the old one stays. Of several at once the last one counts.
    pub fn set_sink(&self, sink: AudioSink) -> impl Future<Output = Result<(), UserError>> + Send + use<> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let swaps = self.swaps.clone();
        async move {
            let (opened, opening) = oneshot::channel();
            priority::spawn("confab-speaker", move || {
                let result = open(&sink).map(|playback| {
                    // An output that has ended needs no speaker.
                    let _ = swaps.send(Swap { number, playback });
                });
                let _ = opened.send(result);
            })?;
            opening::opened(opening, OPEN_TIMEOUT).await
        }
    }

    /// Adds a peer to the mix; it is heard from the next block on.
    pub fn add_peer(&self) -> PeerAudio {
        self.door.add()
    }

    /// Loudness of the whole mix: RMS, 0..1.
    pub fn level(&self) -> f32 {
        self.level.get()
    }

    /// Why the device stopped, once it has; `None` again with a new one. The mix goes on without it: levels and recordings
    /// live.
    pub fn failed(&self) -> watch::Receiver<Option<UserError>> {
        self.failed.clone()
    }

    /// Ends the output; the device is free when this returns (two seconds at most).
    pub async fn stop(mut self) {
        self.stop.set();
        worker::join(self.thread.take().into_iter().collect(), STOP_TIMEOUT).await;
    }
}

impl Drop for AudioOutput {
    fn drop(&mut self) {
        self.stop.set();
    }
}

fn open(sink: &AudioSink) -> Result<Option<Playback>, UserError> {
    match sink {
        AudioSink::None => Ok(None),
        AudioSink::Speaker(name) => Playback::open(name.as_deref()).map(Some),
    }
}

struct Loop {
    mixer: Mixer,
    playback: Option<Playback>,
    far_end: FarEnd,
    /// Where the blocks go that the present speaker plays. Without a speaker, nobody hears them.
    heard: Option<Writer>,
    stop: StopFlag,
    level: Arc<Level>,
    failure: watch::Sender<Option<UserError>>,
    swapped: mpsc::Receiver<Swap>,
    asked: Arc<AtomicU64>,
}

impl Loop {
    fn run(mut self) {
        let mut beat = Instant::now();
        while !self.stop.is_set() {
            self.swap();
            if let Some(error) = self.playback.as_ref().and_then(Playback::failure) {
                tracing::warn!(%error, "speaker lost");
                self.playback = None;
                self.failure.send_replace(Some(error));
            }
            let asked = self.serve_device();
            if asked {
                beat = Instant::now();
            }
            // Without a device the clock asks, every 10 ms; also in place of one that has stopped asking, so that levels
            // and recordings go on and what is said does not pile up.
            let patience = if self.playback.is_some() { DEVICE_STALLED } else { BLOCK_TIME };
            if beat.elapsed() >= patience {
                self.block();
                // A machine that slept does not catch up.
                beat = if beat.elapsed() > BLOCK_TIME * CATCH_UP { Instant::now() } else { beat + BLOCK_TIME };
            }
            // Half a block for a device, so that its ring never runs dry between two looks.
            let next = if self.playback.is_some() { Instant::now() + BLOCK_TIME / 2 } else { beat + BLOCK_TIME };
            if self.stop.sleep_until(next) {
                return;
            }
        }
    }

    /// Takes a device that was opened meanwhile.
    fn swap(&mut self) {
        for Swap { number, playback } in self.swapped.try_iter() {
            let unwanted = if number == self.asked.load(Ordering::Relaxed) {
                self.failure.send_replace(None);
                self.heard = playback.as_ref().map(|_| self.far_end.writer());
                std::mem::replace(&mut self.playback, playback)
            } else {
                playback
            };
            // Closing waits for the sound server; the mix does not.
            if let Err(error) = worker::spawn("confab-speaker", move || drop(unwanted)) {
                tracing::warn!(%error, "a speaker is closed by the mix");
            }
        }
    }

    /// Fills the device's ring; true if it wanted something.
    fn serve_device(&mut self) -> bool {
        let mut asked = false;
        while self.playback.as_mut().is_some_and(Playback::wants_block) {
            let block = self.block();
            if let Some(playback) = &mut self.playback {
                playback.write(&block);
            }
            if let Some(heard) = &self.heard {
                heard.write(&block);
            }
            asked = true;
        }
        asked
    }

    /// The next block of the mix.
    fn block(&mut self) -> [f32; BLOCK] {
        let mut block = [0.0; BLOCK];
        self.mixer.mix(clock::since_epoch(Instant::now()), &mut block);
        self.level.follow(&block);
        block
    }
}

const _: () = assert!(BLOCK * 100 == AUDIO_CLOCK_HZ as usize);
