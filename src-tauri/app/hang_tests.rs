//! Mute, camera and leave do not wait for a disk or for the embedded server.
//!
//! The clock is stopped while something hangs, and a gate at which a thread waits keeps it from advancing by itself: whatever
//! waited for a timer, a second or a tenth of one, would wait for ever.

use super::App;
use super::test_app::{ON, TestApp};
use crate::hosting::{EmbeddedServer, Hosting};
use crate::settings::Store;
use crate::test_gate::Gate;
use confab_ipc::{CallState, DeviceState, ErrorCode, Settings, UiEvent};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Within this time a person's command is answered.
const AT_ONCE: Duration = Duration::from_millis(50);
/// Times that each command is given.
const REPETITIONS: u32 = 100;

/// Mutes and unmutes, turns the camera on and off, and leaves, all while the clock stands still.
async fn answers_at_once(app: &App) {
    let call = app.call().unwrap();
    let (virtual_time, mut real_times) = (Instant::now(), Vec::new());
    for repetition in 0..REPETITIONS {
        let on = repetition % 2 == 1;
        let began = std::time::Instant::now();
        app.call().unwrap().set_mic(on).await;
        app.call().unwrap().set_camera(on).await;
        real_times.push(began.elapsed());
        let me = call.view().await.unwrap().me;
        assert_eq!((me.mic != DeviceState::Off, me.camera != DeviceState::Off), (on, on));
    }
    assert_at_once(real_times);
    app.leave().await.unwrap();
    assert_eq!(app.call().unwrap_err().code, ErrorCode::NotInCall);
    assert_eq!(virtual_time.elapsed(), Duration::ZERO);
}

/// By the median: a busy machine may be late for some.
fn assert_at_once(mut times: Vec<Duration>) {
    times.sort_unstable();
    let median = times[times.len() / 2];
    assert!(median < AT_ONCE, "{median:?}");
}

/// Settings on a disk behind the gate.
fn store_behind(gate: &Gate) -> Store {
    let waiter = gate.waiter();
    let write = move |_: &Settings| {
        waiter.wait();
        Ok(())
    };
    Store::new(Settings::default(), Arc::new(write))
}

#[tokio::test]
async fn commands_are_answered_while_the_disk_of_the_settings_hangs() {
    let gate = Gate::default();
    let mut host = TestApp::with(store_behind(&gate), Hosting::new(), tempfile::tempdir().unwrap()).await;
    host.start("Ann").await;
    // The room is being written.
    gate.is_waited_at().await;
    let app = host.app.clone();
    let saving = tokio::spawn(async move { app.save_settings(Settings::default()).await });
    host.expect("the settings, which hold already", |event| matches!(event, UiEvent::Settings { .. }).then_some(()))
        .await;
    tokio::time::pause();
    answers_at_once(&host.app).await;
    assert!(gate.holds());
    tokio::time::resume();
    gate.open();
    saving.await.unwrap().unwrap();
}

#[tokio::test]
async fn commands_are_answered_while_the_embedded_server_starts() {
    let mut host = TestApp::new().await;
    let link = host.start("Ann").await;

    let gate = Gate::default();
    let hosting = Hosting::with_server(EmbeddedServer::behind(&gate));
    let data = tempfile::tempdir().unwrap();
    let mut guest = TestApp::with(Store::open(data.path()).0, hosting, data).await;
    let mut times = Vec::new();
    for _ in 0..REPETITIONS {
        let app = guest.app.clone();
        let starting = tokio::spawn(async move { app.start("Ben".into(), ON).await });
        guest.expect_state(CallState::Joining).await;
        gate.is_waited_at().await;
        let began = std::time::Instant::now();
        assert_eq!(guest.app.call().unwrap_err().code, ErrorCode::NotInCall);
        guest.app.leave().await.unwrap();
        times.push(began.elapsed());
        guest.expect_state(CallState::Idle).await;
        starting.await.unwrap().unwrap();
    }
    assert_at_once(times);
    // The server still starts; nobody waits for it any more. Another room does not need it.
    guest.app.join(link, "Ben".into(), ON).await.unwrap();
    guest.expect_call().await;
    tokio::time::pause();
    answers_at_once(&guest.app).await;
    assert!(gate.holds());
}

#[tokio::test]
async fn the_app_closes_although_the_disk_hangs() {
    let gate = Gate::default();
    let host = TestApp::with(store_behind(&gate), Hosting::new(), tempfile::tempdir().unwrap()).await;
    let (saver, closer) = (host.app.clone(), host.app.clone());
    let saving = tokio::spawn(async move { saver.save_settings(Settings::default()).await });
    gate.is_waited_at().await;
    tokio::time::pause();
    let began = Instant::now();
    let closing = tokio::spawn(async move { closer.close().await });
    while !closing.is_finished() {
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(gate.holds());
    assert_eq!(saving.await.unwrap().unwrap_err().code, ErrorCode::SettingsNotSaved);
}
