//! Whole calls over the real server and the loopback network, by the API that the window and `confab-peer` use.

use crate::common::{PATIENCE, Participant, config, link, server, server_on, stranger};
use confab_call::{AudioSource, Call, CallConfig, VideoConfig, VideoSource};
use confab_ipc::{CallState, DeviceState, ErrorCode, PeerState, UiEvent, UserError};
use confab_media::{I420Frame, Y4mWriter, pattern};
use confab_rtcio::Event;
use confab_wire::{call::MediaState, limits, media::MediaKind, room::RoomLink};
use serde_json::json;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn mute_and_camera_are_seen_by_the_others_and_the_camera_comes_mid_call() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(CallConfig { camera_on: false, ..config(&link, "Ann") }).await;
    let mut ben = Participant::join(config(&link, "Ben")).await;
    ann.connected().await;
    ben.connected().await;
    ben.hears(true).await;

    ann.call.set_mic(false).await;
    ben.media(MediaState { mic: false, cam: false }).await;
    ben.hears(false).await;
    ann.call.set_mic(true).await;
    ben.media(MediaState { mic: true, cam: false }).await;
    ben.hears(true).await;

    ann.call.set_camera(true).await;
    let handle = ben
        .wait("track-added", |event| match event {
            UiEvent::TrackAdded { track, .. } if track.kind == MediaKind::Video => Some(track.handle),
            _ => None,
        })
        .await;
    ben.sees(10).await;
    ann.call.set_camera(false).await;
    ben.media(MediaState { mic: true, cam: false }).await;
    ann.call.set_camera(true).await;
    ben.media(MediaState { mic: true, cam: true }).await;
    ben.sees(10).await;
    let view = ben.call.view().await.unwrap();
    let tracks: Vec<u32> = view.participants[0].tracks.iter().map(|track| track.handle).collect();
    assert!(tracks.contains(&handle), "the track is the same after the camera was off");
    assert_eq!(view.participants[0].tracks[0].event, "camera");

    ann.call.leave().await;
    ben.wait("peer-disconnect", |event| matches!(event, UiEvent::PeerDisconnect { .. }).then_some(())).await;
    ann.state(CallState::Idle).await;
    assert!(ann.events.recv().await.is_none());
    assert_eq!(ann.call.state().await, CallState::Idle);
    assert_eq!(ann.call.send_chat("anyone?".into()).await.unwrap_err().code, ErrorCode::NotInCall);
    ben.call.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_heard_as_loud_as_one_likes_and_who_speaks_is_known() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(CallConfig { audio: AudioSource::None, ..config(&link, "Ann") }).await;
    let ben = Participant::join(config(&link, "Ben")).await;
    let id = ann.connected().await;
    ann.speaker(Some(&id)).await;
    assert_eq!(ann.call.view().await.unwrap().active_speaker, Some(id.clone()));

    ann.call.set_muted_for_me(id.clone(), true).await.unwrap();
    ann.heard_as(100, true).await;
    ann.hears(false).await;
    ann.call.set_peer_volume(id.clone(), 400).await.unwrap();
    ann.call.set_muted_for_me(id.clone(), false).await.unwrap();
    ann.heard_as(400, false).await;
    // The tone has a level of .18.
    ann.wait("a loud tone", |event| match event {
        UiEvent::Levels { levels } => levels.iter().find(|(peer, level)| *peer == id && *level > 0.6).map(drop),
        _ => None,
    })
    .await;
    let refused = ann.call.set_peer_volume(id.clone(), 401).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadVolume);
    let refused = ann.call.set_peer_volume("nobody".into(), 100).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ParticipantGone);

    ben.call.leave().await;
    ann.speaker(None).await;
    ann.call.leave().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_server_does_not_end_the_call_and_nobody_is_there_twice_after_it() {
    let first = server().await;
    let port = first.local_addr().port();
    let link = link(&first);
    let mut ann = Participant::join(config(&link, "Ann")).await;
    let mut ben = Participant::join(config(&link, "Ben")).await;
    let ben_id = ann.connected().await;
    ben.connected().await;
    let ann_id = ann.call.view().await.unwrap().me.id;

    first.shutdown().await;
    ann.state(CallState::ServerLost).await;
    ben.state(CallState::ServerLost).await;
    ann.sees(20).await;
    ann.call.send_chat("still here".into()).await.unwrap();
    ben.wait("chat", |event| matches!(event, UiEvent::Chat { .. }).then_some(())).await;

    let second = server_on(port).await;
    ann.state(CallState::InCall).await;
    ben.state(CallState::InCall).await;
    let view = ann.call.view().await.unwrap();
    assert_eq!(view.me.id, ann_id, "the own id survives");
    let others: Vec<_> = view.participants.iter().map(|other| (other.id.clone(), other.state)).collect();
    assert_eq!(others, [(ben_id, PeerState::Connected)]);

    // New people can join again, and see both.
    let mut cy = Participant::join(config(&link, "Cy")).await;
    cy.connected().await;
    cy.connected().await;
    let mut names: Vec<_> = cy.call.view().await.unwrap().participants.into_iter().map(|other| other.name).collect();
    names.sort();
    assert_eq!(names, ["Ann", "Ben"]);
    for participant in [ann, ben, cy] {
        participant.call.leave().await;
    }
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_devices_are_states_not_errors() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(CallConfig {
        video: VideoSource::Camera(Some("no camera has this name".into())),
        audio: AudioSource::Mic(Some("no microphone has this name".into())),
        ..config(&link, "Ann")
    })
    .await;
    let failed = |state: &DeviceState| match state {
        DeviceState::Failed { error } => Some(error.code),
        _ => None,
    };
    let (mic, camera) = ann
        .wait("both failures", |event| match event {
            UiEvent::Me { me } => Some((failed(&me.mic)?, failed(&me.camera)?)),
            _ => None,
        })
        .await;
    assert!(matches!(mic, ErrorCode::MicrophoneMissing | ErrorCode::NoSoundServer), "{mic:?}");
    assert_eq!(camera, ErrorCode::CameraMissing);
    let mut ben = Participant::join(config(&link, "Ben")).await;
    ann.connected().await;
    ben.connected().await;
    ann.hears(true).await;
    ben.media(MediaState { mic: false, cam: false }).await;
    ann.call.leave().await;
    ben.call.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_and_floods_of_one_peer_harm_nobody() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(config(&link, "Ann")).await;
    let (socket, mut events) = stranger(&link).await;
    ann.connected().await;
    timeout(PATIENCE, async { while !matches!(events.recv().await, Some(Event::PeerConnect { .. })) {} })
        .await
        .unwrap();
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    for rubbish in [json!(null), json!({ "text": 7 }), json!({ "text": "x".repeat(limits::CHAT_CHARS + 1) }), json!([])]
    {
        socket.emit("chat", vec![rubbish.clone()]).await.unwrap();
        socket.emit("chat-history", vec![rubbish.clone()]).await.unwrap();
        socket.emit("media-state", vec![rubbish]).await.unwrap();
    }
    socket.emit("chat", vec![json!({ "text": "the first that counts", "from": "Somebody else" })]).await.unwrap();
    let message = ann
        .wait("chat", |event| match event {
            UiEvent::Chat { message, .. } => Some(message),
            _ => None,
        })
        .await;
    assert_eq!((message.text.as_str(), message.from.as_str()), ("the first that counts", "Stranger"));
    for number in 0..limits::CTRL_FRAMES_PER_SECOND * 4 {
        socket.emit("noise", vec![json!(number)]).await.unwrap();
    }
    let notice = ann
        .wait("a notice", |event| match event {
            UiEvent::Notice { notice } => Some(notice.error.code),
            _ => None,
        })
        .await;
    assert_eq!(notice, ErrorCode::PeerMisbehaving);

    let mut ben = Participant::join(config(&link, "Ben")).await;
    ben.connected().await;
    ben.sees(10).await;
    ann.sees(10).await;
    socket.close().await;
    ann.call.leave().await;
    ben.call.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computer_that_cannot_keep_up_sends_smaller_pictures_and_says_so() {
    let server = server().await;
    let link = link(&server);
    // More than any thread can encode.
    let (width, height, fps) = (3840, 2160, 120);
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("huge.y4m");
    let mut writer = Y4mWriter::create(&clip, width, height, fps).unwrap();
    let mut picture = I420Frame::new(width, height);
    for number in 0..2 {
        pattern::draw(&mut picture, number, 0);
        writer.write(&picture).unwrap();
    }
    writer.finish().unwrap();

    let silent = CallConfig { mic_on: false, decode: false, ..config(&link, "Ben") };
    let mut ben = Participant::join(CallConfig { camera_on: false, ..silent.clone() }).await;
    let video_config = VideoConfig { width, height, fps, bitrate: 20_000_000 };
    let huge = CallConfig { name: "Ann".into(), video: VideoSource::Y4m(clip), video_config, ..silent };
    let mut ann = Participant::join(huge).await;
    let notice = |event| match event {
        UiEvent::Notice { notice } => Some((notice.error.code, notice.urgent)),
        _ => None,
    };
    assert_eq!(ann.wait("a notice", notice).await, (ErrorCode::ComputerBusy, false));
    ben.wait("a smaller picture", |event| {
        let UiEvent::Stats { peers } = event else { return None };
        peers.iter().any(|peer| peer.width > 0 && u32::from(peer.width) < width).then_some(())
    })
    .await;
    ann.call.leave().await;
    ben.call.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said_at_once() {
    let link: RoomLink = "http://127.0.0.1:9/r/test".parse().unwrap();
    let error: UserError = Call::join(config(&link, "Ann")).await.map(|_| ()).unwrap_err();
    assert_eq!(error.code, ErrorCode::ServerUnreachable);
}

/// Waits until a picture of a shared screen comes from `peer`, and returns its handle.
async fn screen_of(participant: &mut Participant, peer: &str) -> u32 {
    participant
        .wait("a screen", |event| match event {
            UiEvent::TrackAdded { id, track } if id == peer && track.event == "screen" => {
                assert_eq!(track.kind, MediaKind::Video);
                Some(track.handle)
            }
            _ => None,
        })
        .await
}

/// Waits until pictures of the track are decoded, at the size of the source.
async fn sees_screen(participant: &mut Participant, handle: u32) {
    let call = participant.call.clone();
    let seen = async {
        loop {
            participant.sees(1).await;
            let probes = call.received_picture_stats().await;
            if probes.iter().any(|probe| probe.handle == handle && probe.pattern.is_some()) {
                return;
            }
        }
    };
    timeout(PATIENCE, seen).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_a_stream_of_its_own_for_those_who_come_later_too_until_it_is_stopped() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(config(&link, "Ann")).await;
    let mut ben = Participant::join(CallConfig { camera_on: false, ..config(&link, "Ben") }).await;
    let ben_id = ann.connected().await;
    let ann_id = ben.connected().await;
    ann.call.start_share(VideoSource::Pattern, AudioSource::None).await.unwrap();
    let share = ann.call.view().await.unwrap().me.share.unwrap();
    assert_eq!((share.title.as_str(), share.capture, share.paused), ("pattern", DeviceState::On, false));
    let handle = screen_of(&mut ben, &ann_id).await;
    sees_screen(&mut ben, handle).await;

    // A second one shares, and a third comes.
    ben.call.start_share(VideoSource::Pattern, AudioSource::None).await.unwrap();
    screen_of(&mut ann, &ben_id).await;
    let mut cat = Participant::join(CallConfig { camera_on: false, ..config(&link, "Cat") }).await;
    let of_ann = screen_of(&mut cat, &ann_id).await;
    sees_screen(&mut cat, of_ann).await;

    ann.call.stop_share().await;
    assert_eq!(ann.call.view().await.unwrap().me.share, None);
    ben.wait("the end of the share", |event| {
        (event == UiEvent::TrackRemoved { id: ann_id.clone(), handle }).then_some(())
    })
    .await;
    ann.call.stop_share().await;
    // Who comes now hears of Ben's screen only, and again of Ann's when she shares again.
    let mut dan = Participant::join(CallConfig { camera_on: false, ..config(&link, "Dan") }).await;
    let of_ben = screen_of(&mut dan, &ben_id).await;
    sees_screen(&mut dan, of_ben).await;
    let view = dan.call.view().await.unwrap();
    let shared = |id: &str| {
        let of = view.participants.iter().find(|participant| participant.id == id).unwrap();
        of.tracks.iter().filter(|track| track.event == "screen").count()
    };
    assert_eq!((shared(&ann_id), shared(&ben_id)), (0, 1));
    ann.call.start_share(VideoSource::Pattern, AudioSource::None).await.unwrap();
    let again = screen_of(&mut dan, &ann_id).await;
    sees_screen(&mut dan, again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_cannot_be_or_that_ends_says_why() {
    let server = server().await;
    let link = link(&server);
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.y4m");
    let mut writer = Y4mWriter::create(&clip, 320, 180, 30).unwrap();
    writer.write(&I420Frame::new(320, 180)).unwrap();
    writer.finish().unwrap();
    let mut ann = Participant::join(config(&link, "Ann")).await;
    let mut ben = Participant::join(config(&link, "Ben")).await;
    let ann_id = ben.connected().await;
    for (source, code) in [
        (VideoSource::None, ErrorCode::ScreenMissing),
        (VideoSource::Y4m(dir.path().join("missing.y4m")), ErrorCode::FileUnreadable),
    ] {
        assert_eq!(ann.call.start_share(source, AudioSource::None).await.unwrap_err().code, code);
        assert_eq!(ann.call.view().await.unwrap().me.share, None);
    }
    ann.call.start_share(VideoSource::Y4m(clip.clone()), AudioSource::None).await.unwrap();
    let handle = screen_of(&mut ben, &ann_id).await;
    std::fs::File::options().write(true).open(&clip).unwrap().set_len(0).unwrap();
    let reason = ann.wait("the reason", |event| match event {
        UiEvent::Notice { notice } => Some(notice.error.code),
        _ => None,
    });
    assert_eq!(reason.await, ErrorCode::FileFormat);
    assert_eq!(ann.call.view().await.unwrap().me.share, None);
    ben.wait("the end", |event| (event == UiEvent::TrackRemoved { id: ann_id.clone(), handle }).then_some(())).await;
    // Another one in its place, in one step.
    ann.call.start_share(VideoSource::Pattern, AudioSource::None).await.unwrap();
    let handle = screen_of(&mut ben, &ann_id).await;
    ann.call.start_share(VideoSource::Pattern, AudioSource::None).await.unwrap();
    sees_screen(&mut ben, handle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_what_one_shares_that_fails_leaves_the_share_as_it_was() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(config(&link, "Ann")).await;
    let mut ben = Participant::join(CallConfig { camera_on: false, ..config(&link, "Ben") }).await;
    ann.connected().await;
    let ann_id = ben.connected().await;
    ann.call.start_share(VideoSource::Pattern, AudioSource::None).await.unwrap();
    let handle = screen_of(&mut ben, &ann_id).await;
    sees_screen(&mut ben, handle).await;

    let missing = VideoSource::Y4m("/there/is/no/such.y4m".into());
    let refused = ann.call.start_share(missing, AudioSource::None).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::FileUnreadable);
    let share = ann.call.view().await.unwrap().me.share.expect("it is still shared");
    assert_eq!((share.title.as_str(), share.capture), ("pattern", DeviceState::On));
    sees_screen(&mut ben, handle).await;
    ann.call.stop_share().await;
    ben.wait("the end", |event| (event == UiEvent::TrackRemoved { id: ann_id.clone(), handle }).then_some(())).await;
}
