//! The output thread: it mixes all peers in blocks of 10 ms, whenever the speaker needs one or, without a speaker, by a timer.

pub(crate) mod test_sound;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use confab_wire::media::AUDIO_CLOCK_HZ;
use tokio::sync::{oneshot, watch};

use crate::audio::device::opening;
use crate::audio::device::stream::PlaybackStream;
use crate::audio::dsp::level::Level;
use crate::audio::mixer::{JoinQueue, Mixer, PeerAudio};
use crate::audio::processing::{FarEnd, FarEndWriter};
use crate::clock;
use crate::error::Error;
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

/// The mix of all remote peers, played on a speaker or on none. Dropping it ends it and releases the device.
#[derive(Debug)]
pub struct AudioOutput {
    peers: JoinQueue,
    stop: StopFlag,
    level: Arc<Level>,
    failed: watch::Receiver<Option<Error>>,
    replacements: mpsc::Sender<Replacement>,
    /// Counts the replacements that were asked for: only the newest counts.
    asked: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Another device for the mix, once it is open.
struct Replacement {
    number: u64,
    playback: Option<PlaybackStream>,
}

impl AudioOutput {
    /// Opens the sink and starts mixing. Fails with `SpeakerMissing` or `NoSoundServer`; [`AudioSink::None`] needs no
    /// device and does not fail for want of one. The mix is no far end of a microphone.
    pub async fn start(sink: AudioSink) -> Result<Self, Error> {
        Self::start_with_far_end(sink, &FarEnd::default()).await
    }

    /// As [`start`](Self::start); what the speaker plays is the far end of the microphone beside it.
    pub async fn start_with_far_end(sink: AudioSink, far_end: &FarEnd) -> Result<Self, Error> {
        let (peers, stop, level) = (JoinQueue::default(), StopFlag::default(), Arc::<Level>::default());
        let (failure, failed) = watch::channel(None);
        let (opened, opening) = oneshot::channel();
        let (replacements, replaced) = mpsc::channel();
        let asked = Arc::<AtomicU64>::default();
        let mixer = Mixer::new(peers.clone());
        let thread = {
            let (stop, level, asked, far_end) = (stop.clone(), level.clone(), asked.clone(), far_end.clone());
            priority::spawn("confab-mix", move || {
                let playback = match open(&sink) {
                    Ok(playback) => playback,
                    Err(error) => return drop(opened.send(Err(error))),
                };
                if opened.send(Ok(())).is_ok() {
                    let far_end_writer = playback.as_ref().map(|_| far_end.writer());
                    OutputLoop { mixer, playback, far_end, far_end_writer, stop, level, failure, replaced, asked }
                        .run();
                }
            })?
        };
        opening::opened(opening, OPEN_TIMEOUT).await?;
        Ok(Self { peers, stop, level, failed, replacements, asked, thread: Some(thread) })
    }

    /// Switches to another sink. The old one plays until the new one is open: the mix goes on. Fails as
    /// [`start`](Self::start) does; then the old one stays. Of several at once the last one counts.
    pub fn set_sink(&self, sink: AudioSink) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let replacements = self.replacements.clone();
        async move {
            let (opened, opening) = oneshot::channel();
            priority::spawn("confab-speaker", move || {
                let result = open(&sink).map(|playback| {
                    // An output that has ended needs no speaker.
                    let _ = replacements.send(Replacement { number, playback });
                });
                let _ = opened.send(result);
            })?;
            opening::opened(opening, OPEN_TIMEOUT).await
        }
    }

    /// Adds a peer to the mix, from the next block on.
    pub fn add_peer(&self) -> PeerAudio {
        self.peers.add()
    }

    /// Loudness of the whole mix: RMS, 0..1.
    pub fn level(&self) -> f32 {
        self.level.get()
    }

    /// Why the device stopped, once it has; `None` again with a new one. The mix goes on without it: levels and recordings
    /// live.
    pub fn failed(&self) -> watch::Receiver<Option<Error>> {
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

fn open(sink: &AudioSink) -> Result<Option<PlaybackStream>, Error> {
    match sink {
        AudioSink::None => Ok(None),
        AudioSink::Speaker(name) => PlaybackStream::open(name.as_deref()).map(Some),
    }
}

/// Closes a device. That waits for the sound server; the mix does not.
fn close(playback: Option<PlaybackStream>) {
    if let Some(playback) = playback
        && let Err(error) = worker::spawn("confab-speaker", move || drop(playback))
    {
        tracing::warn!(%error, "a speaker is closed by the mix");
    }
}

struct OutputLoop {
    mixer: Mixer,
    playback: Option<PlaybackStream>,
    far_end: FarEnd,
    /// Takes the blocks that the present speaker plays; `None` without a speaker.
    far_end_writer: Option<FarEndWriter>,
    stop: StopFlag,
    level: Arc<Level>,
    failure: watch::Sender<Option<Error>>,
    replaced: mpsc::Receiver<Replacement>,
    asked: Arc<AtomicU64>,
}

impl OutputLoop {
    fn run(mut self) {
        let mut beat = Instant::now();
        while !self.stop.is_set() {
            self.replace_device();
            if let Some(error) = self.playback.as_ref().and_then(PlaybackStream::failure) {
                tracing::warn!(%error, "speaker lost");
                close(self.playback.take());
                self.failure.send_replace(Some(error));
            }
            let asked = self.serve_device();
            if asked {
                beat = Instant::now();
            }
            // Without a device the clock asks, every 10 ms; also in place of one that has stopped asking, so that levels
            // and recordings go on and packets do not pile up.
            let patience = if self.playback.is_some() { DEVICE_STALLED } else { BLOCK_TIME };
            if beat.elapsed() >= patience {
                self.block();
                // A machine that slept does not catch up.
                beat = if beat.elapsed() > BLOCK_TIME * CATCH_UP { Instant::now() } else { beat + BLOCK_TIME };
            }
            // Half a block for a device, so that its ring never runs dry between two rounds.
            let next = if self.playback.is_some() { Instant::now() + BLOCK_TIME / 2 } else { beat + BLOCK_TIME };
            if self.stop.sleep_until(next) {
                return;
            }
        }
    }

    /// Takes a device that was opened meanwhile.
    fn replace_device(&mut self) {
        for Replacement { number, playback } in self.replaced.try_iter() {
            let unwanted = if number == self.asked.load(Ordering::Relaxed) {
                self.failure.send_replace(None);
                self.far_end_writer = playback.as_ref().map(|_| self.far_end.writer());
                std::mem::replace(&mut self.playback, playback)
            } else {
                playback
            };
            close(unwanted);
        }
    }

    /// Fills the device's ring; true if it wanted something.
    fn serve_device(&mut self) -> bool {
        let mut asked = false;
        while self.playback.as_mut().is_some_and(PlaybackStream::wants_block) {
            let block = self.block();
            if let Some(playback) = &mut self.playback {
                playback.write(&block);
            }
            if let Some(writer) = &self.far_end_writer {
                writer.write(&block);
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
