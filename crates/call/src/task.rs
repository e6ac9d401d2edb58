//! The task of a call: it selects what happens next, hands it to the component that it concerns, and carries out what that asks
//! for. Nothing in its loop waits for a peer, the server, a device or the reader of the events.

use crate::command::CallCommand;
use crate::config::CallConfig;
use crate::effect::{Effect, Effects};
use crate::errors::user_error;
use crate::feature::hooks::{FromPeer, MicrophoneActivity, Own};
use crate::feature::registry::Features;
use crate::own::devices::OwnDevices;
use crate::own::preview::PreviewSwitch;
use crate::own::share::sharing::Sharing;
use crate::own::speaker::Speaker;
use crate::remote::tracks::RemoteTracks;
use crate::report::event_queue::EventQueue;
use crate::report::levels::{LEVELS_INTERVAL, OWN_LEVEL, SILENCE};
use crate::report::statistics::{STATISTICS_INTERVAL, Statistics};
use crate::room::membership::Room;
use crate::room::messenger::Messenger;
use crate::room::session::Joined;
use confab_ipc::{
    CallState, CallView, DeviceState, ErrorCode, Notice, Participant, PeerState, PeerStats, SelfView, UiEvent,
    UserError, frame::SELF_TRACK,
};
use confab_media::RecordingFailures;
use confab_rtcio::{ConnectionState, Event, Events, RtcioStream, Socket};
use confab_wire::{call::CAMERA, media::MediaKind, room::RoomLink};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Messages to peers that wait when one leaves take at most this long.
const LAST_MESSAGES: Duration = Duration::from_secs(1);
/// Goodbyes take at most this long.
const GOODBYE: Duration = Duration::from_secs(2);

/// The disk may take this long for the last of the recordings.
const LAST_RECORDED: Duration = Duration::from_secs(5);

/// What a call is made of.
pub struct CallParts {
    /// The connection to the room, inside.
    pub socket: Socket,
    /// What happens there.
    pub engine: Events,
    /// What the server said.
    pub joined: Joined,
    /// Own microphone and camera.
    pub devices: OwnDevices,
    /// Own speaker.
    pub speaker: Speaker,
    /// What comes from the others.
    pub remote: RemoteTracks,
    /// Statistics of the connections.
    pub statistics: Statistics,
    /// Where events go.
    pub events: EventQueue,
    /// What the window wants of the own picture.
    pub preview: PreviewSwitch,
}

/// See the module.
pub struct CallTask {
    link: RoomLink,
    /// Microphone and camera are on from the start.
    begins_with: (bool, bool),
    socket: Socket,
    engine: Events,
    room: Room,
    messenger: Messenger,
    devices: OwnDevices,
    speaker: Speaker,
    sharing: Sharing,
    remote: RemoteTracks,
    features: Features,
    statistics: Statistics,
    events: EventQueue,
    preview: PreviewSwitch,
}

/// Waits until the recordings are whole. Returns why some are not.
async fn unwritten(recordings: Option<RecordingFailures>) -> Vec<UserError> {
    let Some(mut recordings) = recordings else { return Vec::new() };
    let mut errors = Vec::new();
    let last = async {
        while let Some(error) = recordings.next().await {
            errors.push(user_error(error));
        }
    };
    if timeout(LAST_RECORDED, last).await.is_err() {
        errors.push(UserError::with_detail(ErrorCode::RecordFailed, "the disk took too long for the end"));
    }
    errors
}

/// What ended the loop.
enum End {
    /// One left; the answer is awaited.
    Left(oneshot::Sender<()>),
    /// The last handle is gone, or the connection to the room.
    Dropped,
}

impl CallTask {
    /// A call inside its room; [`run`](Self::run) makes it live.
    pub fn new(config: &CallConfig, parts: CallParts) -> Self {
        let CallParts { socket, engine, joined, devices, speaker, remote, statistics, events, preview } = parts;
        Self {
            link: config.link.clone(),
            begins_with: (config.mic_on, config.camera_on),
            room: Room::new(socket.clone(), &config.link, &config.name, joined),
            messenger: Messenger::new(socket.clone()),
            socket,
            engine,
            sharing: Sharing::new(devices.overloaded()),
            devices,
            speaker,
            remote,
            features: Features::default(),
            statistics,
            events,
            preview,
        }
    }

    /// Runs the call until it is left or its last handle is gone.
    pub async fn run(mut self, mut commands: mpsc::Receiver<CallCommand>) {
        self.begin().await;
        let mut levels = interval(LEVELS_INTERVAL);
        let mut statistics = interval(STATISTICS_INTERVAL);
        levels.set_missed_tick_behavior(MissedTickBehavior::Skip);
        statistics.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let end = loop {
            let mut effects = Effects::default();
            tokio::select! {
                command = commands.recv() => match command {
                    None => break End::Dropped,
                    Some(CallCommand::Leave(done)) => break End::Left(done),
                    Some(command) => self.command(command).await,
                },
                event = self.engine.recv() => match event {
                    None => break End::Dropped,
                    Some(event) => self.engine_event(event, &mut effects).await,
                },
                event = self.devices.next() => {
                    let notice = self.devices.handle(event, &mut effects);
                    effects.device_notices(notice);
                }
                event = self.speaker.next() => self.speaker.handle(event, &mut effects),
                error = self.remote.recording_failed() => effects.notice(true, error),
                event = self.sharing.next() => self.sharing.handle(event, &mut effects),
                rejoined = self.room.rejoined() => self.room.handle_rejoined(rejoined, &mut effects).await,
                reports = self.statistics.collected() => self.statistics.keep(reports),
                _ = levels.tick() => self.levels(&mut effects),
                _ = statistics.tick() => self.statistics(&mut effects),
                () = self.events.deliver() => {}
            }
            self.apply(effects).await;
        };
        // Who asks for something from now on learns at once that there is no call.
        drop(commands);
        self.finish(end).await;
    }

    async fn begin(&mut self) {
        let mut effects = Effects::default();
        self.room.begin(&mut effects);
        let (microphone, camera) = self.begins_with;
        self.devices.set_microphone(microphone, &mut effects);
        if camera {
            self.devices.set_camera(true, &mut effects);
        }
        effects.push(Effect::Publish(CAMERA, self.devices.stream().clone()));
        effects.push(Effect::Me);
        let notices = self.speaker.first_notices();
        effects.device_notices(notices);
        self.apply(effects).await;
    }

    /// Releases the devices, then answers; goodbyes go to the others beside that, and the last event follows.
    async fn finish(mut self, end: End) {
        let recordings = self.remote.clear();
        let Self { room, messenger, mut devices, mut sharing, mut speaker, mut events, .. } = self;
        // Devices first: a light that stays on after leaving frightens people.
        let released = async {
            tokio::join!(devices.close(), sharing.close(), speaker.close());
            if let End::Left(done) = end {
                let _ = done.send(());
            }
        };
        let goodbyes = async {
            // What was sent before goes first.
            if timeout(LAST_MESSAGES, messenger.finish()).await.is_err() {
                tracing::warn!("the last messages to peers took too long");
            }
            room.leave(GOODBYE).await;
        };
        let (unwritten, ..) = tokio::join!(unwritten(recordings), released, goodbyes);
        let notices = unwritten.into_iter().map(|error| Notice { urgent: true, error });
        notices.for_each(|notice| events.push(UiEvent::Notice { notice }));
        events.push(UiEvent::CallState { state: CallState::Idle });
        events.finish().await;
    }

    async fn command(&mut self, command: CallCommand) {
        let mut effects = Effects::default();
        // A caller that stopped waiting for the answer is no error.
        match command {
            CallCommand::View(answer) => {
                let _ = answer.send(self.view());
            }
            CallCommand::State(answer) => {
                let _ = answer.send(self.room.state());
            }
            CallCommand::SetMic(on, done) => {
                self.devices.set_microphone(on, &mut effects);
                self.apply(effects).await;
                let _ = done.send(());
            }
            CallCommand::SetCamera(on, done) => {
                self.devices.set_camera(on, &mut effects);
                self.apply(effects).await;
                let _ = done.send(());
            }
            CallCommand::SetDevices(selection, done) => {
                self.speaker.select(selection.speaker.clone(), &mut effects);
                self.devices.select(&selection, &mut effects);
                self.apply(effects).await;
                let _ = done.send(());
            }
            CallCommand::Rehearse(tried, done) => {
                self.devices.rehearse(tried, &mut effects);
                self.apply(effects).await;
                let _ = done.send(());
            }
            CallCommand::PlayTestSound(answer) => self.speaker.play_test_sound(answer),
            CallCommand::StartShare(source, sound, answer) => {
                self.sharing.start(source, sound, answer, &mut effects);
                self.apply(effects).await;
            }
            CallCommand::StopShare(done) => {
                self.sharing.stop(&mut effects);
                self.apply(effects).await;
                let _ = done.send(());
            }
            CallCommand::SetPeerVolume(id, volume, done) => {
                let changed = self.change_volume(&id, |remote| remote.set_volume(&id, volume));
                let _ = done.send(changed);
            }
            CallCommand::SetMutedForMe(id, muted, done) => {
                let changed = self.change_volume(&id, |remote| {
                    remote.set_muted(&id, muted);
                    Ok(())
                });
                let _ = done.send(changed);
            }
            CallCommand::PictureStats(answer) => {
                let _ = answer.send(self.remote.take_picture_stats());
            }
            CallCommand::KeyFrame(SELF_TRACK) => self.preview.request_key_frame(),
            CallCommand::KeyFrame(handle) => self.remote.request_key_frame(handle),
            CallCommand::RenderedSize(handle, size) => self.remote.set_rendered_size(handle, size),
            CallCommand::Feature(command) => {
                let own = own(&self.room, &self.devices);
                self.features.command(command, own, &mut effects);
                self.apply(effects).await;
            }
            // Taken by the loop.
            CallCommand::Leave(_) => {}
        }
    }

    fn change_volume(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut RemoteTracks) -> Result<(), UserError>,
    ) -> Result<(), UserError> {
        if self.room.participants().name(id).is_none() {
            return Err(ErrorCode::ParticipantGone.into());
        }
        change(&mut self.remote)?;
        if let Some(participant) = self.participant(id) {
            self.events.push(UiEvent::ParticipantChanged { participant });
        }
        Ok(())
    }

    async fn engine_event(&mut self, event: Event, effects: &mut Effects) {
        match event {
            Event::Connected { .. } => self.room.server_found().await,
            Event::Disconnected { reason } => {
                tracing::info!(reason, "signaling lost");
                self.room.server_lost(effects);
            }
            // The engine goes on trying; the state says it all.
            Event::ConnectError { error } => tracing::debug!(%error, "signaling is still lost"),
            Event::Server { event, args } => self.room.server_event(&event, args, effects),
            Event::PeerConnect { peer } => self.room.peer_connected(&peer, effects),
            Event::PeerDisconnect { peer } => self.room.peer_disconnected(&peer, effects),
            Event::PeerState { peer, state } => self.room.peer_state(&peer, peer_state(state), effects),
            Event::Message { peer, event, args } => self.message(&peer, &event, args, effects),
            Event::Stream { peer, event, stream, .. } => self.remote.stream_named(&peer, &event, &stream, effects),
            Event::TrackAdded { peer, stream, track, .. } => {
                let mix = if track.kind() == MediaKind::Audio { self.speaker.add_peer() } else { None };
                if self.remote.added(&peer, &stream, track, mix, effects) {
                    self.room.peer_sends(&peer, effects);
                }
            }
            Event::TrackRemoved { peer, track, .. } => self.remote.removed(&peer, &track, effects),
            // Other servers and paths may still do; without any, the peer's state says so.
            Event::IceCandidateError { peer, url, code, text } => {
                tracing::warn!(peer, url, code, text, "an ICE server can't be used");
            }
            // Participants are known by the server's events; nothing of ours is sent past the connection.
            Event::RemotePeer { .. } | Event::Direct { .. } => {}
            Event::Misbehaving { peer, what } => {
                let error = UserError::with_detail(ErrorCode::PeerMisbehaving, format!("{peer}: {what}"));
                effects.notice(false, error);
            }
        }
    }

    fn message(&mut self, peer: &str, event: &str, args: Vec<Value>, effects: &mut Effects) {
        let participants = self.room.participants();
        let Some(name) = participants.name(peer) else { return };
        let connected_for = participants.connected_for(peer);
        let from = FromPeer { id: peer, name, connected_for, was_here: self.room.was_here(peer) };
        let argument = args.into_iter().next().unwrap_or_default();
        let own = own(&self.room, &self.devices);
        if !self.features.message(from, event, &argument, own, effects) {
            tracing::debug!(peer, event, "an application event that is not ours");
        }
    }

    /// Carries out what components ask for. What that leads to in others goes before what is left.
    async fn apply(&mut self, effects: Effects) {
        let mut queue = VecDeque::from_iter(effects);
        while let Some(effect) = queue.pop_front() {
            let mut more = Effects::default();
            match effect {
                Effect::Event(event) => self.events.push(*event),
                Effect::Me => {
                    self.events.push(UiEvent::Me { me: self.self_view() });
                    self.features.own_media(own(&self.room, &self.devices), &mut more);
                }
                Effect::Participant(id, event) => {
                    if let Some(participant) = self.participant(&id) {
                        self.events.push(event(participant));
                    }
                }
                Effect::Message(message) => self.messenger.send(message),
                Effect::Publish(event, stream) => self.publish(event, &stream).await,
                Effect::Unpublish(stream) => self.socket.untrack_stream(&stream).await,
                Effect::PeerCame(id) => self.features.peer_came(&id, own(&self.room, &self.devices), &mut more),
                Effect::PeerWent(id) => {
                    self.remote.peer_went(&id, &mut more);
                    self.features.peer_went(&id, &mut more);
                }
            }
            for effect in more.into_iter().rev() {
                queue.push_front(effect);
            }
        }
    }

    /// The library keeps the stream for the peers of now and later; nothing of it waits for any of them.
    async fn publish(&mut self, event: &str, stream: &RtcioStream) {
        let about = json!({ "id": self.room.me(), "name": self.room.own_name(), "stream": stream.placeholder() });
        if let Err(error) = self.socket.emit_stream(event, vec![about], stream).await {
            tracing::error!(event, %error, "a stream is not offered");
        }
    }

    /// How loud everyone is, and what follows from it.
    fn levels(&mut self, effects: &mut Effects) {
        let own = Some((OWN_LEVEL.to_owned(), self.devices.microphone_level())).filter(|(_, level)| *level > SILENCE);
        let mut levels = self.remote.levels();
        levels.extend(own.clone());
        effects.event(UiEvent::Levels { levels });
        let heard = own.filter(|_| self.devices.media_state().mic);
        self.remote.follow_speaker(heard, LEVELS_INTERVAL, effects);
        let muted = self.devices.states().0 == DeviceState::Off;
        let activity = MicrophoneActivity { muted, voice: self.devices.voice_active(), passed: LEVELS_INTERVAL };
        self.features.microphone(activity, effects);
    }

    /// Numbers about everyone, and what is looked at once a second.
    fn statistics(&mut self, effects: &mut Effects) {
        self.remote.synchronize();
        self.preview.set_wanted(self.remote.has_window());
        self.statistics.collect();
        self.room.tick(effects);
        let mut peers = Vec::new();
        for id in self.room.participants().connected() {
            let mut stats = PeerStats { id, ..PeerStats::default() };
            self.remote.add_readings(&mut stats, STATISTICS_INTERVAL);
            self.statistics.describe(&mut stats);
            peers.push(stats);
        }
        effects.event(UiEvent::Stats { peers });
    }

    fn view(&self) -> CallView {
        let mut participants = self.room.participants().views();
        participants.iter_mut().for_each(|participant| self.describe(participant));
        let mut view = CallView {
            link: self.link.to_string(),
            room: self.link.room.to_string(),
            me: self.self_view(),
            participants,
            chat: Vec::new(),
            active_speaker: self.remote.active_speaker(),
        };
        self.features.snapshot(&mut view);
        view
    }

    fn self_view(&self) -> SelfView {
        let (mic, camera) = self.devices.states();
        SelfView {
            id: Some(self.room.me().to_owned()),
            name: self.room.own_name().to_owned(),
            mic,
            camera,
            speaker: self.speaker.state(),
            share: self.sharing.view(),
        }
    }

    fn participant(&self, id: &str) -> Option<Participant> {
        let mut participant = self.room.participants().view(id)?;
        self.describe(&mut participant);
        Some(participant)
    }

    /// Adds to what the room knows of a participant what the other components do.
    fn describe(&self, participant: &mut Participant) {
        self.remote.describe(participant);
        self.features.describe(participant);
    }
}

fn own<'a>(room: &'a Room, devices: &OwnDevices) -> Own<'a> {
    Own { id: room.me(), name: room.own_name(), media: devices.media_state() }
}

/// The health of a connection, as the window shows it.
fn peer_state(state: ConnectionState) -> PeerState {
    match state {
        ConnectionState::Connecting => PeerState::Connecting,
        ConnectionState::Connected => PeerState::Connected,
        ConnectionState::Reconnecting => PeerState::Reconnecting,
    }
}
