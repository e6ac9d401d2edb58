//! An app without a window for tests, and the events that a window would get.

use super::{App, JoinOptions, Sources};
use crate::hosting::{Hosting, HostingTask};
use crate::settings::Store;
use confab_call::{AudioSink, AudioSource, VideoSource};
use confab_ipc::{CallState, Snapshot, UiEvent};
use confab_wire::{media::Decoders, room::RoomLink};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// With both on.
pub const ON: JoinOptions = JoinOptions { mic: true, camera: true };

pub fn no_devices() -> Sources {
    Sources { video: VideoSource::None, audio: AudioSource::None, speaker: AudioSink::None }
}

pub struct TestApp {
    pub app: App,
    pub events: mpsc::UnboundedReceiver<UiEvent>,
    pub data: TempDir,
}

impl TestApp {
    pub async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (store, problem) = Store::open(data.path());
        assert_eq!(problem, None);
        Self::with(store, Hosting::new(), data).await
    }

    pub async fn with(store: Store, hosting: (Hosting, HostingTask), data: TempDir) -> Self {
        let (app, task, _source) = App::with_hosting(store, no_devices(), hosting);
        tokio::spawn(task.run());
        let mut test = Self { app, events: mpsc::unbounded_channel().1, data };
        test.events = test.listen("main").await.1;
        test
    }

    pub async fn listen(&self, window: &str) -> (Snapshot, mpsc::UnboundedReceiver<UiEvent>) {
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

    /// The first event in which `found` finds something.
    pub async fn expect<T>(&mut self, what: &str, mut found: impl FnMut(UiEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the app lives");
                if let Some(it) = found(event) {
                    return it;
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("waited for {what} in vain"))
    }

    pub async fn expect_state(&mut self, wanted: CallState) {
        self.expect(&format!("{wanted:?}"), |event| {
            matches!(event, UiEvent::CallState { state } if state == wanted).then_some(())
        })
        .await;
    }

    /// Starts a call and returns its link.
    pub async fn start(&mut self, name: &str) -> RoomLink {
        self.app.start(name.into(), ON).await.unwrap();
        self.expect_state(CallState::Joining).await;
        self.expect_call().await
    }

    /// Waits for the call that is being joined and returns its link.
    pub async fn expect_call(&mut self) -> RoomLink {
        let snapshot = self
            .expect("the snapshot of the call", |event| match event {
                UiEvent::Snapshot { snapshot } => Some(snapshot),
                _ => None,
            })
            .await;
        assert_eq!(snapshot.state, CallState::InCall);
        snapshot.call.unwrap().link.parse().unwrap()
    }
}
