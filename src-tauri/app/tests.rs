use super::*;
use confab_call::{AudioSource, VideoSource};
use confab_ipc::PeerState;
use std::net::Ipv4Addr;
use std::path::Path;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// With both on.
const ON: JoinOptions = JoinOptions { mic: true, camera: true };

fn app(data: &Path) -> (App, AppTask) {
    let (store, problem) = Store::open(data);
    assert_eq!(problem, None);
    let sources = Sources { video: VideoSource::None, audio: AudioSource::None, speaker: AudioSink::None };
    let (app, task, _calls) = App::new(store, sources);
    (app, task)
}

/// An app without a window, and one who listens to it.
struct Desk {
    app: App,
    events: mpsc::UnboundedReceiver<UiEvent>,
    data: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (app, task) = app(data.path());
        tokio::spawn(task.run());
        let mut desk = Self { app, events: mpsc::unbounded_channel().1, data };
        desk.events = desk.listen("main").await.1;
        desk
    }

    async fn listen(&self, window: &str) -> (Snapshot, mpsc::UnboundedReceiver<UiEvent>) {
        let (sender, mut events) = mpsc::unbounded_channel();
        let listener = Box::new(move |event| sender.send(event).is_ok());
        let snapshot = self.app.subscribe(window.into(), Decoders { h264: true }, listener).await.unwrap();
        assert_eq!(
            events.recv().await,
            Some(UiEvent::Snapshot { snapshot: Box::new(snapshot.clone()) }),
            "the snapshot comes first"
        );
        (snapshot, events)
    }

    /// The first event that `found` finds something in.
    async fn hears<T>(&mut self, what: &str, mut found: impl FnMut(UiEvent) -> Option<T>) -> T {
        let heard = async {
            loop {
                let event = self.events.recv().await.expect("the app lives");
                if let Some(it) = found(event) {
                    return it;
                }
            }
        };
        timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("waited for {what} in vain"))
    }

    async fn hears_state(&mut self, wanted: CallState) {
        self.hears(&format!("{wanted:?}"), |event| {
            matches!(event, UiEvent::CallState { state } if state == wanted).then_some(())
        })
        .await;
    }

    /// Starts a call and returns its link.
    async fn start(&mut self, name: &str) -> RoomLink {
        self.app.start(name.into(), ON).await.unwrap();
        self.hears_state(CallState::Joining).await;
        let snapshot = self
            .hears("the snapshot of the call", |event| match event {
                UiEvent::Snapshot { snapshot } => Some(snapshot),
                _ => None,
            })
            .await;
        assert_eq!(snapshot.state, CallState::InCall);
        snapshot.call.unwrap().link.parse().unwrap()
    }
}

#[tokio::test]
async fn the_first_window_can_be_waited_for() {
    let data = tempfile::tempdir().unwrap();
    let (app, task) = app(data.path());
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
    let mut desk = Desk::new().await;
    let link = desk.start(" Ann ").await;
    let (snapshot, _) = desk.listen("second").await;
    let call = snapshot.call.unwrap();
    assert_eq!((call.link, call.me.name), (link.to_string(), "Ann".to_owned()));
    assert_eq!(snapshot.settings.name, "Ann");
    assert_eq!(snapshot.settings.recent[0].link, link.to_string());
    assert_eq!(desk.app.start("Ann".into(), ON).await.unwrap_err().code, ErrorCode::AlreadyInCall);
    assert_eq!(desk.app.join(link, "Ann".into(), ON).await.unwrap_err().code, ErrorCode::AlreadyInCall);

    desk.app.leave().await.unwrap();
    desk.hears_state(CallState::Idle).await;
    assert_eq!(desk.app.call().await.unwrap_err().code, ErrorCode::NotInCall);
    desk.app.leave().await.unwrap();
    desk.start("Ann").await;
    desk.app.close().await;
    assert_eq!(Store::open(desk.data.path()).0.get().recent.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_apps_meet_by_the_link_and_notice_a_closed_app() {
    let (mut ann, mut ben) = (Desk::new().await, Desk::new().await);
    let link = ann.start("Ann").await;
    ben.app.join(link, "Ben".into(), ON).await.unwrap();
    for (desk, other) in [(&mut ann, "Ben"), (&mut ben, "Ann")] {
        desk.hears(other, |event| match event {
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
    ben.app.call().await.unwrap().send_chat("hello".into()).await.unwrap();
    ann.hears("the message", |event| {
        matches!(event, UiEvent::Chat { message } if message.text == "hello").then_some(())
    })
    .await;
    ben.app.close().await;
    ann.hears("Ben leaving", |event| matches!(event, UiEvent::PeerDisconnect { .. }).then_some(())).await;
    ann.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_joined_is_named_and_the_app_is_idle_again() {
    let mut desk = Desk::new().await;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let nobody: RoomLink = format!("http://127.0.0.1:{port}/r/room").parse().unwrap();
    let error = desk.app.join(nobody.clone(), "Ann".into(), ON).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ServerUnreachable);
    desk.hears_state(CallState::Joining).await;
    desk.hears_state(CallState::Idle).await;
    assert_eq!(desk.app.join(nobody, " ".into(), ON).await.unwrap_err().code, ErrorCode::BadName);
    assert!(desk.app.settings().await.unwrap().recent.is_empty(), "only rooms one was in are remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_can_be_given_up() {
    let mut desk = Desk::new().await;
    // Takes connections and never answers.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let link: RoomLink = format!("http://{}/r/room", silent.local_addr().unwrap()).parse().unwrap();
    let app = desk.app.clone();
    let joining = tokio::spawn(async move { app.join(link, "Ann".into(), ON).await });
    desk.hears_state(CallState::Joining).await;
    desk.app.leave().await.unwrap();
    desk.hears_state(CallState::Idle).await;
    joining.await.unwrap().unwrap();
    desk.start("Ann").await;
    desk.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_checked_saved_and_told() {
    let mut desk = Desk::new().await;
    let settings =
        Settings { name: "Ann".into(), server: Some("https://meet.example.org/x".into()), ..Settings::default() };
    let saved = desk.app.save_settings(settings.clone()).await.unwrap();
    assert_eq!(saved.server.as_deref(), Some("https://meet.example.org/"));
    let told = desk
        .hears("settings", |event| match event {
            UiEvent::Settings { settings } => Some(settings),
            _ => None,
        })
        .await;
    assert_eq!(told, saved);
    let bad = Settings { server: Some("nonsense".into()), ..settings };
    assert_eq!(desk.app.save_settings(bad).await.unwrap_err().code, ErrorCode::BadServer);
    assert_eq!(desk.app.settings().await.unwrap(), saved);
}
