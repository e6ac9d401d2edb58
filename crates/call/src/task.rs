//! The task that owns a call.

use crate::CallConfig;
use crate::call::{Command, TrackFrame};
use crate::feature::chat::history::ChatLog;
use crate::feature::muted_speech::MutedSpeech;
use crate::own::devices::Devices;
use crate::own::preview::PreviewSwitch;
use crate::own::send::DeviceEvent;
use crate::own::share::sharing::Sharing;
use crate::own::speaker::Speaker;
use crate::remote::active_speaker::ActiveSpeaker;
use crate::remote::track::Incoming;
use crate::report::reports::{LEVELS, STATS};
use crate::room::announced::Members;
use crate::room::participants::Roster;
use crate::room::session::{self, Resume, Session};
use confab_ipc::{CallState, DeviceState, ErrorCode, PeerState, UiEvent, UserError, frame::SELF_TRACK};
use confab_media::{AudioOutput, Voice};
use confab_rtcio::{Event, Events, Socket};
use confab_wire::{
    call as names,
    signaling::{self, Member, PeerRef, Welcome},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Goodbyes take at most this long.
const GOODBYE: Duration = Duration::from_secs(3);

/// The task of one call.
pub struct Actor {
    pub(crate) config: CallConfig,
    pub(crate) socket: Socket,
    pub(crate) engine: Events,
    pub(crate) me: String,
    pub(crate) resume: Option<String>,
    pub(crate) state: CallState,
    pub(crate) roster: Roster,
    pub(crate) members: Members,
    pub(crate) chat: ChatLog,
    pub(crate) devices: Devices,
    pub(crate) sharing: Sharing,
    pub(crate) told: mpsc::Receiver<DeviceEvent>,
    pub(crate) output: Option<AudioOutput>,
    pub(crate) speaker: Speaker,
    pub(crate) incoming: Vec<Incoming>,
    pub(crate) speakers: ActiveSpeaker,
    pub(crate) muted_speech: MutedSpeech,
    /// (peer, stream) → event that carried it; it may be known before the stream's first track.
    pub(crate) stream_events: HashMap<(String, String), String>,
    pub(crate) rejoining: JoinSet<Result<Welcome, UserError>>,
    pub(crate) events: mpsc::Sender<UiEvent>,
    pub(crate) window: broadcast::Sender<TrackFrame>,
    pub(crate) preview: PreviewSwitch,
}

impl Actor {
    /// A call inside its room; [`run`](Self::run) makes it live.
    pub async fn new(
        config: CallConfig,
        session: Session,
        (output, speaker): (Option<AudioOutput>, Speaker),
        voice: Voice,
        events: mpsc::Sender<UiEvent>,
        window: broadcast::Sender<TrackFrame>,
        preview: PreviewSwitch,
    ) -> Self {
        let (told_tx, told) = mpsc::channel(4);
        let sources = (config.audio.clone(), config.video.clone(), config.video_config);
        let sharing = Sharing::new(told_tx.clone());
        let devices = Devices::new(sources, voice, preview.clone(), window.clone(), told_tx);
        let (mut roster, mut members) = (Roster::default(), Members::default());
        for member in &session.welcome.members {
            roster.announce(&member.id, &member.name, Instant::now());
            members.insert(member);
        }
        Self {
            config,
            me: session.welcome.id,
            resume: session.welcome.resume,
            socket: session.socket,
            engine: session.events,
            state: CallState::InCall,
            roster,
            members,
            chat: ChatLog::default(),
            devices,
            sharing,
            told,
            output,
            speaker,
            incoming: Vec::new(),
            speakers: ActiveSpeaker::default(),
            muted_speech: MutedSpeech::default(),
            stream_events: HashMap::new(),
            rejoining: JoinSet::new(),
            events,
            window,
            preview,
        }
    }

    /// Runs the call until it is left or its last handle is gone.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        self.begin().await;
        let mut levels = interval(LEVELS);
        let mut stats = interval(STATS);
        levels.set_missed_tick_behavior(MissedTickBehavior::Skip);
        stats.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let left = loop {
            tokio::select! {
                command = commands.recv() => match command {
                    None => break None,
                    Some(Command::Leave(done)) => break Some(done),
                    Some(command) => self.command(command).await,
                },
                event = self.engine.recv() => match event {
                    None => break None,
                    Some(event) => self.engine_event(event).await,
                },
                happened = self.devices.next() => self.devices_do(|devices| devices.take(happened)).await,
                Some(event) = self.told.recv() => self.devices_do(|devices| devices.told(event)).await,
                event = self.sharing.event() => self.share_event(event).await,
                happened = self.speaker.next() => {
                    let before = self.speaker.state();
                    let told = self.speaker.take(happened, self.output.as_ref());
                    if self.speaker.state() != before {
                        self.tell_me().await;
                    }
                    self.notice_of_devices(told).await;
                }
                Some(rejoined) = self.rejoining.join_next() => {
                    if let Ok(rejoined) = rejoined {
                        self.rejoined(rejoined).await;
                    }
                }
                _ = levels.tick() => self.tell_levels().await,
                _ = stats.tick() => self.tell_stats().await,
            }
        };
        self.finish().await;
        if let Some(done) = left {
            let _ = done.send(());
        }
    }

    async fn begin(&mut self) {
        self.tell(UiEvent::CallState { state: self.state }).await;
        for participant in self.roster.views() {
            self.tell(UiEvent::PeerConnecting { participant }).await;
        }
        self.devices.set_mic(self.config.mic_on);
        if self.config.camera_on {
            self.devices.set_camera(true);
        }
        let stream = self.devices.stream().clone();
        let about = json!({ "id": self.me, "name": self.config.name, "stream": stream.placeholder() });
        if let Err(error) = self.socket.emit_stream(names::CAMERA, vec![about], &stream).await {
            tracing::error!(%error, "the own stream is not offered");
        }
        self.tell_me().await;
        let told = self.speaker.told_at_first();
        self.notice_of_devices(told).await;
    }

    async fn finish(mut self) {
        // Devices first: a light that stays on after leaving frightens people.
        self.devices.close().await;
        self.sharing.close().await;
        self.incoming.clear();
        if let Some(output) = self.output.take() {
            output.stop().await;
        }
        let goodbye = async {
            if self.state == CallState::InCall {
                let room = json!({ "roomId": self.config.link.room });
                let _ = self.socket.server().emit(signaling::LEAVE_ROOM, vec![room]).await;
            }
            self.socket.close().await;
        };
        if timeout(GOODBYE, goodbye).await.is_err() {
            tracing::warn!("the goodbye took too long");
        }
        self.tell(UiEvent::CallState { state: CallState::Idle }).await;
    }

    /// Has the devices act, and tells what that changed.
    async fn devices_do<T: IntoIterator<Item = UserError>>(&mut self, act: impl FnOnce(&mut Devices) -> T) {
        let before = (self.devices.states(), self.devices.rehearsal());
        let told = act(&mut self.devices);
        if self.devices.states() != before.0 {
            self.tell_media().await;
        }
        let rehearsal = self.devices.rehearsal();
        if rehearsal != before.1 {
            self.tell(UiEvent::Rehearsal { rehearsal }).await;
        }
        self.notice_of_devices(told).await;
    }

    /// That another device took over, or that the computer is busy, can wait; that there is none cannot.
    async fn notice_of_devices(&self, told: impl IntoIterator<Item = UserError>) {
        for error in told {
            let urgent = !matches!(error.code, ErrorCode::DeviceChanged | ErrorCode::ComputerBusy);
            self.notice(urgent, error).await;
        }
    }

    async fn command(&mut self, command: Command) {
        // A caller that stopped waiting for the answer is no error.
        match command {
            Command::View(answer) => {
                let _ = answer.send(self.view());
            }
            Command::State(answer) => {
                let _ = answer.send(self.state);
            }
            Command::SetMic(on, done) => {
                self.devices.set_mic(on);
                self.tell_media().await;
                let _ = done.send(());
            }
            Command::SetCamera(on, done) => {
                self.devices.set_camera(on);
                self.tell_media().await;
                let _ = done.send(());
            }
            Command::SetDevices(choice, done) => {
                self.speaker.choose(choice.speaker.clone(), self.output.as_ref());
                self.devices_do(|devices| {
                    devices.choose(&choice);
                    None
                })
                .await;
                let _ = done.send(());
            }
            Command::Rehearse(tried, done) => {
                self.devices_do(|devices| {
                    devices.rehearse(tried);
                    None
                })
                .await;
                let _ = done.send(());
            }
            Command::PlayTestSound(answer) => self.play_test_sound(answer),
            Command::StartShare(source, sound, answer) => self.start_share(source, sound, answer).await,
            Command::StopShare(done) => {
                self.stop_share().await;
                let _ = done.send(());
            }
            Command::SendChat(text, done) => {
                self.send_chat(text).await;
                let _ = done.send(());
            }
            Command::SetPeerVolume(id, volume, done) => {
                let _ = done.send(self.set_peer_volume(&id, volume).await);
            }
            Command::SetMutedForMe(id, muted, done) => {
                let _ = done.send(self.set_muted_for_me(&id, muted).await);
            }
            Command::Probes(answer) => {
                let _ = answer.send(self.incoming.iter().filter_map(|one| one.probe(self.sound_of(one))).collect());
            }
            Command::KeyFrame(SELF_TRACK) => self.preview.request_key_frame(),
            Command::KeyFrame(handle) => {
                if let Some(incoming) = self.shown(handle) {
                    incoming.track.request_key_frame();
                }
            }
            Command::Drawn(handle, drawn) => {
                if let Some(incoming) = self.shown(handle) {
                    incoming.track.set_drawn(drawn);
                }
            }
            // Taken by the loop.
            Command::Leave(_) => {}
        }
    }

    /// As one more voice of the mix, which is the far end of the microphone.
    fn play_test_sound(&self, answer: oneshot::Sender<Result<(), UserError>>) {
        // A caller that stopped waiting for the answer is no error.
        match (self.speaker.state(), &self.output) {
            (DeviceState::Failed { error }, _) => drop(answer.send(Err(error))),
            (_, None) => drop(answer.send(Err(ErrorCode::SpeakerMissing.into()))),
            (_, Some(output)) => {
                let sound = confab_media::chime_into(output.add_peer());
                tokio::spawn(async move { answer.send(sound.await) });
            }
        }
    }

    fn shown(&self, handle: u32) -> Option<&Incoming> {
        self.incoming.iter().find(|incoming| incoming.view.handle == handle)
    }

    async fn engine_event(&mut self, event: Event) {
        match event {
            Event::Connected { .. } => self.rejoin().await,
            Event::Disconnected { reason } => {
                tracing::info!(reason, "signaling lost");
                self.rejoining.abort_all();
                self.set_state(CallState::ServerLost).await;
            }
            // The engine goes on trying; the state says it all.
            Event::ConnectError { error } => tracing::debug!(%error, "signaling is still lost"),
            Event::Server { event, args } => self.server_event(&event, args).await,
            Event::PeerConnect { peer } => self.peer_connect(&peer).await,
            Event::PeerDisconnect { peer } => self.peer_disconnect(&peer).await,
            Event::PeerState { peer, state } => {
                if let Some(entry) = self.roster.get_mut(&peer)
                    && entry.connected_at.is_some()
                    && std::mem::replace(&mut entry.view.state, state) != state
                {
                    self.tell(UiEvent::PeerState { id: peer, state }).await;
                }
            }
            Event::Message { peer, event, args } => self.message(&peer, &event, args).await,
            Event::Stream { peer, event, stream, .. } => self.stream_named(&peer, &event, &stream).await,
            Event::TrackAdded { peer, stream, track, .. } => self.track_added(&peer, &stream, track).await,
            Event::TrackRemoved { peer, track, .. } => self.track_removed(&peer, &track).await,
            // Other servers and paths may still do; without any, the peer's state tells.
            Event::IceCandidateError { peer, url, code, text } => {
                tracing::warn!(peer, url, code, text, "an ICE server can't be used");
            }
            // Members are known by the server's events; nothing of ours is sent past the connection.
            Event::RemotePeer { .. } | Event::Direct { .. } => {}
            Event::Misbehaving { peer, what } => {
                self.notice(false, UserError::with_detail(ErrorCode::PeerMisbehaving, format!("{peer}: {what}"))).await;
            }
        }
    }

    // ---- signaling ----

    /// Joins the room again, after an outage of signaling.
    async fn rejoin(&mut self) {
        let connected: Vec<String> = self.socket.peers().await;
        let resume = self.resume.clone().map(|token| Resume { token, connected });
        let (socket, room, name) = (self.socket.clone(), self.config.link.room.clone(), self.config.name.clone());
        self.rejoining.abort_all();
        self.rejoining.spawn(async move { session::join(&socket, &room, &name, resume).await });
    }

    async fn rejoined(&mut self, result: Result<Welcome, UserError>) {
        let welcome = match result {
            Ok(welcome) => welcome,
            Err(error) => return self.notice(true, error).await,
        };
        if welcome.id != self.me {
            // The server does not know us any more: for the others we are someone new, and they are offering anew.
            self.me.clone_from(&welcome.id);
            for peer in self.socket.peers().await {
                if !welcome.members.iter().any(|member| member.id == peer) {
                    self.socket.drop_peer(&peer).await;
                }
            }
        }
        self.resume = welcome.resume;
        let gone: Vec<String> = self
            .roster
            .iter()
            .filter(|entry| entry.view.state == PeerState::Connecting)
            .map(|entry| entry.view.id.clone())
            .filter(|id| !welcome.members.iter().any(|member| member.id == *id))
            .collect();
        for id in gone {
            self.peer_disconnect(&id).await;
        }
        self.members.retain(&welcome.members);
        for member in &welcome.members {
            self.announce(member).await;
        }
        self.set_state(CallState::InCall).await;
        self.tell_me().await;
    }

    async fn server_event(&mut self, event: &str, args: Vec<Value>) {
        let argument = args.into_iter().next().unwrap_or_default();
        match event {
            signaling::USER_CONNECTED => {
                if let Ok(member) = Member::deserialize(&argument)
                    && member.id != self.me
                {
                    self.announce(&member).await;
                }
            }
            signaling::USER_DISCONNECTED => {
                if let Ok(PeerRef { id }) = PeerRef::deserialize(&argument) {
                    self.members.remove(&id);
                    // Who is connected is told by the connection; the server's word counts only for those who are not.
                    if self.roster.get(&id).is_some_and(|entry| entry.view.state == PeerState::Connecting) {
                        self.peer_disconnect(&id).await;
                    }
                }
            }
            _ => tracing::debug!(event, "an application event of the server that is not ours"),
        }
    }

    pub(crate) async fn announce(&mut self, member: &Member) {
        self.members.insert(member);
        let known = self.roster.get(&member.id).map(|entry| entry.view.name.clone());
        if self.roster.announce(&member.id, &member.name, Instant::now()) {
            self.tell_participant(&member.id, |participant| UiEvent::PeerConnecting { participant }).await;
        } else if known != self.roster.get(&member.id).map(|entry| entry.view.name.clone()) {
            let connected = self.roster.get(&member.id).is_some_and(|entry| entry.connected_at.is_some());
            self.tell_participant(&member.id, |participant| {
                if connected { UiEvent::PeerConnect { participant } } else { UiEvent::PeerConnecting { participant } }
            })
            .await;
        }
    }
}
