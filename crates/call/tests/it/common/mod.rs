//! A server, calls in it, and waiting for what they say.
// Each test file uses a part of it.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use confab_call::{AudioSink, AudioSource, Call, CallConfig, CallEvents, VideoConfig, VideoSource};
use confab_ipc::{CallState, UiEvent};
use confab_rtcio::{Event, Events, Socket};
use confab_server::{Server, ServerConfig};
use confab_wire::{
    call::MediaState,
    room::{RoomId, RoomLink},
    signaling::{JOIN_ROOM, JoinReply},
};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// How long one waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(40);

pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub async fn server() -> Server {
    server_on(0).await
}

pub async fn server_on(port: u16) -> Server {
    let secret = Some(b"the same after a restart".to_vec());
    Server::bind(ServerConfig { listen: loopback(port), secret, ..ServerConfig::default() }).await.unwrap()
}

pub fn link(server: &Server) -> RoomLink {
    RoomLink::new(&format!("http://{}", server.local_addr()).parse().unwrap(), "test".parse::<RoomId>().unwrap())
        .unwrap()
}

pub fn config(link: &RoomLink, name: &str) -> CallConfig {
    CallConfig {
        video: VideoSource::Pattern,
        video_config: VideoConfig { width: 320, height: 180, fps: 15, bitrate: 300_000 },
        audio: AudioSource::Tone(440.0),
        speaker: AudioSink::None,
        decode: true,
        ..CallConfig::new(link.clone(), name)
    }
}

/// A call and its events, with waiting.
pub struct Participant {
    pub call: Call,
    pub events: CallEvents,
}

impl Participant {
    pub async fn join(config: CallConfig) -> Self {
        let (call, events) = Call::join(config).await.unwrap();
        Self { call, events }
    }

    pub async fn wait<T>(&mut self, what: &str, mut found: impl FnMut(UiEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("the call ended before {what}"));
                if let Some(found) = found(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("{what} did not come"))
    }

    pub async fn connected(&mut self) -> String {
        self.wait("peer-connect", |event| match event {
            UiEvent::PeerConnect { participant } => Some(participant.id),
            _ => None,
        })
        .await
    }

    pub async fn media(&mut self, expected: MediaState) {
        self.wait("media-state", |event| match event {
            UiEvent::MediaState { media, .. } if media == expected => Some(()),
            _ => None,
        })
        .await
    }

    /// Waits until `frames` more frames of a peer were decoded.
    pub async fn sees(&mut self, frames: u64) {
        let mut first = None;
        self.wait("pictures", |event| {
            let UiEvent::Stats { peers } = event else { return None };
            let now = peers.iter().map(|peer| peer.frames).max()?;
            let first = *first.get_or_insert(now);
            (now >= first + frames).then_some(())
        })
        .await
    }

    /// Waits until the loudest peer is above or under `level`.
    pub async fn hears(&mut self, loud: bool) {
        self.wait(if loud { "sound" } else { "silence" }, |event| {
            let UiEvent::Levels { levels } = event else { return None };
            let loudest = levels.iter().filter(|(id, _)| id != "self").map(|(_, level)| *level).fold(0.0, f32::max);
            ((loudest > 0.02) == loud).then_some(())
        })
        .await
    }

    pub async fn speaker(&mut self, id: Option<&str>) {
        let expected = UiEvent::ActiveSpeaker { id: id.map(str::to_owned) };
        self.wait("a speaker", |event| (event == expected).then_some(())).await
    }

    /// Waits until the window knows that the others are heard so.
    pub async fn heard_as(&mut self, volume: u16, muted_for_me: bool) {
        self.wait("a change of a participant", |event| match event {
            UiEvent::ParticipantChanged { participant } => {
                ((participant.volume, participant.muted_for_me) == (volume, muted_for_me)).then_some(())
            }
            _ => None,
        })
        .await
    }

    pub async fn state(&mut self, expected: CallState) {
        self.wait("a state of the call", |event| (event == UiEvent::CallState { state: expected }).then_some(())).await
    }
}

/// A peer that speaks rtc.io and not Confab.
pub async fn stranger(link: &RoomLink) -> (Socket, Events) {
    let (socket, mut events) = Socket::builder(link.server.clone()).force_new(true).connect();
    timeout(PATIENCE, async { while !matches!(events.recv().await, Some(Event::Connected { .. })) {} }).await.unwrap();
    let reply = socket
        .server()
        .emit_with_ack(JOIN_ROOM, vec![json!({ "roomId": link.room, "name": "Stranger" })])
        .await
        .unwrap();
    match serde_json::from_value(reply[0].clone()).unwrap() {
        JoinReply::Welcome(welcome) => socket.set_id(&welcome.id),
        JoinReply::Refused { error } => panic!("{error}"),
    }
    (socket, events)
}
