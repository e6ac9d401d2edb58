//! The call's task: what the window and the others are told.

use crate::remote::track::{Incoming, Reading};
use crate::task::Actor;
use confab_ipc::{CallState, CallView, ErrorCode, Notice, Participant, PeerStats, SelfView, UiEvent, UserError};
use confab_wire::call as names;
use serde_json::json;
use std::time::{Duration, Instant};

/// How often levels are told.
pub const LEVELS: Duration = Duration::from_millis(100);
/// How often statistics are told.
pub const STATS: Duration = Duration::from_secs(1);
/// After this long without a connection a participant counts as unreachable.
const UNREACHABLE: Duration = Duration::from_secs(20);

impl Actor {
    pub(crate) fn view(&self) -> CallView {
        CallView {
            link: self.config.link.to_string(),
            room: self.config.link.room.to_string(),
            me: self.self_view(),
            participants: self.roster.views(),
            chat: self.chat.messages().to_vec(),
            active_speaker: self.active_speaker(),
        }
    }

    pub(crate) fn self_view(&self) -> SelfView {
        let (mic, camera) = self.devices.states();
        SelfView {
            id: Some(self.me.clone()),
            name: self.config.name.clone(),
            mic,
            camera,
            speaker: self.speaker.state(),
            share: self.sharing.view(),
        }
    }

    /// Tells the own window and the others what the devices do.
    pub(crate) async fn tell_media(&mut self) {
        self.tell_me().await;
        let state = json!(self.devices.media_state());
        if let Err(error) = self.socket.emit(names::MEDIA_STATE, vec![state]).await {
            tracing::warn!(%error, "the others do not know our media state");
        }
    }

    pub(crate) async fn tell_me(&self) {
        self.tell(UiEvent::Me { me: self.self_view() }).await;
    }

    pub(crate) async fn tell_participant(&self, id: &str, event: impl FnOnce(Participant) -> UiEvent) {
        if let Some(entry) = self.roster.get(id) {
            self.tell(event(entry.view.clone())).await;
        }
    }

    pub(crate) async fn set_state(&mut self, state: CallState) {
        if std::mem::replace(&mut self.state, state) != state {
            self.tell(UiEvent::CallState { state }).await;
        }
    }

    pub(crate) async fn notice(&self, urgent: bool, error: UserError) {
        self.tell(UiEvent::Notice { notice: Notice { urgent, error } }).await;
    }

    pub(crate) async fn tell(&self, event: UiEvent) {
        // Nobody listens any more: the call is about to end.
        let _ = self.events.send(event).await;
    }

    pub(crate) async fn tell_stats(&mut self) {
        self.sync_lips();
        self.preview.set_wanted(self.window.receiver_count() > 0);
        let reports = self.socket.peer_stats().await;
        let shown: Vec<String> = self.roster.iter().map(|entry| entry.view.id.clone()).collect();
        for member in self.members.unseen(&shown, Instant::now()) {
            self.announce(&member).await;
        }
        let mut peers = Vec::with_capacity(reports.len());
        for entry in self.roster.iter().filter(|entry| entry.connected_at.is_some()) {
            let mut stats = PeerStats { id: entry.view.id.clone(), ..PeerStats::default() };
            for incoming in self.incoming.iter_mut().filter(|incoming| incoming.peer == entry.view.id) {
                add_reading(&mut stats, incoming);
            }
            if let Some(report) = reports.iter().find(|report| report.id == entry.view.id) {
                stats.rtt_ms = report.rtt_ms;
                stats.connection.clone_from(&report.path);
                let expected = report.packets_received + report.packets_lost;
                stats.loss = if expected == 0 { 0.0 } else { report.packets_lost as f32 / expected as f32 };
            }
            peers.push(stats);
        }
        // The next statistics come soon.
        let _ = self.events.try_send(UiEvent::Stats { peers });
        self.warn_unreachable().await;
    }

    pub(crate) async fn warn_unreachable(&mut self) {
        let mut unreachable = Vec::new();
        for entry in self.roster.iter_mut() {
            let stuck = entry.connected_at.is_none() && entry.since.elapsed() > UNREACHABLE;
            if stuck && !std::mem::replace(&mut entry.warned, true) {
                unreachable.push(entry.view.name.clone());
            }
        }
        for name in unreachable {
            let message =
                format!("{name} can't be reached directly. A TURN server would help; ask who runs the server.");
            self.notice(false, UserError::with_message(ErrorCode::PeerUnreachable, message)).await;
        }
    }
}

fn add_reading(stats: &mut PeerStats, incoming: &mut Incoming) {
    let now = incoming.meter.read();
    let last = std::mem::replace(&mut incoming.last, now);
    stats.bitrate += (now.bytes - last.bytes) * 8;
    match &incoming.audio {
        Some(audio) => stats.audio_level = stats.audio_level.max(audio.level()),
        None => {
            let Reading { frames, width, height, .. } = now;
            stats.frames += frames;
            stats.fps = stats.fps.max((frames - last.frames) as f32 / STATS.as_secs_f32());
            (stats.width, stats.height) = (width, height);
        }
    }
}
