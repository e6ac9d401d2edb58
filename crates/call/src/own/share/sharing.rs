//! A screen or a window in the call, with the sound of the computer if it is wanted: a stream of its own beside the camera's,
//! as long as it is shared.

use crate::effect::{Effect, Effects};
use crate::errors::user_error;
use crate::own::device::capture::{CarrierTask, RunningCapture};
use crate::own::send::watch_load;
use crate::own::share::sound::{OpenedSound, ShareSound};
use confab_ipc::{DeviceState, ErrorCode, ShareView, UserError};
use confab_media::{
    AudioCapture, AudioSource, ScreenSelector, VideoCapture, VideoConfig, VideoEvent, VideoSource, list_screens,
};
use confab_rtcio::{LocalTrack, RtcioStream, VideoEncoding};
use confab_wire::{
    call::SCREEN,
    media::{ContentHint, DegradationPreference},
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// A larger screen is scaled to fit: at more pixels one encoder does not keep up beside a call, and no line that people
/// have carries them sharp. Fifteen frames leave each one twice the bits.
const CONFIG: VideoConfig = VideoConfig { width: 1920, height: 1080, fps: 15, bitrate: 2_500_000 };
/// Events that wait for the call's task.
const EVENTS: usize = 4;

/// Answer to who asked for a share.
pub type ShareAnswer = oneshot::Sender<Result<(), UserError>>;

/// What came of opening a share.
#[derive(Debug)]
pub struct OpenedShare {
    title: String,
    picture: Result<(VideoCapture, mpsc::Receiver<VideoEvent>), UserError>,
    /// Nothing if none was asked for.
    sound: Result<Option<OpenedSound>, UserError>,
}

/// What happens to a share by itself, each to the share with this number.
#[derive(Debug)]
pub enum ShareEvent {
    /// It was opened, or was not.
    Opened(u64, OpenedShare),
    /// There is nothing new to see, or there is again.
    Paused(u64, bool),
    /// There is no sound to share any more.
    SoundEnded(u64, UserError),
    /// What was shared is gone.
    Ended(u64, UserError),
}

/// A source that is being opened.
#[derive(Debug)]
struct Opening {
    /// What the window shows of it while nothing else is shared.
    view: ShareView,
    /// Whoever waits for it.
    waiting: ShareAnswer,
    /// Dropping it gives the opening up, and takes away the dialog in which the system asks what to share.
    _task: AbortOnDropHandle<()>,
    number: u64,
}

/// A share that is being opened or runs. Another source takes the place of the one that runs when it is open, and not before: one
/// that can't be opened changes nothing.
#[derive(Debug)]
struct Share {
    /// Number of the source that runs.
    number: u64,
    view: ShareView,
    stream: RtcioStream,
    track: LocalTrack,
    opening: Option<Opening>,
    running: Option<RunningCapture<VideoCapture>>,
    sound: ShareSound,
    /// The stream was offered to the others.
    published: bool,
}

/// What one shares.
#[derive(Debug)]
pub struct Sharing {
    share: Option<Share>,
    /// Shares that have ended and are being released.
    closing: JoinSet<()>,
    /// Shares so far, to tell a late event of an earlier one.
    count: u64,
    events: mpsc::Receiver<ShareEvent>,
    report: mpsc::Sender<ShareEvent>,
    /// Notified when the computer can't encode everything.
    overloaded: mpsc::Sender<()>,
}

impl Sharing {
    /// Nothing is shared yet.
    pub fn new(overloaded: mpsc::Sender<()>) -> Self {
        let (report, events) = mpsc::channel(EVENTS);
        Self { share: None, closing: JoinSet::new(), count: 0, events, report, overloaded }
    }

    /// What the window shows of it.
    pub fn view(&self) -> Option<ShareView> {
        self.share.as_ref().map(|share| share.view.clone())
    }

    /// The next thing that happens to a share by itself. Safe to drop before it is done.
    pub async fn next(&mut self) -> ShareEvent {
        match self.events.recv().await {
            Some(event) => event,
            // Not while `report` is here.
            None => std::future::pending().await,
        }
    }

    /// Releases what is and was shared, and returns when that is done.
    pub async fn close(&mut self) {
        if let Some(share) = self.share.take() {
            self.put_away(share);
        }
        // Each capture ends in seconds at most.
        while self.closing.join_next().await.is_some() {}
    }

    /// Releases a share beside the call, which goes on meanwhile.
    fn put_away(&mut self, share: Share) {
        // Those that were released long ago.
        while self.closing.try_join_next().is_some() {}
        self.closing.spawn(share.close());
    }

    /// Opens a source with its sound; one that is shared already gives way to it when it is open, in the same stream.
    fn open(&mut self, source: VideoSource, sound: AudioSource, answer: ShareAnswer) {
        self.count += 1;
        let number = self.count;
        let view = ShareView { title: source.to_string(), capture: DeviceState::Starting, paused: false, sound: false };
        let share = self.share.get_or_insert_with(|| Share::new(number, view.clone()));
        if share.running.is_none() {
            share.view = view.clone();
        }
        let (demand, report) = (share.track.demand(), self.report.clone());
        let task = tokio::spawn(async move {
            let title = title(&source).await;
            let (picture, sound) = tokio::join!(VideoCapture::start(source, CONFIG, demand), open_sound(sound));
            let picture = picture.map_err(user_error);
            // Without a call any more, what was opened is released.
            let _ = report.send(ShareEvent::Opened(number, OpenedShare { title, picture, sound })).await;
        });
        let opening = Opening { view, waiting: answer, _task: AbortOnDropHandle::new(task), number };
        if let Some(overtaken) = share.opening.replace(opening) {
            // A caller that stopped waiting for the answer is no error.
            let _ = overtaken.waiting.send(Ok(()));
        }
    }

    /// The share whose source with this number runs, if it is still the one.
    fn current(&mut self, number: u64) -> Option<&mut Share> {
        self.share.as_mut().filter(|share| share.number == number)
    }

    /// Shares a source, in place of what was shared; answers when it is open.
    pub fn start(&mut self, source: VideoSource, sound: AudioSource, answer: ShareAnswer, effects: &mut Effects) {
        if source == VideoSource::None {
            // A caller that stopped waiting for the answer is no error.
            let _ = answer.send(Err(ErrorCode::ScreenMissing.into()));
            return;
        }
        self.open(source, sound, answer);
        effects.push(Effect::Me);
    }

    /// Stops sharing: the stream goes, for those who come later, too.
    pub fn stop(&mut self, effects: &mut Effects) {
        let Some(mut share) = self.share.take() else { return };
        // First what others see and hear.
        share.stream.replace([]);
        effects.push(Effect::Unpublish(share.stream.clone()));
        if let Some(opening) = share.opening.take() {
            let _ = opening.waiting.send(Ok(()));
        }
        self.put_away(share);
        effects.push(Effect::Me);
    }

    /// Takes an event of a share.
    pub fn handle(&mut self, event: ShareEvent, effects: &mut Effects) {
        match event {
            ShareEvent::Opened(number, opened) => self.opened(number, opened, effects),
            ShareEvent::Paused(number, paused) => {
                if let Some(share) = self.current(number) {
                    share.view.paused = paused;
                    effects.push(Effect::Me);
                }
            }
            ShareEvent::SoundEnded(number, error) => {
                if let Some(share) = self.current(number) {
                    share.sound.end(&share.stream);
                    share.view.sound = false;
                    effects.push(Effect::Me);
                    effects.notice(true, error);
                }
            }
            ShareEvent::Ended(number, error) => {
                let Some(share) = self.current(number) else { return };
                if let Some(opening) = &share.opening {
                    // What takes its place decides.
                    (share.running, share.view) = (None, opening.view.clone());
                    share.sound.pause();
                    effects.push(Effect::Me);
                } else {
                    self.stop(effects);
                    effects.notice(true, error);
                }
            }
        }
    }

    fn opened(&mut self, number: u64, opened: OpenedShare, effects: &mut Effects) {
        let (report, overloaded) = (self.report.clone(), self.overloaded.clone());
        // Stopped or overtaken while it was being opened: dropping the result releases it.
        let Some(share) = &mut self.share else { return };
        let Some(opening) = share.opening.take_if(|opening| opening.number == number) else { return };
        let (sound, silent) = match opened.sound {
            Ok(sound) => (sound, None),
            Err(error) => (None, Some(error)),
        };
        let result = match opened.picture {
            Ok(picture) => {
                let before = share.running.take();
                (share.number, share.view) = (number, ShareView { title: opened.title, ..opening.view });
                // Nothing of the one before comes between pictures of this one.
                let closing = before.map(RunningCapture::stop);
                share.run(picture, report.clone(), overloaded);
                share.run_sound(sound, report);
                if !std::mem::replace(&mut share.published, true) {
                    effects.push(Effect::Publish(SCREEN, share.stream.clone()));
                }
                effects.push(Effect::Me);
                // A share that failed says so by itself.
                if let Some(error) = silent {
                    effects.notice(true, error);
                }
                if let Some(closing) = closing {
                    self.closing.spawn(closing);
                }
                Ok(())
            }
            Err(error) => {
                if share.running.is_none() {
                    self.stop(effects);
                }
                Err(error)
            }
        };
        // A caller that stopped waiting for the answer is no error.
        let _ = opening.waiting.send(result);
    }
}

impl Share {
    fn new(number: u64, view: ShareView) -> Self {
        let stream = RtcioStream::new();
        let encoding = VideoEncoding {
            max_bitrate: Some(CONFIG.bitrate),
            max_framerate: Some(f64::from(CONFIG.fps)),
            degradation_preference: Some(DegradationPreference::MaintainResolution),
            content_hint: Some(ContentHint::Detail),
            ..VideoEncoding::default()
        };
        if let Err(error) = stream.set_encoding(encoding) {
            tracing::error!(%error, "the configuration does not reach the encoder");
        }
        let track = LocalTrack::simulcast();
        stream.add_track(&track);
        Self {
            number,
            view,
            stream,
            track,
            opening: None,
            running: None,
            sound: ShareSound::default(),
            published: false,
        }
    }

    /// Puts what was opened to work.
    fn run(
        &mut self,
        (capture, events): (VideoCapture, mpsc::Receiver<VideoEvent>),
        report: mpsc::Sender<ShareEvent>,
        overloaded: mpsc::Sender<()>,
    ) {
        tokio::spawn(watch_load(capture.restrictions(), self.track.clone(), overloaded));
        let task = tokio::spawn(carry(self.number, events, capture.hidden(), self.track.clone(), report));
        self.running = Some(RunningCapture::new(capture, CarrierTask(task.abort_handle())));
        self.view.capture = DeviceState::On;
    }

    /// Puts the sound to work beside the picture; without any, there is none any more.
    fn run_sound(&mut self, sound: Option<OpenedSound>, report: mpsc::Sender<ShareEvent>) {
        let number = self.number;
        self.view.sound = sound.is_some();
        match sound {
            None => self.sound.end(&self.stream),
            Some(opened) => self.sound.run(opened, &self.stream, async move |error| {
                let _ = report.send(ShareEvent::SoundEnded(number, error)).await;
            }),
        }
    }

    /// Releases screen and sound and returns when that is done.
    async fn close(self) {
        let picture = async {
            if let Some(running) = self.running {
                running.stop().await;
            }
        };
        tokio::join!(picture, self.sound.close());
    }
}

/// Carries frames to the peers, and what happens to the call, until the share ends.
async fn carry(
    number: u64,
    mut events: mpsc::Receiver<VideoEvent>,
    mut hidden: watch::Receiver<bool>,
    track: LocalTrack,
    report: mpsc::Sender<ShareEvent>,
) {
    loop {
        let event = tokio::select! {
            event = events.recv() => match event {
                None => return,
                Some(VideoEvent::Frame(frame)) => {
                    track.write_frame(frame);
                    continue;
                }
                Some(VideoEvent::Failed(error)) => ShareEvent::Ended(number, user_error(error)),
            },
            Ok(()) = hidden.changed() => ShareEvent::Paused(number, *hidden.borrow_and_update()),
        };
        if report.send(event).await.is_err() {
            return;
        }
    }
}

/// Opens the sound of a share, if there is to be any.
async fn open_sound(source: AudioSource) -> Result<Option<OpenedSound>, UserError> {
    if source == AudioSource::None {
        return Ok(None);
    }
    AudioCapture::start(source).await.map(Some).map_err(user_error)
}

/// What people call a source.
async fn title(source: &VideoSource) -> String {
    let VideoSource::Screen(selector) = source else { return source.to_string() };
    let id = selector.to_string();
    let listed = tokio::task::spawn_blocking(|| list_screens(false)).await;
    // Opening it will say what is wrong.
    let listed = listed.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
    let found = listed.into_iter().find(|listed| listed.id == id).map(|listed| listed.title);
    found.unwrap_or_else(|| match selector {
        ScreenSelector::Window(title) => title.clone(),
        ScreenSelector::Screen(_) => "Screen".to_owned(),
    })
}
