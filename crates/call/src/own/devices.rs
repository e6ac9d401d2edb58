//! Own microphone and camera as states: opened beside the call's task, sent or only tried, and followed when devices come
//! and go. The track goes on whatever feeds it: nothing is negotiated for another device.

use crate::call::{Rehearsed, TrackFrame};
use crate::own::device::change::Change;
use crate::own::device::opening::{self, CameraWish, MicWish};
use crate::own::device::preferred::DeviceChoice;
use crate::own::device::slot::{Place, Pump};
use crate::own::device::watched::Listing;
use crate::own::preview::{self, PreviewSwitch};
use crate::own::send::{self, DeviceEvent};
use crate::{AudioSource, VideoConfig, VideoSource};
use confab_ipc::{DeviceKind, DeviceList, DeviceState, ErrorCode, RehearsalView, UserError};
use confab_media::{AudioCapture, VideoCapture, Voice};
use confab_rtcio::{LocalTrack, RtcioStream, VideoEncoding};
use confab_wire::call::MediaState;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long one waits at the end for a device that is being opened, to give it back.
const LATE: Duration = Duration::from_secs(3);

/// What happens to devices by itself.
pub enum Happened {
    /// A microphone was opened, or was not.
    Mic(Result<opening::Mic, UserError>),
    /// A camera was opened, or was not.
    Camera(Result<opening::Camera, UserError>),
    /// Devices were plugged in or out, or the system prefers others.
    List,
}

/// Microphone and camera of the own stream.
pub struct Devices {
    stream: RtcioStream,
    listing: Listing,
    audio_source: AudioSource,
    video_source: VideoSource,
    video_config: VideoConfig,
    voice: Voice,
    mic: Place<AudioCapture>,
    /// The microphone is one of a call: muted, it stays open, to say when somebody speaks into it.
    mic_stays: bool,
    audio_track: Option<LocalTrack>,
    camera: Place<VideoCapture>,
    video_track: Option<LocalTrack>,
    /// The camera's frames go to the others, not only to the own window.
    sending: watch::Sender<bool>,
    preview: PreviewSwitch,
    window: broadcast::Sender<TrackFrame>,
    told: mpsc::Sender<DeviceEvent>,
    opening: JoinSet<Happened>,
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
        let follows = matches!(audio_source, AudioSource::Mic(_)) || matches!(video_source, VideoSource::Camera(_));
        let mic = Place::new(DeviceKind::Microphone, audio_source.device().map(str::to_owned));
        let camera = Place::new(DeviceKind::Camera, video_source.device().map(str::to_owned));
        Self {
            stream,
            listing: Listing::start(follows),
            audio_source,
            video_source,
            video_config,
            voice,
            mic,
            mic_stays: false,
            audio_track: None,
            camera,
            video_track: None,
            sending: watch::Sender::new(false),
            preview,
            window,
            told,
            opening: JoinSet::new(),
        }
    }

    /// The stream that carries both.
    pub fn stream(&self) -> &RtcioStream {
        &self.stream
    }

    /// State of microphone and camera.
    pub fn states(&self) -> (DeviceState, DeviceState) {
        (self.mic.shown(), self.camera.shown())
    }

    /// How what is tried does.
    pub fn rehearsal(&self) -> RehearsalView {
        RehearsalView { microphone: self.mic.rehearsed(), camera: self.camera.rehearsed() }
    }

    /// What the others are told.
    pub fn media_state(&self) -> MediaState {
        MediaState { mic: self.mic.shown() == DeviceState::On, cam: self.camera.shown() == DeviceState::On }
    }

    /// Level of the microphone, muted or not: RMS, 0 to 1.
    pub fn mic_level(&self) -> f32 {
        self.mic.running.as_ref().map_or(0.0, |mic| mic.capture.level())
    }

    /// True while somebody speaks into the microphone, muted or not.
    pub fn hears_voice(&self) -> bool {
        self.mic.running.as_ref().is_some_and(|mic| mic.capture.hears_voice())
    }

    /// Mutes at once, or unmutes. Opens the microphone if it is not open: who is muted is to know when they speak.
    pub fn set_mic(&mut self, on: bool) {
        self.mic.on = on;
        self.mic_stays = true;
        match &self.mic.running {
            Some(mic) => mic.capture.set_muted(!on),
            None => self.open_mic(),
        }
    }

    /// Turns the camera on, or off and releases it.
    pub fn set_camera(&mut self, on: bool) {
        self.camera.on = on;
        self.use_camera();
    }

    /// Tries devices without sending anything: the microphone for its level, the camera for its picture in the own window.
    pub fn rehearse(&mut self, tried: Rehearsed) {
        self.mic.tried = tried.microphone;
        if tried.microphone && self.mic.running.is_none() {
            self.open_mic();
        } else if !self.keeps_mic() {
            self.mic.release();
        }
        self.camera.tried = tried.camera;
        self.use_camera();
    }

    fn keeps_mic(&self) -> bool {
        self.mic_stays || self.mic.is_needed()
    }

    /// Changes to other devices.
    pub fn choose(&mut self, choice: &DeviceChoice) {
        let list = self.listing.now();
        if let AudioSource::Mic(wanted) = &mut self.audio_source {
            wanted.clone_from(&choice.microphone);
            if self.mic.choose(choice.microphone.clone(), &list) {
                self.open_mic();
            }
        }
        if let VideoSource::Camera(wanted) = &mut self.video_source {
            wanted.clone_from(&choice.camera);
            if self.camera.choose(choice.camera.clone(), &list) {
                self.open_camera();
            }
        }
    }

    /// What happens next by itself. Safe to drop before it is done.
    pub async fn next(&mut self) -> Happened {
        loop {
            tokio::select! {
                Some(opened) = self.opening.join_next() => match opened {
                    Ok(opened) => return opened,
                    Err(error) => tracing::error!(%error, "opening a device failed"),
                },
                () = self.listing.changed() => return Happened::List,
            }
        }
    }

    /// Acts on what happened. Returns what to tell the person.
    pub fn take(&mut self, happened: Happened) -> Vec<UserError> {
        let list = self.listing.now();
        match happened {
            Happened::Mic(result) => self.mic_opened(result, &list).into_iter().collect(),
            Happened::Camera(result) => self.camera_opened(result, &list).into_iter().collect(),
            Happened::List => self.reconsider(&list),
        }
    }

    fn mic_opened(&mut self, result: Result<opening::Mic, UserError>, list: &DeviceList) -> Option<UserError> {
        let change = self.mic.opened();
        let (told, failed) = match result {
            // Tried no more, or another was chosen, while it was being opened.
            Ok(mic) if !self.keeps_mic() || self.mic.is_taken_back(&change, list) => {
                self.mic.give_back(mic.capture);
                (None, None)
            }
            Ok(mic) => (self.use_mic(mic, &change), None),
            Err(_) if !self.keeps_mic() => (None, None),
            Err(error) => {
                self.mic.fail(&error);
                (None, Some(error))
            }
        };
        let lost = if change.is_outdated() { self.reconsider_mic(list) } else { None };
        lost.or(told).or(self.mic.conclude(failed))
    }

    fn camera_opened(&mut self, result: Result<opening::Camera, UserError>, list: &DeviceList) -> Option<UserError> {
        let change = self.camera.opened();
        let (told, failed) = match result {
            // Turned off, or another was chosen, while it was being opened.
            Ok(camera) if !self.camera.is_needed() || self.camera.is_taken_back(&change, list) => {
                self.camera.give_back(camera.capture);
                (None, None)
            }
            Ok(camera) => (self.show_camera(camera, &change), None),
            Err(_) if !self.camera.is_needed() => (None, None),
            Err(error) => {
                self.camera.fail(&error);
                (None, Some(error))
            }
        };
        let lost = if change.is_outdated() { self.reconsider_camera(list) } else { None };
        lost.or(told).or(self.camera.conclude(failed))
    }

    /// A device says something by itself. Returns what to tell the person.
    pub fn told(&mut self, event: DeviceEvent) -> Option<UserError> {
        match event {
            DeviceEvent::Overloaded => Some(ErrorCode::ComputerBusy.into()),
            DeviceEvent::MicEnded(generation, error) => {
                let again = self.mic.ended(generation, &error)? && matches!(self.audio_source, AudioSource::Mic(_));
                if again {
                    self.begin_mic(true);
                }
                (!again).then_some(error)
            }
            DeviceEvent::CameraEnded(generation, error) => {
                let again =
                    self.camera.ended(generation, &error)? && matches!(self.video_source, VideoSource::Camera(_));
                if again {
                    self.open_camera();
                }
                (!again).then_some(error)
            }
        }
    }

    /// Releases both devices, those that are being opened too, and returns when that is done.
    pub async fn close(&mut self) {
        self.mic.release();
        self.camera.release();
        let Self { opening, mic, camera, .. } = self;
        // Giving an opening up would leave the device with the thread that opens it.
        let late = async {
            while let Some(opened) = opening.join_next().await {
                match opened {
                    Ok(Happened::Mic(Ok(late))) => mic.give_back(late.capture),
                    Ok(Happened::Camera(Ok(late))) => camera.give_back(late.capture),
                    _ => {}
                }
            }
        };
        if timeout(LATE, late).await.is_err() {
            tracing::warn!("a device opens too slowly to be given back at once");
            opening.shutdown().await;
        }
        tokio::join!(mic.closed(), camera.closed());
    }

    /// Changes to better devices, if there are some. Returns what to tell the person.
    fn reconsider(&mut self, list: &DeviceList) -> Vec<UserError> {
        [self.reconsider_mic(list), self.reconsider_camera(list)].into_iter().flatten().collect()
    }

    fn reconsider_mic(&mut self, list: &DeviceList) -> Option<UserError> {
        if !matches!(self.audio_source, AudioSource::Mic(_)) {
            return None;
        }
        let lost = self.mic.lose(list, ErrorCode::MicrophoneMissing.into());
        if self.mic.reconsider(list) {
            self.open_mic();
        }
        lost
    }

    fn reconsider_camera(&mut self, list: &DeviceList) -> Option<UserError> {
        if !matches!(self.video_source, VideoSource::Camera(_)) {
            return None;
        }
        let lost = self.camera.lose(list, ErrorCode::CameraMissing.into());
        if self.camera.reconsider(list) {
            self.open_camera();
        }
        lost
    }

    fn open_mic(&mut self) {
        self.begin_mic(false);
    }

    /// `looks`: the list that is known may be out of date.
    fn begin_mic(&mut self, looks: bool) {
        if matches!(self.audio_source, AudioSource::None) {
            self.mic.fail(&ErrorCode::MicrophoneMissing.into());
        } else if self.mic.begin() {
            let (source, voice, listing) = (self.audio_source.clone(), self.voice.clone(), self.listing.clone());
            let wish = MicWish { source, voice, listing, after: self.mic.take_closing(), looks };
            self.opening.spawn(async move { Happened::Mic(opening::mic(wish).await) });
        }
    }

    fn use_mic(&mut self, mic: opening::Mic, change: &Change) -> Option<UserError> {
        let opening::Mic { found, capture, packets } = mic;
        capture.set_muted(!self.mic.on);
        let track = self.audio_track.get_or_insert_with(LocalTrack::audio).clone();
        self.stream.add_track(&track);
        let (told, generation) = (self.told.clone(), self.mic.next_generation());
        let pump = send::pump_sound(&capture, packets, track, async move |error| {
            let _ = told.send(DeviceEvent::MicEnded(generation, error)).await;
        });
        self.mic.run(capture, pump, found, change)
    }

    /// Has the camera run if somebody wants it, and its picture sent if the others are to see it.
    fn use_camera(&mut self) {
        let on = self.camera.on;
        self.sending.send_if_modified(|sending| std::mem::replace(sending, on) != on);
        if !self.camera.is_needed() {
            self.camera.release();
            return;
        }
        match (&self.camera.running, &self.video_track) {
            (Some(_), Some(track)) if on => self.stream.add_track(track),
            (Some(_), _) => {}
            (None, _) => self.open_camera(),
        }
    }

    fn open_camera(&mut self) {
        if matches!(self.video_source, VideoSource::None) {
            self.camera.fail(&ErrorCode::CameraMissing.into());
            return;
        }
        if !self.camera.begin() {
            return;
        }
        let config = self.video_config;
        let track = self.video_track.get_or_insert_with(LocalTrack::simulcast);
        let (peers, sending) = (track.demand(), self.sending.subscribe());
        let wish = CameraWish {
            source: self.video_source.clone(),
            config,
            demand: preview::merge_demand(peers, sending, &self.preview, (config.width, config.height)),
            listing: self.listing.clone(),
            after: self.camera.take_closing(),
            takes_over: self.camera.running.is_some(),
        };
        self.opening.spawn(async move { Happened::Camera(opening::camera(wish).await) });
    }

    fn show_camera(&mut self, camera: opening::Camera, change: &Change) -> Option<UserError> {
        let opening::Camera { found, capture, events, first } = camera;
        let track = self.video_track.get_or_insert_with(LocalTrack::simulcast).clone();
        if self.camera.on {
            self.stream.add_track(&track);
        }
        tokio::spawn(send::watch_load(capture.relief(), track.clone(), self.told.clone()));
        let way = send::Way {
            track,
            sending: self.sending.subscribe(),
            preview: self.preview.clone(),
            window: self.window.clone(),
        };
        let generation = self.camera.next_generation();
        let pump = tokio::spawn(send::pump_camera(generation, (first, events), way, self.told.clone()));
        self.camera.run(capture, Pump(pump.abort_handle()), found, change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::own::device::opening::Found;
    use crate::own::device::slot;
    use confab_ipc::Device;
    use confab_media::FarEnd;
    use confab_wire::media::Processing;

    fn devices() -> Devices {
        let processing = watch::Sender::new(Processing::default());
        let voice = Voice { processing: processing.subscribe(), far_end: FarEnd::default() };
        let sources = (AudioSource::Tone(440.0), VideoSource::Pattern, VideoConfig::default());
        Devices::new(sources, voice, PreviewSwitch::default(), broadcast::channel(4).0, mpsc::channel(4).0)
    }

    fn found(id: &str) -> Found {
        let device = Device { id: id.to_owned(), name: id.to_owned() };
        let all = vec![device.clone()];
        let list = DeviceList { microphones: all.clone(), cameras: all, ..DeviceList::default() };
        Found { device: Some(device), list }
    }

    async fn opened_mic() -> opening::Mic {
        let (capture, packets) = AudioCapture::start(AudioSource::Tone(440.0)).await.unwrap();
        opening::Mic { found: found("mic"), capture, packets }
    }

    async fn opened_camera() -> opening::Camera {
        let demand = watch::Sender::new(confab_wire::media::VideoDemand::default()).subscribe();
        let (capture, events) =
            VideoCapture::start(VideoSource::Pattern, VideoConfig::default(), demand).await.unwrap();
        opening::Camera { found: found("camera"), capture, events, first: None }
    }

    #[tokio::test]
    async fn both_are_told_that_vanish_at_once() {
        let mut devices = devices();
        (devices.audio_source, devices.video_source) = (AudioSource::Mic(None), VideoSource::Camera(None));
        (devices.mic.on, devices.camera.on) = (true, true);
        devices.take(Happened::Mic(Ok(opened_mic().await)));
        devices.take(Happened::Camera(Ok(opened_camera().await)));
        let told: Vec<ErrorCode> = devices.reconsider(&DeviceList::default()).iter().map(|told| told.code).collect();
        assert_eq!(told, [ErrorCode::MicrophoneMissing, ErrorCode::CameraMissing]);
        devices.close().await;
    }

    #[tokio::test]
    async fn who_closes_while_devices_open_gives_them_back() {
        let mut devices = devices();
        let (mic, camera) = (opened_mic().await, opened_camera().await);
        let (mic_ended, hidden) = (mic.capture.failed(), camera.capture.hidden());
        devices.opening.spawn(async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Happened::Mic(Ok(mic))
        });
        devices.opening.spawn(async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Happened::Camera(Ok(camera))
        });
        devices.close().await;
        // Their threads had the other ends.
        assert!(mic_ended.has_changed().is_err() && hidden.has_changed().is_err());
    }

    #[tokio::test]
    async fn a_microphone_that_is_tried_no_more_while_it_opens_is_waited_for() {
        let mut devices = devices();
        let mic = opened_mic().await;
        let ended = mic.capture.failed();
        assert!(devices.take(Happened::Mic(Ok(mic))).is_empty());
        slot::released(&mut devices.mic.take_closing()).await;
        assert!(ended.has_changed().is_err());
    }
}
