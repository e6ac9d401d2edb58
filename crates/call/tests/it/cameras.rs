//! Cameras that are changed, plugged in and out in a call. The pictures of each have numbers of their own, which the other
//! participant reads; gaps are measured on that side's clock.
#![cfg(target_os = "linux")]

use crate::common::{PATIENCE, Participant, config, link, server};
use confab_call::{
    AudioSource, CallConfig, DeviceSelection, Rehearsal, Rehearsed, TrackFrame, VideoConfig, VideoSource,
};
use confab_ipc::{DeviceState, ErrorCode, UiEvent};
use confab_media::{I420Frame, VideoCapture, Vp8Decoder, pattern};
use confab_server::Server;
use confab_testkit::camera::{Camera, Mode, WebcamFormat, world};
use confab_testkit::sentences::sentence;
use confab_wire::{
    call::MediaState,
    media::{MediaKind, Processing, VideoDemand},
};
use std::ops::Range;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{sleep, timeout};

/// The longest gap that a swap may leave.
const LONGEST_GAP: Duration = Duration::from_millis(200);
/// Numbers of the pictures of two cameras.
const FRONT: Range<u32> = 100..130;
const DESK: Range<u32> = 200..230;

/// Longer than cameras take to change, and those of a change that follows it.
const SETTLED: Duration = Duration::from_secs(2);
const CAMERA: Rehearsed = Rehearsed { microphone: false, camera: true };

/// A camera whose pictures have these numbers.
fn camera(node: u32, name: &str, numbers: &Range<u32>) -> Camera {
    camera_of(node, name, numbers, 30)
}

fn camera_of(node: u32, name: &str, numbers: &Range<u32>, fps: u32) -> Camera {
    let size = (320, 180);
    let draw = |number| {
        let mut picture = I420Frame::new(size.0, size.1);
        pattern::draw(&mut picture, number, 0);
        WebcamFormat::Yuyv.encode(picture.data(), size, 2 * size.0).unwrap()
    };
    Camera::new(node, name, vec![Mode::new(WebcamFormat::Yuyv, size, &[fps], numbers.clone().map(draw).collect())])
}

fn front() -> Camera {
    camera(0, "Front", &FRONT)
}

fn desk() -> Camera {
    camera(2, "Desk", &DESK)
}

/// Ann's camera as Ben sees it: when each picture came, and its number.
struct Seen {
    pictures: mpsc::UnboundedReceiver<(Instant, u32)>,
    last: Option<Instant>,
}

impl Seen {
    async fn new(ben: &mut Participant) -> Self {
        let frames = ben.call.frames();
        let track = ben
            .wait("a picture", |event| match event {
                UiEvent::TrackAdded { track, .. } if track.kind == MediaKind::Video => Some(track.handle),
                _ => None,
            })
            .await;
        ben.call.request_key_frame(track);
        let (seen, pictures) = mpsc::unbounded_channel();
        tokio::spawn(read(frames, track, seen));
        Self { pictures, last: None }
    }

    /// Waits for pictures of another camera, and watches them for longer than a camera runs that is broken. Returns the
    /// longest gap meanwhile.
    async fn change(&mut self, from: &Range<u32>, to: &Range<u32>) -> Duration {
        let mut longest = Duration::ZERO;
        let mut left = 75;
        while left > 0 {
            let picture = timeout(PATIENCE, self.pictures.recv()).await;
            let (came, number) = picture.unwrap().unwrap();
            longest = longest.max(self.last.replace(came).map_or(Duration::ZERO, |last| came - last));
            if to.contains(&number) {
                left -= 1;
            } else {
                assert!(from.contains(&number) && left == 75, "picture {number} between others");
            }
        }
        longest
    }
}

/// Reads the pictures of one track, until there is another.
async fn read(mut frames: broadcast::Receiver<TrackFrame>, track: u32, seen: mpsc::UnboundedSender<(Instant, u32)>) {
    let mut decoder = Vp8Decoder::new();
    while let Ok(TrackFrame { handle, frame }) = frames.recv().await
        && handle == track
    {
        let came = Instant::now();
        // Before the first key frame there is nothing to see.
        if let Ok(Some(picture)) = decoder.decode(&frame)
            && let Some(reading) = pattern::read(&picture)
            && seen.send((came, reading.number)).is_err()
        {
            return;
        }
    }
}

/// Ann, who is seen through the camera called `name`, and Ben, who sees her.
async fn pair(name: &str) -> (Server, Participant, Participant) {
    let server = server().await;
    let link = link(&server);
    let silent = |name: &str| CallConfig { audio: AudioSource::None, mic_on: false, ..config(&link, name) };
    let blind = CallConfig { video: VideoSource::None, camera_on: false, decode: false, ..silent("Ben") };
    let ben = Participant::join(blind).await;
    let video = VideoSource::Camera(Some(name.to_owned()));
    let mut ann = Participant::join(CallConfig { video, decode: false, ..silent("Ann") }).await;
    ann.connected().await;
    (server, ann, ben)
}

fn choice(camera: &str) -> DeviceSelection {
    DeviceSelection { camera: Some(camera.to_owned()), ..DeviceSelection::default() }
}

/// Waits for a notice of this text.
async fn noticed(participant: &mut Participant, text: &str) {
    let notice = participant.wait(text, |event| match event {
        UiEvent::Notice { notice } => Some(sentence(&notice.error)),
        _ => None,
    });
    assert_eq!(notice.await, text);
}

#[test]
fn another_camera_takes_over_without_a_gap() {
    world("another_camera_takes_over_without_a_gap", vec![front(), desk()], async |_| {
        let (server, ann, mut ben) = pair("Front").await;
        let mut seen = Seen::new(&mut ben).await;
        seen.change(&(0..0), &FRONT).await;
        // Nothing can be negotiated any more: who would carry it is gone.
        server.shutdown().await;
        for (name, from, to) in [("Desk", FRONT, DESK), ("Front", DESK, FRONT)] {
            ann.call.set_devices(choice(name)).await;
            let gap = seen.change(&from, &to).await;
            assert!(gap < LONGEST_GAP, "a gap of {gap:?} before {name}");
        }
        ann.call.leave().await;
        ben.call.leave().await;
    });
}

#[test]
fn the_next_best_camera_stands_in_for_one_that_is_unplugged() {
    world("the_next_best_camera_stands_in_for_one_that_is_unplugged", vec![front(), desk()], async |cameras| {
        let (_server, mut ann, mut ben) = pair("Front").await;
        let mut seen = Seen::new(&mut ben).await;
        seen.change(&(0..0), &FRONT).await;
        cameras.unplug(0).unwrap();
        noticed(&mut ann, "Front was unplugged. Others see you through Desk now.").await;
        let gap = seen.change(&FRONT, &DESK).await;
        assert!(gap < LONGEST_GAP, "a gap of {gap:?} until another camera was found");
        cameras.plug(front()).unwrap();
        noticed(&mut ann, "Front is back. Others see you through Front now.").await;
        let gap = seen.change(&DESK, &FRONT).await;
        assert!(gap < LONGEST_GAP, "a gap of {gap:?} before the chosen one");
        ann.call.leave().await;
        ben.call.leave().await;
    });
}

#[test]
fn without_any_camera_the_others_see_that_there_is_none() {
    world("without_any_camera_the_others_see_that_there_is_none", vec![front()], async |cameras| {
        let (_server, mut ann, mut ben) = pair("Front").await;
        let mut seen = Seen::new(&mut ben).await;
        seen.change(&(0..0), &FRONT).await;
        cameras.unplug(0).unwrap();
        noticed(&mut ann, &sentence(&ErrorCode::CameraMissing.into())).await;
        let me = ann.call.view().await.unwrap().me;
        assert!(
            matches!(&me.camera, DeviceState::Failed { error } if error.code == ErrorCode::CameraMissing),
            "{me:?}"
        );
        ben.media(MediaState { mic: false, cam: false }).await;
        cameras.plug(front()).unwrap();
        ben.media(MediaState { mic: false, cam: true }).await;
        seen.change(&FRONT, &FRONT).await;
        ann.call.leave().await;
        ben.call.leave().await;
    });
}

/// What a participant is told in the next moments.
async fn notices(participant: &mut Participant) -> Vec<String> {
    let mut notices = Vec::new();
    let _ = timeout(SETTLED, async {
        while let Some(event) = participant.events.recv().await {
            if let UiEvent::Notice { notice } = event {
                notices.push(sentence(&notice.error));
            }
        }
    })
    .await;
    notices
}

#[test]
fn a_choice_that_is_taken_back_while_the_camera_opens_is_obeyed() {
    world("a_choice_that_is_taken_back_while_the_camera_opens_is_obeyed", vec![front(), desk()], async |cameras| {
        let (_server, mut ann, mut ben) = pair("Front").await;
        let mut seen = Seen::new(&mut ben).await;
        seen.change(&(0..0), &FRONT).await;
        ann.call.set_devices(choice("Desk")).await;
        ann.call.set_devices(choice("Front")).await;
        assert_eq!(notices(&mut ann).await, [""; 0]);
        assert!(cameras.streams(0).is_some() && cameras.streams(2).is_none(), "the one of the last choice");
        ann.call.leave().await;
        ben.call.leave().await;
    });
}

#[test]
fn a_choice_made_while_the_first_camera_opens_is_obeyed_without_a_word() {
    world(
        "a_choice_made_while_the_first_camera_opens_is_obeyed_without_a_word",
        vec![front(), desk()],
        async |cameras| {
            let server = server().await;
            let video = VideoSource::Camera(Some("Front".to_owned()));
            let config = CallConfig { audio: AudioSource::None, mic_on: false, video, ..config(&link(&server), "Ann") };
            let mut ann = Participant::join(config).await;
            ann.call.set_devices(choice("Desk")).await;
            assert_eq!(notices(&mut ann).await, [""; 0]);
            assert!(cameras.streams(2).is_some() && cameras.streams(0).is_none(), "the one of the last choice");
            ann.call.leave().await;
        },
    );
}

#[test]
fn a_lobby_gives_a_camera_back_that_was_still_opening() {
    let slow = vec![camera_of(0, "Front", &FRONT, 10)];
    world("a_lobby_gives_a_camera_back_that_was_still_opening", slow, async |_| {
        for wait in 0..30 {
            let (lobby, _events) =
                Rehearsal::start(AudioSource::None, VideoSource::Camera(None), Processing::default());
            lobby.rehearse(CAMERA).await;
            sleep(Duration::from_millis(wait)).await;
            lobby.stop().await;
            let demand = watch::Sender::new(VideoDemand::default()).subscribe();
            let next = VideoCapture::start(VideoSource::Camera(None), VideoConfig::default(), demand).await;
            next.unwrap_or_else(|error| panic!("after {wait} ms: {error}")).0.stop().await;
        }
    });
}

fn failed(event: &UiEvent) -> bool {
    matches!(event, UiEvent::Rehearsal { rehearsal } if matches!(rehearsal.camera, DeviceState::Failed { .. }))
}

#[test]
fn a_camera_that_is_turned_off_while_it_opens_is_not_in_its_own_way() {
    let slow = vec![camera_of(0, "Front", &FRONT, 5)];
    world("a_camera_that_is_turned_off_while_it_opens_is_not_in_its_own_way", slow, async |_| {
        let video = VideoSource::Camera(None);
        let (lobby, mut events) = Rehearsal::start(AudioSource::None, video, Processing::default());
        for wait in (0..60).step_by(5) {
            lobby.rehearse(CAMERA).await;
            lobby.rehearse(Rehearsed::default()).await;
            sleep(Duration::from_millis(wait)).await;
            lobby.rehearse(CAMERA).await;
            let on = async {
                loop {
                    let event = events.recv().await.unwrap();
                    assert!(!failed(&event), "after {wait} ms: {event:?}");
                    if matches!(&event, UiEvent::Rehearsal { rehearsal } if rehearsal.camera == DeviceState::On) {
                        return;
                    }
                }
            };
            timeout(PATIENCE, on).await.unwrap();
            lobby.rehearse(Rehearsed::default()).await;
        }
        lobby.stop().await;
    });
}

#[test]
fn a_share_that_ends_slowly_holds_up_nobody() {
    let slow = vec![camera_of(0, "Front", &FRONT, 1)];
    world("a_share_that_ends_slowly_holds_up_nobody", slow, async |cameras| {
        let server = server().await;
        let nothing =
            CallConfig { audio: AudioSource::None, video: VideoSource::None, ..config(&link(&server), "Ann") };
        let ann = Participant::join(nothing).await;
        ann.call.start_share(VideoSource::Camera(None), AudioSource::None).await.unwrap();
        // Into the wait for the next picture.
        sleep(Duration::from_millis(200)).await;
        let stopped = Instant::now();
        ann.call.stop_share().await;
        assert_eq!(ann.call.view().await.unwrap().me.share, None);
        let took = stopped.elapsed();
        assert!(took < LONGEST_GAP, "the call stood still for {took:?}");
        assert!(cameras.streams(0).is_some(), "it ends slowly");
        ann.call.leave().await;
        assert_eq!(cameras.streams(0), None, "who leaves has given it back");
    });
}
