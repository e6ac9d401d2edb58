//! A screen or a window in the call, with the sound of the computer if it is wanted: a stream of its own beside the camera's,
//! as long as it is shared.

use crate::own::device::slot::released;
use crate::own::send::{self, DeviceEvent};
use crate::own::share::sound::{OpenedSound, ShareSound};
use crate::task::Actor;
use crate::{AudioSource, VideoConfig, VideoSource};
use confab_ipc::{DeviceState, ErrorCode, ShareView, UserError};
use confab_media::{AudioCapture, ScreenSelector, VideoCapture, VideoEvent, list_screens};
use confab_rtcio::{LocalTrack, RtcioStream, VideoEncoding};
use confab_wire::{
    call as names,
    media::{ContentHint, DegradationPreference},
};
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// A larger screen is scaled to fit: at more pixels one encoder does not keep up beside a call, and no line that people
/// have carries them sharp. Fifteen frames leave each one twice the bits.
const CONFIG: VideoConfig = VideoConfig { width: 1920, height: 1080, fps: 15, bitrate: 2_500_000 };
/// Events that wait for the call's task.
const EVENTS: usize = 4;

/// Answer to who asked for a share.
pub(crate) type Answer = oneshot::Sender<Result<(), UserError>>;

/// What came of opening a share.
#[derive(Debug)]
pub(crate) struct Opened {
    title: String,
    picture: Result<(VideoCapture, mpsc::Receiver<VideoEvent>), UserError>,
    /// Nothing if none was asked for.
    sound: Result<Option<OpenedSound>, UserError>,
}

/// What a share says by itself, each of the share with this number.
#[derive(Debug)]
pub(crate) enum ShareEvent {
    /// It was opened, or was not.
    Opened(u64, Opened),
    /// There is nothing new to see, or there is again.
    Paused(u64, bool),
    /// There is no sound to share any more.
    SoundEnded(u64, UserError),
    /// What was shared is gone.
    Ended(u64, UserError),
}

/// A share that is being opened or runs.
#[derive(Debug)]
struct Share {
    number: u64,
    view: ShareView,
    stream: RtcioStream,
    track: LocalTrack,
    /// Dropping it gives the opening up, and takes away the dialog in which the system asks what to share.
    opening: Option<AbortOnDropHandle<()>>,
    /// Dropping it releases the screen.
    capture: Option<VideoCapture>,
    sound: ShareSound,
    /// Whoever waits for it to open.
    asked: Option<Answer>,
    /// The others were told of the stream.
    told: bool,
}

/// What one shares.
#[derive(Debug)]
pub(crate) struct Sharing {
    share: Option<Share>,
    /// Shares that have ended and are being released.
    closing: JoinSet<()>,
    /// Shares so far, to tell a late word of an earlier one.
    count: u64,
    events: mpsc::Receiver<ShareEvent>,
    say: mpsc::Sender<ShareEvent>,
    /// Where it is said that the computer is too busy.
    load: mpsc::Sender<DeviceEvent>,
}

impl Sharing {
    /// Nothing is shared yet.
    pub(crate) fn new(load: mpsc::Sender<DeviceEvent>) -> Self {
        let (say, events) = mpsc::channel(EVENTS);
        Self { share: None, closing: JoinSet::new(), count: 0, events, say, load }
    }

    /// What the window shows of it.
    pub(crate) fn view(&self) -> Option<ShareView> {
        self.share.as_ref().map(|share| share.view.clone())
    }

    /// The next thing that a share says by itself.
    pub(crate) async fn event(&mut self) -> ShareEvent {
        match self.events.recv().await {
            Some(event) => event,
            // Not while `say` is here.
            None => std::future::pending().await,
        }
    }

    /// Releases what is and was shared, and returns when that is done.
    pub(crate) async fn close(&mut self) {
        if let Some(share) = self.share.take() {
            self.put_away(share);
        }
        // Each capture ends in seconds at most.
        released(&mut self.closing).await;
    }

    /// Releases a share beside the call, which goes on meanwhile.
    fn put_away(&mut self, share: Share) {
        // Those that were released long ago.
        while self.closing.try_join_next().is_some() {}
        self.closing.spawn(share.close());
    }

    /// Opens a source with its sound; one that is shared already gives way to it, in the same stream.
    fn open(&mut self, source: VideoSource, sound: AudioSource, answer: Answer) {
        self.count += 1;
        let number = self.count;
        let view = ShareView { title: source.to_string(), capture: DeviceState::Starting, paused: false, sound: false };
        match &mut self.share {
            Some(share) => {
                (share.number, share.view, share.capture) = (number, view, None);
                share.sound.pause();
                if let Some(overtaken) = share.asked.replace(answer) {
                    let _ = overtaken.send(Ok(()));
                }
            }
            none => *none = Some(Share::new(number, view, answer)),
        }
        let Some(share) = &mut self.share else { return };
        let (demand, say) = (share.track.demand(), self.say.clone());
        let opening = tokio::spawn(async move {
            let title = title(&source).await;
            let (picture, sound) = tokio::join!(VideoCapture::start(source, CONFIG, demand), open_sound(sound));
            // Without a call any more, what was opened is released.
            let _ = say.send(ShareEvent::Opened(number, Opened { title, picture, sound })).await;
        });
        share.opening = Some(AbortOnDropHandle::new(opening));
    }

    /// The share with this number, if it is still the one.
    fn current(&mut self, number: u64) -> Option<&mut Share> {
        self.share.as_mut().filter(|share| share.number == number)
    }
}

impl Share {
    fn new(number: u64, view: ShareView, answer: Answer) -> Self {
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
            capture: None,
            sound: ShareSound::default(),
            asked: Some(answer),
            told: false,
        }
    }

    /// Puts what was opened to work.
    fn run(
        &mut self,
        (capture, events): (VideoCapture, mpsc::Receiver<VideoEvent>),
        say: mpsc::Sender<ShareEvent>,
        load: mpsc::Sender<DeviceEvent>,
    ) {
        tokio::spawn(send::watch_load(capture.relief(), self.track.clone(), load));
        tokio::spawn(pump(self.number, events, capture.hidden(), self.track.clone(), say));
        self.capture = Some(capture);
        self.view.capture = DeviceState::On;
    }

    /// Puts the sound to work beside the picture; without any, there is none any more.
    fn run_sound(&mut self, sound: Option<OpenedSound>, say: mpsc::Sender<ShareEvent>) {
        let number = self.number;
        self.view.sound = sound.is_some();
        match sound {
            None => self.sound.end(&self.stream),
            Some(opened) => self.sound.run(opened, &self.stream, async move |error| {
                let _ = say.send(ShareEvent::SoundEnded(number, error)).await;
            }),
        }
    }

    /// Releases screen and sound and returns when that is done.
    async fn close(self) {
        let picture = async {
            if let Some(capture) = self.capture {
                capture.stop().await;
            }
        };
        tokio::join!(picture, self.sound.close());
    }
}

/// Carries frames to the peers, and what happens to the call, until the share ends.
async fn pump(
    number: u64,
    mut events: mpsc::Receiver<VideoEvent>,
    mut hidden: watch::Receiver<bool>,
    track: LocalTrack,
    say: mpsc::Sender<ShareEvent>,
) {
    loop {
        let event = tokio::select! {
            event = events.recv() => match event {
                None => return,
                Some(VideoEvent::Frame(frame)) => {
                    track.write_frame(frame);
                    continue;
                }
                Some(VideoEvent::Failed(error)) => ShareEvent::Ended(number, error),
            },
            Ok(()) = hidden.changed() => ShareEvent::Paused(number, *hidden.borrow_and_update()),
        };
        if say.send(event).await.is_err() {
            return;
        }
    }
}

/// Opens the sound of a share, if there is to be any.
async fn open_sound(source: AudioSource) -> Result<Option<OpenedSound>, UserError> {
    if source == AudioSource::None { Ok(None) } else { AudioCapture::start(source).await.map(Some) }
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

impl Actor {
    /// Shares a source, in place of what was shared; answers when it is open.
    pub(crate) async fn start_share(&mut self, source: VideoSource, sound: AudioSource, answer: Answer) {
        if source == VideoSource::None {
            let _ = answer.send(Err(ErrorCode::ScreenMissing.into()));
            return;
        }
        self.sharing.open(source, sound, answer);
        self.tell_me().await;
    }

    /// Stops sharing: the stream goes, for those who come later, too.
    pub(crate) async fn stop_share(&mut self) {
        let Some(mut share) = self.sharing.share.take() else { return };
        // First what others see and hear.
        share.stream.replace([]);
        self.socket.untrack_stream(&share.stream).await;
        if let Some(waiting) = share.asked.take() {
            let _ = waiting.send(Ok(()));
        }
        self.sharing.put_away(share);
        self.tell_me().await;
    }

    /// A share said something by itself.
    pub(crate) async fn share_event(&mut self, event: ShareEvent) {
        match event {
            ShareEvent::Opened(number, opened) => self.share_opened(number, opened).await,
            ShareEvent::Paused(number, paused) => {
                if let Some(share) = self.sharing.current(number) {
                    share.view.paused = paused;
                    self.tell_me().await;
                }
            }
            ShareEvent::SoundEnded(number, error) => {
                if let Some(share) = self.sharing.current(number) {
                    share.sound.end(&share.stream);
                    share.view.sound = false;
                    self.tell_me().await;
                    self.notice(true, error).await;
                }
            }
            ShareEvent::Ended(number, error) => {
                if self.sharing.current(number).is_some() {
                    self.stop_share().await;
                    self.notice(true, error).await;
                }
            }
        }
    }

    async fn share_opened(&mut self, number: u64, opened: Opened) {
        let (say, load) = (self.sharing.say.clone(), self.sharing.load.clone());
        // Stopped while it was being opened: dropping the result releases it.
        let Some(share) = self.sharing.current(number) else { return };
        let answer = share.asked.take();
        let (sound, silent) = match opened.sound {
            Ok(sound) => (sound, None),
            Err(error) => (None, Some(error)),
        };
        let result = match opened.picture {
            Ok(picture) => {
                share.run(picture, say.clone(), load);
                share.run_sound(sound, say);
                share.view.title = opened.title;
                let (stream, told) = (share.stream.clone(), std::mem::replace(&mut share.told, true));
                if told { Ok(()) } else { self.offer_share(&stream).await }
            }
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.stop_share().await;
        } else {
            self.tell_me().await;
        }
        // A share that failed says so by itself.
        if let Some(error) = silent.filter(|_| result.is_ok()) {
            self.notice(true, error).await;
        }
        if let Some(answer) = answer {
            let _ = answer.send(result);
        }
    }

    async fn offer_share(&self, stream: &RtcioStream) -> Result<(), UserError> {
        let about = json!({ "id": self.me, "name": self.config.name, "stream": stream.placeholder() });
        let offered = self.socket.emit_stream(names::SCREEN, vec![about], stream).await;
        offered.map_err(|error| UserError::with_detail(ErrorCode::Internal, error))
    }
}
