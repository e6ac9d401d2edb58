use super::App;
use super::test_app::{ON, PATIENCE, TestApp, no_devices};
use crate::settings::Store;
use confab_ipc::{CallState, DeviceState, ErrorCode, ErrorReason, Opening, PeerState, Settings, UiEvent};
use confab_server::{Claims, Server, ServerConfig, TokenConfig, mint};
use confab_wire::{media::Decoders, room::RoomLink};
use std::net::Ipv4Addr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

#[tokio::test]
async fn the_first_window_can_be_waited_for() {
    let data = tempfile::tempdir().unwrap();
    let (app, task, _source) = App::new(Store::open(data.path()).0, no_devices(), data.path());
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

    tokio::time::sleep(Duration::from_millis(5)).await;
    host.app.leave().await.unwrap();
    host.expect_state(CallState::Idle).await;
    let left = host.expect("when it was left", |event| match event {
        UiEvent::Settings { settings } => Some(settings.recent[0].at),
        _ => None,
    });
    assert!(left.await > snapshot.settings.recent[0].at);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_lost_twice_in_a_call_leaves_nobody_heard_or_seen_unawares() {
    let mut host = TestApp::new().await;
    host.start("Ann").await;
    let on = |device: &DeviceState| *device != DeviceState::Off;
    let me = async |host: &TestApp| host.app.call().unwrap().view().await.unwrap().me;
    host.app.window_lost("main").await;
    let (snapshot, events) = host.listen("main").await;
    assert!(
        snapshot.call.is_some_and(|call| on(&call.me.mic) && on(&call.me.camera)),
        "the first time all is as it was"
    );
    host.events = events;
    host.app.window_lost("main").await;
    timeout(PATIENCE, async {
        while on(&me(&host).await.mic) || on(&me(&host).await.camera) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    host.events = host.listen("main").await.1;
    host.expect("the notice", |event| match event {
        UiEvent::Notice { notice } => (notice.error.code == ErrorCode::WindowRestarted && notice.urgent).then_some(()),
        _ => None,
    })
    .await;
    host.app.close().await;
}

/// What the window is to offer.
async fn opening(host: &mut TestApp) -> Opening {
    host.expect("what was opened", |event| match event {
        UiEvent::OpenLink { opening } => Some(opening),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_opened_is_offered_and_dials_nobody() {
    let mut host = TestApp::new().await;
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = server.local_addr().unwrap();
    host.app.open(&format!("<confab://join?link=http%3A%2F%2F{address}%2Fr%2Fabc>.")).await;
    let opened = opening(&mut host).await;
    let room = opened.room.unwrap();
    assert_eq!((room.host, room.room.as_str(), opened.error), (address.to_string(), "abc", None));
    assert!(timeout(Duration::from_millis(300), server.accept()).await.is_err(), "nobody was asked");

    host.app.open("https://203.0.113.1/r/abc").await;
    assert!(opening(&mut host).await.room.is_some_and(|room| !room.known && room.private));
    host.app.open("confab://join?link=http://h/r/a%20b").await;
    let bad = opening(&mut host).await;
    assert_eq!(bad.text, "confab://join?link=http://h/r/a%20b");
    assert_eq!((bad.room, bad.error.unwrap().code), (None, ErrorCode::BadLink));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_line_asks_in_vain_can_be_mended_in_the_window() {
    let mut host = TestApp::new().await;
    let begin = async |host: &mut TestApp, join: Option<&str>, name: Option<&str>, token: Option<&str>| {
        host.app.begin(join.map(str::to_owned), name.map(str::to_owned), token.map(str::to_owned)).await;
        opening(host).await
    };
    let code = |opening: &Opening| opening.error.as_ref().map(|error| error.code);
    let bad = begin(&mut host, Some("http://h/nowhere"), Some("Ann"), None).await;
    assert_eq!((bad.text.as_str(), code(&bad)), ("http://h/nowhere", Some(ErrorCode::BadLink)));
    assert_eq!(bad.name.as_deref(), Some("Ann"));
    let nameless = begin(&mut host, Some("http://127.0.0.1:9/r/a"), None, None).await;
    assert!(nameless.room.is_some_and(|room| room.known) && nameless.error.is_none());
    let named = begin(&mut host, None, Some("\u{3164}"), None).await;
    assert_eq!((named.name.as_deref(), code(&named)), (Some("\u{3164}"), Some(ErrorCode::BadName)));
    let unreachable = begin(&mut host, Some("127.0.0.1:9/r/a"), Some("Ann"), None).await;
    assert_eq!(code(&unreachable), Some(ErrorCode::ServerUnreachable));
    assert_eq!(unreachable.room.unwrap().link, "http://127.0.0.1:9/r/a");
    let token = begin(&mut host, Some("http://127.0.0.1:9/r/a"), Some("Ann"), Some("a b")).await;
    assert_eq!(token.error.unwrap().reason(), Some(ErrorReason::TokenMalformed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_with_the_link_or_from_the_settings() {
    let key = b"a key that is long enough for every server".to_vec();
    let server = |key: Vec<u8>| async move {
        let tokens = Some(TokenConfig { key, require: true });
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        Server::bind(ServerConfig { listen, tokens, ..ServerConfig::default() }).await.unwrap()
    };
    let server = server(key.clone()).await;
    let claims = Claims::lasting(Duration::from_secs(600));
    let token = mint(&key, &claims).unwrap();
    let text = format!("http://{}/r/team", server.local_addr());
    let mut host = TestApp::new().await;
    let refused = host.app.join(text.parse().unwrap(), "Ann".into(), ON).await.unwrap_err();
    assert_eq!(refused.reason(), Some(ErrorReason::TokenRequired));
    host.app.join(format!("{text}#token={token}").parse().unwrap(), "Ann".into(), ON).await.unwrap();
    let link = host.expect_call().await;
    assert_eq!((link.to_string(), link.token), (text.clone(), None), "nobody gets the token with the link");
    host.app.leave().await.unwrap();
    let settings = host.app.settings().await.unwrap();
    assert!(!format!("{:?}", settings.recent).contains(&token));
    let own =
        Settings { server: Some(format!("http://{}", server.local_addr())), server_token: Some(token), ..settings };
    host.app.save_settings(own).await.unwrap();
    host.app.start("Ann".into(), ON).await.unwrap();
    host.app.leave().await.unwrap();
    host.app.join(text.parse().unwrap(), "Ann".into(), ON).await.unwrap();
    host.app.close().await;
    server.shutdown().await;
}
