//! Own microphone and camera as states, and the opening of devices beside the call's task.

use crate::call::TrackFrame;
use crate::outgoing::{self, DeviceEvent};
use crate::preview::{self, PreviewSwitch};
use crate::{AudioSource, VideoConfig, VideoSource};
use confab_media::{AudioCapture, VideoCapture, VideoEvent, Voice};
use confab_protocol::call::MediaState;
use confab_protocol::ipc::DeviceState;
use confab_protocol::media::AudioPacket;
use confab_protocol::{ErrorCode, UserError};
use confab_rtcio::{LocalTrack, RtcioStream, VideoEncoding};
use tokio::sync::{broadcast, mpsc};
use tokio::task::{AbortHandle, JoinSet};

type MicOpened = Result<(AudioCapture, mpsc::Receiver<AudioPacket>), UserError>;
type CameraOpened = Result<(VideoCapture, mpsc::Receiver<VideoEvent>), UserError>;

/// A device that was opened, or was not.
pub enum Opened {
    /// The microphone.
    Mic(MicOpened),
    /// The camera.
    Camera(CameraOpened),
}

/// A camera that runs.
#[derive(Debug)]
struct Camera {
    /// The device and its encoder; dropping releases them.
    capture: VideoCapture,
    /// Which opening this is, to tell a late failure of an earlier one.
    generation: u64,
}

/// Microphone and camera of the own stream.
pub struct Devices {
    stream: RtcioStream,
    audio_source: AudioSource,
    video_source: VideoSource,
    video_config: VideoConfig,
    voice: Voice,
    mic: Option<(AudioCapture, AbortHandle)>,
    mic_wanted: bool,
    mic_state: DeviceState,
    audio_track: Option<LocalTrack>,
    camera: Option<Camera>,
    camera_wanted: bool,
    /// At most one opening is under way: a camera can be had only once.
    camera_opening: bool,
    camera_state: DeviceState,
    video_track: Option<LocalTrack>,
    preview: PreviewSwitch,
    window: broadcast::Sender<TrackFrame>,
    told: mpsc::Sender<DeviceEvent>,
    opening: JoinSet<Opened>,
    generation: u64,
}

impl Devices {
    /// Nothing is opened yet.
    pub fn new(
        (audio_source, video_source, video_config): (AudioSource, VideoSource, VideoConfig),
        voice: Voice,
        preview: PreviewSwitch,
        window: broadcast::Sender<TrackFrame>,
        told: mpsc::Sender<DeviceEvent>,
    ) -> Self {
        let encoding = VideoEncoding {
            max_bitrate: Some(video_config.bitrate.max(1)),
            max_framerate: Some(f64::from(video_config.fps.max(1))),
            ..VideoEncoding::default()
        };
        let stream = RtcioStream::new();
        if let Err(error) = stream.set_encoding(encoding) {
            tracing::error!(%error, "the configuration does not reach the encoder");
        }
        Self {
            stream,
            audio_source,
            video_source,
            video_config,
            voice,
            mic: None,
            mic_wanted: false,
            mic_state: DeviceState::Off,
            audio_track: None,
            camera: None,
            camera_wanted: false,
            camera_opening: false,
            camera_state: DeviceState::Off,
            video_track: None,
            preview,
            window,
            told,
            opening: JoinSet::new(),
            generation: 0,
        }
    }

    /// The stream that carries both.
    pub fn stream(&self) -> &RtcioStream {
        &self.stream
    }

    /// State of microphone and camera.
    pub fn states(&self) -> (DeviceState, DeviceState) {
        (self.mic_state.clone(), self.camera_state.clone())
    }

    /// What the others are told.
    pub fn media_state(&self) -> MediaState {
        MediaState { mic: self.mic_state == DeviceState::On, cam: self.camera_state == DeviceState::On }
    }

    /// Level of the microphone, muted or not: RMS, 0 to 1.
    pub fn mic_level(&self) -> f32 {
        self.mic.as_ref().map_or(0.0, |(capture, _)| capture.level())
    }

    /// True while somebody speaks into the microphone, muted or not.
    pub fn hears_voice(&self) -> bool {
        self.mic.as_ref().is_some_and(|(capture, _)| capture.hears_voice())
    }

    /// Mutes at once, or unmutes, opening the microphone if there is none yet.
    pub fn set_mic(&mut self, on: bool) {
        self.mic_wanted = on;
        if let Some((capture, _)) = &self.mic {
            capture.set_muted(!on);
            self.mic_state = if on { DeviceState::On } else { DeviceState::Off };
            return;
        }
        if !on {
            self.mic_state = DeviceState::Off;
            return;
        }
        if self.mic_state == DeviceState::Starting {
            return;
        }
        if matches!(self.audio_source, AudioSource::None) {
            self.mic_state = DeviceState::Failed { error: ErrorCode::MicrophoneMissing.into() };
            return;
        }
        self.mic_state = DeviceState::Starting;
        let (source, voice) = (self.audio_source.clone(), self.voice.clone());
        self.opening.spawn(async move { Opened::Mic(AudioCapture::start_voice(source, voice).await) });
    }

    /// Turns the camera on, or off and releases it.
    pub fn set_camera(&mut self, on: bool) {
        self.camera_wanted = on;
        if !on {
            self.camera = None;
            self.camera_state = DeviceState::Off;
            return;
        }
        if self.camera.is_some() {
            return;
        }
        if matches!(self.video_source, VideoSource::None) {
            self.camera_state = DeviceState::Failed { error: ErrorCode::CameraMissing.into() };
            return;
        }
        self.camera_state = DeviceState::Starting;
        if std::mem::replace(&mut self.camera_opening, true) {
            return;
        }
        let (source, config) = (self.video_source.clone(), self.video_config);
        let track = self.video_track.get_or_insert_with(LocalTrack::simulcast);
        let demand = preview::merge_demand(track.demand(), &self.preview, (config.width, config.height));
        self.opening.spawn(async move { Opened::Camera(VideoCapture::start(source, config, demand).await) });
    }

    /// The next device that was opened. Pends while none is being opened.
    pub async fn opened(&mut self) -> Opened {
        loop {
            match self.opening.join_next().await {
                Some(Ok(opened)) => return opened,
                Some(Err(error)) => tracing::error!(%error, "opening a device failed"),
                None => std::future::pending().await,
            }
        }
    }

    /// Puts an opened device to work.
    pub fn take(&mut self, opened: Opened) {
        match opened {
            Opened::Mic(result) => self.take_mic(result),
            Opened::Camera(result) => {
                self.camera_opening = false;
                // Turned off while it was being opened: dropping the result releases it.
                if self.camera_wanted {
                    self.take_camera(result);
                }
            }
        }
    }

    fn take_mic(&mut self, result: MicOpened) {
        match result {
            Ok((capture, packets)) => {
                capture.set_muted(!self.mic_wanted);
                self.mic_state = if self.mic_wanted { DeviceState::On } else { DeviceState::Off };
                let track = self.audio_track.get_or_insert_with(LocalTrack::audio).clone();
                self.stream.add_track(&track);
                let (failed, told) = (capture.failed(), self.told.clone());
                let pump = async move {
                    outgoing::pump_mic(packets, track).await;
                    // The packets ended; by whose will?
                    let error = failed.borrow().clone();
                    if let Some(error) = error {
                        let _ = told.send(DeviceEvent::MicEnded(error)).await;
                    }
                };
                self.mic = Some((capture, tokio::spawn(pump).abort_handle()));
            }
            Err(error) => self.mic_state = DeviceState::Failed { error },
        }
    }

    fn take_camera(&mut self, result: CameraOpened) {
        match result {
            Ok((capture, events)) => {
                let track = self.video_track.get_or_insert_with(LocalTrack::simulcast).clone();
                self.stream.add_track(&track);
                self.generation += 1;
                let generation = self.generation;
                let window = (self.preview.clone(), self.window.clone());
                tokio::spawn(outgoing::watch_load(capture.relief(), track.clone(), self.told.clone()));
                tokio::spawn(outgoing::pump_camera(generation, events, track, window, self.told.clone()));
                self.camera = Some(Camera { capture, generation });
                self.camera_state = DeviceState::On;
            }
            Err(error) => self.camera_state = DeviceState::Failed { error },
        }
    }

    /// A device says something by itself. Returns what to tell the person.
    pub fn told(&mut self, event: DeviceEvent) -> Option<UserError> {
        match event {
            DeviceEvent::Overloaded => Some(ErrorCode::ComputerBusy.into()),
            DeviceEvent::MicEnded(error) => {
                if let Some((_, pump)) = self.mic.take() {
                    pump.abort();
                }
                self.mic_state = DeviceState::Failed { error: error.clone() };
                Some(error)
            }
            DeviceEvent::CameraEnded(generation, error) => {
                self.camera.take_if(|camera| camera.generation == generation)?;
                self.camera_state = DeviceState::Failed { error: error.clone() };
                Some(error)
            }
        }
    }

    /// Releases both devices and returns when that is done.
    pub async fn close(&mut self) {
        self.opening.shutdown().await;
        if let Some((capture, pump)) = self.mic.take() {
            pump.abort();
            capture.stop().await;
        }
        if let Some(camera) = self.camera.take() {
            camera.capture.stop().await;
        }
    }
}
