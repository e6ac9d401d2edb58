//! The room one is in: its participants, as the server and the connections to them say, and how it is joined again
//! after an outage of the server.

use crate::effect::{Effect, Effects};
use crate::room::announced::Announced;
use crate::room::participants::{Announcement, Participants};
use crate::room::session::{self, Resume};
use confab_ipc::{CallState, ErrorCode, Participant, PeerState, UiEvent, UserError};
use confab_rtcio::Socket;
use confab_wire::{
    room::{RoomId, RoomLink},
    signaling::{self, Member, PeerRef, Welcome},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// See the module.
#[derive(Debug)]
pub struct Room {
    socket: Socket,
    room: RoomId,
    name: String,
    /// Own id.
    me: String,
    resume: Option<String>,
    state: CallState,
    participants: Participants,
    announced: Announced,
    /// At most one attempt to join the room again.
    rejoining: JoinSet<Result<Welcome, UserError>>,
}

impl Room {
    /// The room that the server let one into.
    pub fn new(socket: Socket, link: &RoomLink, name: &str, welcome: Welcome) -> Self {
        let (mut participants, mut announced) = (Participants::default(), Announced::default());
        for member in &welcome.members {
            participants.announce(&member.id, &member.name, Instant::now());
            announced.insert(member);
        }
        Self {
            socket,
            room: link.room.clone(),
            name: name.to_owned(),
            me: welcome.id,
            resume: welcome.resume,
            state: CallState::InCall,
            participants,
            announced,
            rejoining: JoinSet::new(),
        }
    }

    /// Reports who is here.
    pub fn begin(&self, effects: &mut Effects) {
        effects.event(UiEvent::CallState { state: self.state });
        for id in self.participants.ids() {
            effects.push(connecting(&id));
        }
    }

    /// Own id.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// Own name.
    pub fn own_name(&self) -> &str {
        &self.name
    }

    /// Where the call stands.
    pub fn state(&self) -> CallState {
        self.state
    }

    /// The participants, as far as the room knows.
    pub fn participants(&self) -> &Participants {
        &self.participants
    }

    /// The outcome of joining again; pending while that is not tried. Safe to drop before it is done.
    pub async fn rejoined(&mut self) -> Result<Welcome, UserError> {
        loop {
            match self.rejoining.join_next().await {
                Some(Ok(rejoined)) => return rejoined,
                // Given up, since the server was lost once more.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// The connection to the server stands again: joins the room again.
    pub async fn server_found(&mut self) {
        let connected = self.socket.peers().await;
        let resume = self.resume.clone().map(|token| Resume { token, connected });
        let (socket, room, name) = (self.socket.clone(), self.room.clone(), self.name.clone());
        self.rejoining.abort_all();
        self.rejoining.spawn(async move { session::join(&socket, &room, &name, resume).await });
    }

    /// The connection to the server is lost; the peers go on.
    pub fn server_lost(&mut self, effects: &mut Effects) {
        self.rejoining.abort_all();
        self.set_state(CallState::ServerLost, effects);
    }

    /// The server answered to joining again.
    pub async fn handle_rejoined(&mut self, result: Result<Welcome, UserError>, effects: &mut Effects) {
        let welcome = match result {
            Ok(welcome) => welcome,
            Err(error) => return effects.notice(true, error),
        };
        let is_member = |id: &str| welcome.members.iter().any(|member| member.id == id);
        if welcome.id != self.me {
            // The server does not know us any more: for the others we are someone new, and they are offering anew.
            self.me.clone_from(&welcome.id);
            for peer in self.socket.peers().await {
                if !is_member(&peer) {
                    self.socket.drop_peer(&peer).await;
                }
            }
        }
        for id in self.participants.connecting().iter().filter(|id| !is_member(id)) {
            self.remove(id, effects);
        }
        self.resume = welcome.resume;
        self.announced.retain(&welcome.members);
        for member in &welcome.members {
            self.announce(member, effects);
        }
        self.set_state(CallState::InCall, effects);
        effects.push(Effect::Me);
    }

    /// An application event of the server.
    pub fn server_event(&mut self, event: &str, args: Vec<Value>, effects: &mut Effects) {
        let argument = args.into_iter().next().unwrap_or_default();
        match event {
            signaling::USER_CONNECTED => {
                if let Ok(member) = Member::deserialize(&argument)
                    && member.id != self.me
                {
                    self.announce(&member, effects);
                }
            }
            signaling::USER_DISCONNECTED => {
                if let Ok(PeerRef { id }) = PeerRef::deserialize(&argument) {
                    self.announced.remove(&id);
                    // A connection that stood is believed more.
                    if self.participants.connecting().contains(&id) {
                        self.remove(&id, effects);
                    }
                }
            }
            _ => tracing::debug!(event, "an application event of the server that is not ours"),
        }
    }

    /// A connection to a peer stands.
    pub fn peer_connected(&mut self, id: &str, effects: &mut Effects) {
        // One that comes back was removed when its connection was lost.
        self.participants.announce(id, &self.announced.name(id), Instant::now());
        self.participants.connect(id, Instant::now());
        effects.push(connected(id));
        effects.push(Effect::PeerCame(id.to_owned()));
    }

    /// The connection to a peer is lost for good.
    pub fn peer_disconnected(&mut self, id: &str, effects: &mut Effects) {
        self.remove(id, effects);
    }

    /// The connection to a peer became healthy or unhealthy.
    pub fn peer_state(&mut self, id: &str, state: PeerState, effects: &mut Effects) {
        if self.participants.set_state(id, state) {
            effects.event(UiEvent::PeerState { id: id.to_owned(), state });
        }
    }

    /// Something came from a peer: it is here, whatever the server says.
    pub fn peer_sends(&mut self, id: &str) {
        self.participants.announce(id, "", Instant::now());
    }

    /// Shows those again who were announced and are not shown, and reports those who can't be reached; once a second.
    pub fn tick(&mut self, effects: &mut Effects) {
        for member in self.announced.not_shown(&self.participants.ids(), Instant::now()) {
            self.announce(&member, effects);
        }
        for name in self.participants.take_unreachable() {
            effects.notice(false, UserError::new(ErrorCode::PeerUnreachable).param("name", name));
        }
    }

    /// Leaves, so that the others notice at once; it takes at most `limit`.
    pub async fn leave(mut self, limit: Duration) {
        self.rejoining.abort_all();
        let goodbye = async {
            if self.state == CallState::InCall {
                let _ = self.socket.server().emit(signaling::LEAVE_ROOM, vec![json!({ "roomId": self.room })]).await;
            }
            self.socket.close().await;
        };
        if tokio::time::timeout(limit, goodbye).await.is_err() {
            tracing::warn!("the goodbye took too long");
        }
    }

    fn announce(&mut self, member: &Member, effects: &mut Effects) {
        self.announced.insert(member);
        match self.participants.announce(&member.id, &member.name, Instant::now()) {
            Announcement::New => effects.push(connecting(&member.id)),
            Announcement::Renamed if self.participants.connected_for(&member.id).is_some() => {
                effects.push(connected(&member.id));
            }
            Announcement::Renamed => effects.push(connecting(&member.id)),
            Announcement::Known => {}
        }
    }

    fn remove(&mut self, id: &str, effects: &mut Effects) {
        // Also of someone who is not shown something may have come.
        effects.push(Effect::PeerWent(id.to_owned()));
        if self.participants.remove(id) {
            effects.event(UiEvent::PeerDisconnect { id: id.to_owned() });
        }
    }

    fn set_state(&mut self, state: CallState, effects: &mut Effects) {
        if std::mem::replace(&mut self.state, state) != state {
            effects.event(UiEvent::CallState { state });
        }
    }
}

fn connecting(id: &str) -> Effect {
    Effect::Participant(id.to_owned(), |participant: Participant| UiEvent::PeerConnecting { participant })
}

fn connected(id: &str) -> Effect {
    Effect::Participant(id.to_owned(), |participant: Participant| UiEvent::PeerConnect { participant })
}
