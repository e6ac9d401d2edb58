//! From packets to the speaker: one thread that mixes, and a device or a clock that asks for the mix.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use confab_protocol::UserError;
use confab_protocol::media::AUDIO_CLOCK_HZ;
use tokio::sync::{oneshot, watch};

use crate::clock;
use crate::device::{self, Playback};
use crate::level::Level;
use crate::mixer::{Door, Mixer, PeerAudio};
use crate::player::BLOCK;
use crate::source::AudioSink;
use crate::stop::{self, Stop};

/// Time of one block.
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// Blocks the clock may be behind (a machine that slept) before it gives up catching up.
const CATCH_UP: u32 = 20;
/// How long a device may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long [`AudioOutput::stop`] waits for its thread.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The mix of all remote peers, on its way to a speaker or to nobody. Dropping it ends it and releases the device.
#[derive(Debug)]
pub struct AudioOutput {
    door: Door,
    stop: Stop,
    level: Arc<Level>,
    failed: watch::Receiver<Option<UserError>>,
    thread: Option<JoinHandle<()>>,
}

impl AudioOutput {
    /// Opens the sink and starts mixing. Fails with `SpeakerMissing` or `NoSoundServer`; [`AudioSink::None`] needs no
    /// device and does not fail for want of one.
    pub async fn start(sink: AudioSink) -> Result<Self, UserError> {
        let (door, stop, level) = (Door::default(), Stop::default(), Arc::<Level>::default());
        let (failure, failed) = watch::channel(None);
        let (opened, opening) = oneshot::channel();
        let mixer = Mixer::new(door.clone());
        let thread = {
            let (stop, level) = (stop.clone(), level.clone());
            stop::spawn("confab-mix", move || {
                let playback = match sink {
                    AudioSink::None => Ok(None),
                    AudioSink::Speaker(name) => Playback::open(name.as_deref()).map(Some),
                };
                let playback = match playback {
                    Ok(playback) => playback,
                    Err(error) => return drop(opened.send(Err(error))),
                };
                if opened.send(Ok(())).is_ok() {
                    Loop { mixer, playback, stop, level, failure }.run();
                }
            })?
        };
        device::opened(opening, OPEN_TIMEOUT).await?;
        Ok(Self { door, stop, level, failed, thread: Some(thread) })
    }

    /// Adds a peer to the mix; it is heard from the next block on.
    pub fn add_peer(&self) -> PeerAudio {
        self.door.add()
    }

    /// Loudness of the whole mix: RMS, 0..1.
    pub fn level(&self) -> f32 {
        self.level.get()
    }

    /// Why the device stopped, once it has. The mix goes on without it: levels and recordings live.
    pub fn failed(&self) -> watch::Receiver<Option<UserError>> {
        self.failed.clone()
    }

    /// Ends the output; the device is free when this returns (two seconds at most).
    pub async fn stop(mut self) {
        self.stop.set();
        stop::join(self.thread.take().into_iter().collect(), STOP_TIMEOUT).await;
    }
}

impl Drop for AudioOutput {
    fn drop(&mut self) {
        self.stop.set();
    }
}

struct Loop {
    mixer: Mixer,
    playback: Option<Playback>,
    stop: Stop,
    level: Arc<Level>,
    failure: watch::Sender<Option<UserError>>,
}

impl Loop {
    fn run(mut self) {
        let mut block = [0.0; BLOCK];
        let mut beat = Instant::now();
        loop {
            if let Some(error) = self.playback.as_ref().and_then(Playback::failure) {
                tracing::warn!(%error, "speaker lost");
                self.playback = None;
                self.failure.send_replace(Some(error));
                beat = Instant::now();
            }
            let Some(playback) = &mut self.playback else {
                // No device: the clock asks for a block every 10 ms.
                beat += BLOCK_TIME;
                if self.stop.sleep_until(beat) {
                    return;
                }
                if beat.elapsed() > BLOCK_TIME * CATCH_UP {
                    beat = Instant::now();
                }
                self.mixer.mix(clock::since_epoch(Instant::now()), &mut block);
                self.level.follow(&block);
                continue;
            };
            while playback.wants_block() {
                self.mixer.mix(clock::since_epoch(Instant::now()), &mut block);
                self.level.follow(&block);
                playback.write(&block);
            }
            // Half a block, so that the ring never runs dry between two looks.
            if self.stop.sleep_until(Instant::now() + BLOCK_TIME / 2) {
                return;
            }
        }
    }
}

const _: () = assert!(BLOCK * 100 == AUDIO_CLOCK_HZ as usize);
