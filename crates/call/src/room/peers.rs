//! The call's task: what peers do and send.

use crate::recording_path;
use crate::remote::track::{Incoming, VideoSinks};
use crate::remote::volume;
use crate::task::Actor;
use confab_ipc::{PeerState, TrackView, UiEvent, frame::SELF_TRACK};
use confab_rtcio::{RemoteStream, RemoteTrack};
use confab_wire::{
    call::{self as names, ChatMessage, MediaState},
    media::MediaKind,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A peer may tell the history for this long after it connected.
const HISTORY_WINDOW: Duration = Duration::from_secs(30);

/// Handles of remote tracks, unique within the life of the program: the media socket outlives a call.
static NEXT_HANDLE: AtomicU32 = AtomicU32::new(SELF_TRACK + 1);

impl Actor {
    pub(crate) async fn peer_connect(&mut self, id: &str) {
        // One that comes back was taken out of the roster when its connection was lost.
        let name = self.members.name(id);
        self.roster.announce(id, &name, Instant::now());
        if let Some(entry) = self.roster.get_mut(id) {
            entry.view.state = PeerState::Connected;
            entry.connected_at = Some(Instant::now());
        }
        self.tell_participant(id, |participant| UiEvent::PeerConnect { participant }).await;
        let peer = self.socket.peer(id);
        let state = json!(self.devices.media_state());
        let mut sent = peer.emit(names::MEDIA_STATE, vec![state]).await;
        for frame in self.chat.frames() {
            sent = sent.and(peer.emit(names::CHAT_HISTORY, frame).await);
        }
        if let Err(error) = sent {
            tracing::warn!(peer = id, %error, "a new peer did not get our state");
        }
    }

    pub(crate) async fn peer_disconnect(&mut self, id: &str) {
        self.incoming.retain(|incoming| incoming.peer != id);
        self.stream_events.retain(|(peer, _), _| peer != id);
        if self.roster.remove(id).is_some() {
            self.forget_speaker(id).await;
            self.tell(UiEvent::PeerDisconnect { id: id.to_owned() }).await;
        }
    }

    pub(crate) async fn message(&mut self, peer: &str, event: &str, args: Vec<Value>) {
        let argument = args.into_iter().next().unwrap_or_default();
        match event {
            names::MEDIA_STATE => match MediaState::deserialize(&argument) {
                Ok(media) => {
                    if self.roster.set_media(peer, media) {
                        self.tell(UiEvent::MediaState { id: peer.to_owned(), media }).await;
                    }
                }
                Err(error) => tracing::warn!(peer, %error, "a media state that is none"),
            },
            names::CHAT => {
                let name = self.roster.get(peer).map(|entry| entry.view.name.clone()).unwrap_or_default();
                match ChatMessage::parse(&argument, peer, &name, now_ms()) {
                    Some(message) => {
                        if self.chat.insert(message.clone()) {
                            self.tell(UiEvent::Chat { message }).await;
                        }
                    }
                    None => tracing::warn!(peer, "a chat message that is none"),
                }
            }
            names::CHAT_HISTORY => {
                let connected_at = self.roster.get(peer).and_then(|entry| entry.connected_at);
                if connected_at.is_none_or(|at| at.elapsed() > HISTORY_WINDOW) {
                    return tracing::warn!(peer, "a history out of season");
                }
                for message in self.chat.merge(&argument, &self.me, now_ms()) {
                    self.tell(UiEvent::Chat { message }).await;
                }
            }
            _ => tracing::debug!(peer, event, "an application event that is not ours"),
        }
    }

    pub(crate) async fn send_chat(&mut self, text: String) {
        let message = ChatMessage {
            id: uuid::Uuid::new_v4().to_string(),
            from: self.config.name.clone(),
            author: self.me.clone(),
            text,
            at: now_ms(),
        };
        self.chat.insert(message.clone());
        if let Err(error) = self.socket.emit(names::CHAT, vec![json!(message)]).await {
            tracing::error!(%error, "a chat message was not sent");
        }
        self.tell(UiEvent::Chat { message }).await;
    }

    pub(crate) async fn track_added(&mut self, peer: &str, stream: &RemoteStream, track: RemoteTrack) {
        let view = TrackView {
            handle: NEXT_HANDLE.fetch_add(1, Ordering::Relaxed),
            kind: track.kind(),
            stream: stream.msid.clone(),
            event: self.stream_events.get(&(peer.to_owned(), stream.msid.clone())).cloned().unwrap_or_default(),
            refused: track.refused_codec(),
        };
        let record = self.config.record.as_deref().map(|dir| recording_path(dir, peer, &view));
        let incoming = match view.kind {
            MediaKind::Video => {
                let (window, decode) = (self.window.clone(), self.config.decode);
                let sinks = VideoSinks { window, record, decode, compare: self.config.compare };
                Incoming::video(peer, view.clone(), track, sinks)
            }
            MediaKind::Audio => {
                let Some(output) = &self.output else { return };
                let audio = output.add_peer();
                if let Some(path) = record
                    && let Err(error) = audio.record_to(path)
                {
                    self.notice(true, error).await;
                }
                Incoming::audio(peer, view.clone(), track, audio)
            }
        };
        let Some(incoming) = incoming else { return };
        self.roster.announce(peer, "", Instant::now());
        if let (Some(audio), Some(entry)) = (&incoming.audio, self.roster.get(peer)) {
            audio.set_gain(volume::gain(&entry.view));
        }
        self.incoming.push(incoming);
        self.roster.put_track(peer, view.clone());
        self.tell(UiEvent::TrackAdded { id: peer.to_owned(), track: view }).await;
    }

    /// The event that carried a stream is known: its tracks are told again under their handles.
    pub(crate) async fn stream_named(&mut self, peer: &str, event: &str, stream: &RemoteStream) {
        self.stream_events.insert((peer.to_owned(), stream.msid.clone()), event.to_owned());
        let mut renamed = Vec::new();
        for incoming in self.incoming.iter_mut().filter(|incoming| incoming.peer == peer) {
            if incoming.view.stream == stream.msid && incoming.view.event != event {
                event.clone_into(&mut incoming.view.event);
                renamed.push(incoming.view.clone());
            }
        }
        for track in renamed {
            self.roster.put_track(peer, track.clone());
            self.tell(UiEvent::TrackAdded { id: peer.to_owned(), track }).await;
        }
    }

    pub(crate) async fn track_removed(&mut self, peer: &str, track: &RemoteTrack) {
        let matches = |incoming: &Incoming| incoming.peer == peer && incoming.track.id() == track.id();
        let Some(place) = self.incoming.iter().position(matches) else { return };
        let removed = self.incoming.remove(place);
        if removed.view.kind == MediaKind::Video
            && let Some(audio) = self.sound_of(&removed).and_then(|sound| sound.audio.as_ref())
        {
            // It waited for the picture.
            audio.set_extra_delay(Duration::ZERO);
        }
        let handle = removed.view.handle;
        self.roster.remove_track(peer, handle);
        self.tell(UiEvent::TrackRemoved { id: peer.to_owned(), handle }).await;
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as u64)
}
