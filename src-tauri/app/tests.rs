use super::App;
use super::test_app::{ON, TestApp, no_devices};
use crate::settings::Store;
use confab_ipc::{CallState, ErrorCode, PeerState, Settings, UiEvent};
use confab_wire::{media::Decoders, room::RoomLink};
use std::net::Ipv4Addr;
use std::pin::pin;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

#[tokio::test]
async fn the_first_window_can_be_waited_for() {
    let data = tempfile::tempdir().unwrap();
    let (app, task, _source) = App::new(Store::open(data.path()).0, no_devices());
    let task = AbortOnDropHandle::new(tokio::spawn(task.run()));
    let mut window = pin!(app.window());
    assert!(futures_util::poll!(&mut window).is_pending());
    app.subscribe("main".into(), Decoders { h264: true }, Box::new(|_| true)).await.unwrap();
    assert!(window.await);
    drop(task);
    assert!(app.window().await, "it was there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_begins_with_a_snapshot_and_ends_idle() {
    let mut host = TestApp::new().await;
    let link = host.start(" Ann ").await;
    let (snapshot, _) = host.listen("second").await;
    let call = snapshot.call.unwrap();
    assert_eq!((call.link, call.me.name), (link.to_string(), "Ann".to_owned()));
    assert_eq!(snapshot.settings.name, "Ann");
    assert_eq!(snapshot.settings.recent[0].link, link.to_string());
    assert_eq!(host.app.start("Ann".into(), ON).await.unwrap_err().code, ErrorCode::AlreadyInCall);
    assert_eq!(host.app.join(link, "Ann".into(), ON).await.unwrap_err().code, ErrorCode::AlreadyInCall);

    host.app.leave().await.unwrap();
    host.expect_state(CallState::Idle).await;
    assert_eq!(host.app.call().unwrap_err().code, ErrorCode::NotInCall);
    host.app.leave().await.unwrap();
    host.start("Ann").await;
    host.app.close().await;
    assert_eq!(Store::open(host.data.path()).0.get().recent.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_apps_meet_by_the_link_and_notice_a_closed_app() {
    let (mut ann, mut ben) = (TestApp::new().await, TestApp::new().await);
    let link = ann.start("Ann").await;
    ben.app.join(link, "Ben".into(), ON).await.unwrap();
    for (app, other) in [(&mut ann, "Ben"), (&mut ben, "Ann")] {
        app.expect(other, |event| match event {
            UiEvent::PeerConnect { participant } => (participant.name == other).then_some(()),
            UiEvent::Snapshot { snapshot } => snapshot
                .call?
                .participants
                .iter()
                .any(|participant| participant.name == other && participant.state == PeerState::Connected)
                .then_some(()),
            _ => None,
        })
        .await;
    }
    ben.app.call().unwrap().send_chat("hello".into()).await.unwrap();
    ann.expect("the message", |event| {
        matches!(event, UiEvent::Chat { message, .. } if message.text == "hello").then_some(())
    })
    .await;
    ben.app.close().await;
    ann.expect("Ben leaving", |event| matches!(event, UiEvent::PeerDisconnect { .. }).then_some(())).await;
    ann.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_joined_is_named_and_the_app_is_idle_again() {
    let mut host = TestApp::new().await;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let nobody: RoomLink = format!("http://127.0.0.1:{port}/r/room").parse().unwrap();
    let error = host.app.join(nobody.clone(), "Ann".into(), ON).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ServerUnreachable);
    host.expect_state(CallState::Joining).await;
    host.expect_state(CallState::Idle).await;
    assert_eq!(host.app.join(nobody, " ".into(), ON).await.unwrap_err().code, ErrorCode::BadName);
    assert!(host.app.settings().await.unwrap().recent.is_empty(), "only rooms one was in are remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_can_be_given_up() {
    let mut host = TestApp::new().await;
    // Takes connections and never answers.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let link: RoomLink = format!("http://{}/r/room", silent.local_addr().unwrap()).parse().unwrap();
    let app = host.app.clone();
    let joining = tokio::spawn(async move { app.join(link, "Ann".into(), ON).await });
    host.expect_state(CallState::Joining).await;
    host.app.leave().await.unwrap();
    host.expect_state(CallState::Idle).await;
    joining.await.unwrap().unwrap();
    host.start("Ann").await;
    host.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_checked_saved_and_sent() {
    let mut host = TestApp::new().await;
    let settings =
        Settings { name: "Ann".into(), server: Some("https://meet.example.org/x".into()), ..Settings::default() };
    let saved = host.app.save_settings(settings.clone()).await.unwrap();
    assert_eq!(saved.server.as_deref(), Some("https://meet.example.org/"));
    let sent = host
        .expect("settings", |event| match event {
            UiEvent::Settings { settings } => Some(settings),
            _ => None,
        })
        .await;
    assert_eq!(sent, saved);
    let bad = Settings { server: Some("nonsense".into()), ..settings };
    assert_eq!(host.app.save_settings(bad).await.unwrap_err().code, ErrorCode::BadServer);
    assert_eq!(host.app.settings().await.unwrap(), saved);
}
