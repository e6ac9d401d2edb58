//! Commands answer at once, whatever else waits: with a real server, real devices and real peers.

use crate::{AudioSink, AudioSource, Call, CallConfig, CallEvents, VideoConfig, VideoSource};
use confab_ipc::{CallState, ErrorCode, UiEvent};
use confab_server::{Server, ServerConfig};
use confab_wire::room::{RoomId, RoomLink};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a command may take.
const AT_ONCE: Duration = Duration::from_millis(50);
/// Tries of which one has to be in time: other programs may keep the computer busy.
const TRIES: usize = 5;

async fn server() -> (Server, RoomLink) {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(ServerConfig { listen, ..ServerConfig::default() }).await.unwrap();
    let address = format!("http://{}", server.local_addr()).parse().unwrap();
    let link = RoomLink::new(&address, "test".parse::<RoomId>().unwrap()).unwrap();
    (server, link)
}

fn config(link: &RoomLink, name: &str) -> CallConfig {
    CallConfig {
        video: VideoSource::Pattern,
        video_config: VideoConfig { width: 160, height: 90, fps: 60, bitrate: 100_000 },
        audio: AudioSource::Tone(440.0),
        speaker: AudioSink::None,
        ..CallConfig::new(link.clone(), name)
    }
}

/// A call that waits for the statistics of a peer which never answers.
async fn with_dead_peer(link: &RoomLink) -> (Call, CallEvents) {
    let (asked, mut waits) = tokio::sync::mpsc::unbounded_channel();
    let joined = Call::join_with(config(link, "Ann"), |_| {
        Arc::new(move || {
            asked.send(()).ok();
            Box::pin(std::future::pending())
        })
    });
    let joined = joined.await.unwrap();
    waits.recv().await.unwrap();
    joined
}

/// The shortest of some tries of `act`.
async fn fastest<F: Future<Output = ()>>(act: impl Fn(usize) -> F) -> Duration {
    let mut fastest = Duration::MAX;
    for number in 0..TRIES {
        let begun = Instant::now();
        act(number).await;
        fastest = fastest.min(begun.elapsed());
    }
    fastest
}

#[tokio::test(flavor = "multi_thread")]
async fn mute_camera_chat_and_leave_answer_while_statistics_wait_for_a_dead_peer() {
    let (server, link) = server().await;
    let (ben, mut events) = Call::join(config(&link, "Ben")).await.unwrap();
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let mut leaving = Duration::MAX;
    for _ in 0..TRIES {
        let (ann, mut events) = with_dead_peer(&link).await;
        let told =
            async { while !matches!(events.recv().await, Some(UiEvent::Stats { peers }) if !peers.is_empty()) {} };
        timeout(Duration::from_secs(40), told).await.expect("statistics are told without those of the connection");
        let mute = fastest(async |number| ann.set_mic(number % 2 == 1).await).await;
        let camera = fastest(async |number| ann.set_camera(number % 2 == 1).await).await;
        let chat = fastest(async |number| ann.send_chat(number.to_string()).await.unwrap()).await;
        let view = fastest(async |_| assert!(ann.view().await.is_some())).await;
        let all = [mute, camera, chat, view];
        assert!(all.iter().all(|command| *command < AT_ONCE), "{all:?}");
        ann.set_camera(false).await;
        let begun = Instant::now();
        ann.leave().await;
        leaving = leaving.min(begun.elapsed());
        assert_eq!(ann.state().await, CallState::Idle);
    }
    assert!(leaving < AT_ONCE, "{leaving:?}");
    ben.leave().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_answer_though_nobody_reads_the_events() {
    let (server, link) = server().await;
    let (ann, mut events) = Call::join(config(&link, "Ann")).await.unwrap();
    let (ben, mut of_ben) = Call::join(config(&link, "Ben")).await.unwrap();
    tokio::spawn(async move { while of_ben.recv().await.is_some() {} });
    let all = async {
        for number in 0..3_000 {
            ann.set_mic(number % 2 == 1).await;
            if number < 200 {
                ben.send_chat(format!("message {number}")).await.unwrap();
            }
        }
    };
    timeout(Duration::from_secs(20), all).await.expect("no command waits for the reader");
    timeout(Duration::from_secs(5), ann.leave()).await.expect("nor does leaving");
    // Whoever reads in the end learns how it ended.
    let mut last = None;
    while let Some(event) = timeout(Duration::from_secs(10), events.recv()).await.unwrap() {
        last = Some(event);
    }
    assert_eq!(last, Some(UiEvent::CallState { state: CallState::Idle }));
    ben.leave().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_answer_while_the_server_is_away() {
    let (server, link) = server().await;
    let (ann, mut events) = Call::join(config(&link, "Ann")).await.unwrap();
    server.shutdown().await;
    let lost = UiEvent::CallState { state: CallState::ServerLost };
    let found = async { while events.recv().await.as_ref() != Some(&lost) {} };
    timeout(Duration::from_secs(40), found).await.unwrap();
    let mute = fastest(async |number| ann.set_mic(number % 2 == 1).await).await;
    let chat = fastest(async |number| ann.send_chat(number.to_string()).await.unwrap()).await;
    let share = fastest(async |_| ann.stop_share().await).await;
    assert!(mute < AT_ONCE && chat < AT_ONCE && share < AT_ONCE, "{mute:?} {chat:?} {share:?}");
    ann.set_camera(false).await;
    timeout(Duration::from_secs(2), ann.leave()).await.expect("leaving waits for devices only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_task_panics_says_so_before_it_ends() {
    let (server, link) = server().await;
    let joined = Call::join_with(config(&link, "Ann"), |_| Arc::new(|| panic!("a mistake of the test")));
    let (ann, mut events) = joined.await.unwrap();
    let (mut said, mut last) = (None, None);
    while let Some(event) = timeout(Duration::from_secs(20), events.recv()).await.unwrap() {
        if let UiEvent::Notice { notice } = &event {
            said = Some((notice.error.code, notice.urgent));
        }
        last = Some(event);
    }
    assert_eq!(said, Some((ErrorCode::Internal, true)));
    assert_eq!(last, Some(UiEvent::CallState { state: CallState::Idle }));
    assert_eq!(ann.state().await, CallState::Idle);
    assert_eq!(ann.send_chat("anyone?".into()).await.unwrap_err().code, ErrorCode::NotInCall);
    // The others see one leave.
    let (ben, _events) = Call::join(config(&link, "Ben")).await.unwrap();
    let alone = async { while !ben.view().await.unwrap().participants.is_empty() {} };
    timeout(Duration::from_secs(20), alone).await.unwrap();
    server.shutdown().await;
}
