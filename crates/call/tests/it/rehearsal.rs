//! Devices that are tried without being sent: before a call and in one. And who is in a room before one is.

use crate::common::{PATIENCE, Participant, config, link, loopback, server};
use confab_call::{AudioSource, CallConfig, CallEvents, Rehearsal, Rehearsed, TrackFrame, VideoSource, peek_room};
use confab_ipc::{DeviceState, ErrorCode, RehearsalView, UiEvent, frame::SELF_TRACK};
use confab_server::{Limits, OpenRooms, Server, ServerConfig};
use confab_testkit::speech::{self, Speaker};
use confab_wire::{call::MediaState, media::Processing, signaling::RoomPeek};
use tokio::sync::broadcast;
use tokio::time::timeout;

const BOTH: Rehearsed = Rehearsed { microphone: true, camera: true };

/// Waits for the event in which `found` finds something.
async fn heard<T>(events: &mut CallEvents, what: &str, found: impl Fn(UiEvent) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = found(events.recv().await.unwrap()) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

fn both_on(event: UiEvent) -> Option<()> {
    let on = RehearsalView { microphone: DeviceState::On, camera: DeviceState::On };
    (event == UiEvent::Rehearsal { rehearsal: on }).then_some(())
}

/// Waits for a picture of oneself.
async fn own_picture(frames: &mut broadcast::Receiver<TrackFrame>) {
    let seen = async { while frames.recv().await.unwrap().handle != SELF_TRACK {} };
    timeout(PATIENCE, seen).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lobby_shows_the_picture_and_the_level_and_gives_the_devices_back() {
    let (rehearsal, mut events) =
        Rehearsal::start(AudioSource::Tone(440.0), VideoSource::Pattern, Processing::default());
    let mut frames = rehearsal.frames();
    rehearsal.rehearse(BOTH).await;
    heard(&mut events, "both devices", both_on).await;
    own_picture(&mut frames).await;
    heard(&mut events, "the own level", |event| match event {
        UiEvent::Levels { levels } => levels.iter().any(|(id, level)| id == "self" && *level > 0.05).then_some(()),
        _ => None,
    })
    .await;
    rehearsal.rehearse(Rehearsed { microphone: true, camera: false }).await;
    heard(&mut events, "the end of the camera", |event| match event {
        UiEvent::Rehearsal { rehearsal } => (rehearsal.camera == DeviceState::Off).then_some(()),
        _ => None,
    })
    .await;
    rehearsal.stop().await;
    let ended = async { while events.recv().await.is_some() {} };
    timeout(PATIENCE, ended).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_there_is_a_state_of_the_rehearsal() {
    let (rehearsal, mut events) = Rehearsal::start(AudioSource::None, VideoSource::None, Processing::default());
    rehearsal.rehearse(BOTH).await;
    let missing = heard(&mut events, "a failure", |event| match event {
        UiEvent::Rehearsal { rehearsal: RehearsalView { microphone, camera: DeviceState::Failed { error } } } => {
            matches!(microphone, DeviceState::Failed { .. }).then_some(error.code)
        }
        _ => None,
    })
    .await;
    assert_eq!(missing, ErrorCode::CameraMissing);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_in_a_call_reaches_nobody_until_it_is_turned_on() {
    let server = server().await;
    let link = link(&server);
    let quiet = CallConfig { mic_on: false, camera_on: false, ..config(&link, "Ann") };
    let mut ann = Participant::join(quiet).await;
    let mut ben = Participant::join(config(&link, "Ben")).await;
    ann.connected().await;
    ben.connected().await;
    let mut frames = ann.call.frames();
    ann.call.rehearse(BOTH).await;
    heard(&mut ann.events, "both devices", both_on).await;
    own_picture(&mut frames).await;
    let seen = ben.call.received_picture_stats().await;
    assert!(seen.iter().all(|probe| probe.first_decoded.is_none()), "nothing is sent");
    ann.call.set_camera(true).await;
    ben.media(MediaState { mic: false, cam: true }).await;
    ben.sees(10).await;
    ann.call.rehearse(Rehearsed::default()).await;
    ben.sees(10).await;
    ann.call.leave().await;
    ben.call.leave().await;
}

/// Waits for an own level, or for none at all: then the microphone is closed.
async fn own_level(events: &mut CallEvents, open: bool) {
    heard(events, if open { "an own level" } else { "a closed microphone" }, |event| match event {
        UiEvent::Levels { levels } => {
            levels.iter().any(|(id, level)| id == "self" && (*level > 0.0) == open).then_some(())
        }
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lobby_gives_back_a_microphone_that_is_tried_no_more() {
    let (rehearsal, mut events) = Rehearsal::start(AudioSource::Tone(440.0), VideoSource::None, Processing::default());
    for _ in 0..2 {
        rehearsal.rehearse(Rehearsed { microphone: true, camera: false }).await;
        own_level(&mut events, true).await;
        rehearsal.rehearse(Rehearsed::default()).await;
        own_level(&mut events, false).await;
    }
    rehearsal.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_in_muted_and_speaks_is_told_and_heard_by_nobody() {
    let speech = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
    speech::wav(speech.path(), Speaker::Ann, 10.0).unwrap();
    let server = server().await;
    let link = link(&server);
    let speaks = AudioSource::Wav(speech.path().to_owned());
    let mut ben = Participant::join(config(&link, "Ben")).await;
    let mut ann = Participant::join(CallConfig { mic_on: false, audio: speaks, ..config(&link, "Ann") }).await;
    ben.connected().await;
    ann.wait("the word that one is muted", |event| (event == UiEvent::SpeakingWhileMuted).then_some(())).await;
    assert_eq!(ann.call.view().await.unwrap().me.mic, DeviceState::Off);
    // All that Ben was told until now, and a moment more.
    ben.wait("a word after it", |event| match event {
        UiEvent::Levels { levels } => {
            let of_ann = levels.iter().find(|(id, _)| id != "self");
            assert_eq!(of_ann, None, "Ann is heard");
            None
        }
        UiEvent::Stats { peers } => peers.iter().any(|peer| peer.frames > 30).then_some(()),
        _ => None,
    })
    .await;
    ann.call.set_mic(true).await;
    ben.hears(true).await;
    ann.call.leave().await;
    ben.call.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_inside_is_seen_from_outside() {
    let server = server().await;
    let link = link(&server);
    assert_eq!(peek_room(&link).await, Ok(Some(RoomPeek::default())));
    let ann = Participant::join(config(&link, "Ann")).await;
    let inside = RoomPeek { count: 1, names: vec!["Ann".to_owned()] };
    assert_eq!(peek_room(&link).await, Ok(Some(inside)));
    assert_eq!(ann.call.view().await.unwrap().participants, [], "nobody came in");
    ann.call.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_one_would_be_refused_is_seen_from_outside() {
    let limits = Limits { room_members: 1, ..Limits::default() };
    let open = OpenRooms::default();
    let rooms = Some(open.clone());
    let server =
        Server::bind(ServerConfig { listen: loopback(0), limits, rooms, ..ServerConfig::default() }).await.unwrap();
    let link = link(&server);
    assert_eq!(peek_room(&link).await.map_err(|error| error.code), Err(ErrorCode::RoomClosed));
    open.open(&link.room);
    assert_eq!(peek_room(&link).await, Ok(Some(RoomPeek::default())));
    let ann = Participant::join(config(&link, "Ann")).await;
    assert_eq!(peek_room(&link).await.map_err(|error| error.code), Err(ErrorCode::RoomFull));
    ann.call.leave().await;
}
