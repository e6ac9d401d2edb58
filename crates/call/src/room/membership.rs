//! The room one is in: its participants, as the server and the connections to them say, and how it is joined again
//! after an outage of the server.

use crate::effect::{Effect, Effects};
use crate::room::announced::Announced;
use crate::room::ice_renewal::IceRenewal;
use crate::room::participants::{Announcement, Participants, ROSTER};
use crate::room::session::{self, JOIN_PATIENCE, Joined, LateAnswer, Resume};
use confab_ipc::{CallState, ErrorCode, Participant, PeerState, UiEvent, UserError};
use confab_rtcio::Socket;
use confab_wire::{
    room::{RoomId, RoomLink},
    signaling::{self, Member, PeerRef, Welcome},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

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
    /// Who was here when one joined.
    were_here: HashSet<String>,
    /// At most one attempt to join the room again.
    rejoining: JoinSet<Option<Result<Joined, UserError>>>,
    /// The server answers joins, as far as is known: one that does not is not waited for again.
    answers: bool,
    ice_renewal: IceRenewal,
}

impl Room {
    /// The room that the server let one into.
    pub fn new(socket: Socket, link: &RoomLink, name: &str, joined: Joined) -> Self {
        let (welcome, late) = match joined {
            Joined::Answered(welcome) => (welcome, None),
            Joined::Unanswered { id, late } => {
                (Welcome { id, members: Vec::new(), ice_servers: Vec::new(), resume: None }, Some(late))
            }
        };
        let (mut participants, mut announced) = (Participants::new(name), Announced::default());
        for member in welcome.members.iter().take(ROSTER) {
            participants.announce(&member.id, &member.name, Instant::now());
            announced.insert(member);
        }
        let ice_renewal = IceRenewal::start(socket.clone(), welcome.ice_servers);
        let mut room = Self {
            were_here: participants.ids().into_iter().collect(),
            socket,
            room: link.room.clone(),
            name: name.to_owned(),
            me: welcome.id,
            resume: welcome.resume,
            state: CallState::InCall,
            participants,
            announced,
            rejoining: JoinSet::new(),
            answers: true,
            ice_renewal,
        };
        if let Some(late) = late {
            room.is_unanswered(late);
        }
        room
    }

    /// The server did not answer a join; what it says later is heard.
    fn is_unanswered(&mut self, late: LateAnswer) {
        self.answers = false;
        self.rejoining.spawn(late);
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

    /// True if `id` was here when one joined.
    pub fn was_here(&self, id: &str) -> bool {
        self.were_here.contains(id)
    }

    /// The participants, as far as the room knows.
    pub fn participants(&self) -> &Participants {
        &self.participants
    }

    /// The outcome of joining again; pending while that is not tried. Safe to drop before it is done.
    pub async fn rejoined(&mut self) -> Result<Joined, UserError> {
        loop {
            match self.rejoining.join_next().await {
                Some(Ok(Some(rejoined))) => return rejoined,
                // A server that answers no joins; or given up, since the server was lost once more.
                Some(Ok(None) | Err(_)) => {}
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
        let patience = if self.answers { JOIN_PATIENCE } else { Duration::ZERO };
        self.rejoining.spawn(async move { Some(session::join(&socket, &room, &name, resume, patience).await) });
    }

    /// The connection to the server is lost; the peers go on.
    pub fn server_lost(&mut self, effects: &mut Effects) {
        self.rejoining.abort_all();
        self.set_state(CallState::ServerLost, effects);
    }

    /// The server answered to joining again.
    pub async fn handle_rejoined(&mut self, result: Result<Joined, UserError>, effects: &mut Effects) {
        let welcome = match result {
            Ok(Joined::Answered(welcome)) => welcome,
            Ok(Joined::Unanswered { id, late }) => {
                // Who is inside is heard one by one; connections that stand are believed meanwhile.
                self.me = id;
                self.is_unanswered(late);
                self.set_state(CallState::InCall, effects);
                return effects.push(Effect::Me);
            }
            Err(error) => return effects.notice(true, error),
        };
        self.ice_renewal = IceRenewal::start(self.socket.clone(), welcome.ice_servers.clone());
        self.answers = true;
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
        self.announced.connected(id);
        // One that comes back was removed when its connection was lost.
        self.make_room(id, effects);
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
    pub fn peer_sends(&mut self, id: &str, effects: &mut Effects) {
        self.make_room(id, effects);
        self.participants.announce(id, "", Instant::now());
    }

    /// Shows those again who were announced and are not shown, and says who can't be reached; once a second. A seat that a page
    /// left behind when it came again is left out, until there is a connection to it.
    pub fn tick(&mut self, effects: &mut Effects) {
        for member in self.announced.not_shown(&self.participants.ids(), Instant::now()) {
            self.announce(&member, effects);
        }
        for unreachable in self.participants.take_unreachable() {
            if unreachable.stale {
                self.announced.leave_out(&unreachable.id);
                self.remove(&unreachable.id, effects);
            } else {
                effects.event(UiEvent::PeerState { id: unreachable.id, state: PeerState::Unreachable });
                effects.notice(false, UserError::new(ErrorCode::PeerUnreachable).param("name", unreachable.name));
            }
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
        if !self.make_room(&member.id, effects) || !self.announced.insert(member) {
            tracing::warn!("the server names more participants than there can be");
            return;
        }
        if self.announced.is_left_out(&member.id) {
            return;
        }
        match self.participants.announce(&member.id, &member.name, Instant::now()) {
            Announcement::New => effects.push(connecting(&member.id)),
            Announcement::Renamed if self.participants.connected_for(&member.id).is_some() => {
                effects.push(connected(&member.id));
            }
            Announcement::Renamed => effects.push(connecting(&member.id)),
            Announcement::Known => {}
        }
    }

    /// Makes a place for `id`, unless it has one: somebody who never connected gives way. False if nobody does.
    fn make_room(&mut self, id: &str, effects: &mut Effects) -> bool {
        if self.participants.view(id).is_some() {
            return true;
        }
        if let Some(ghost) = self.participants.gives_way() {
            self.announced.remove(&ghost);
            self.remove(&ghost, effects);
        }
        !self.participants.is_full()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, name: &str) -> Member {
        Member { id: id.into(), name: name.into(), metadata: None }
    }

    fn room(members: Vec<Member>) -> Room {
        let link: RoomLink = "http://127.0.0.1:9/r/test".parse().unwrap();
        let (socket, _) = Socket::builder(link.server.clone()).force_new(true).auto_connect(false).build();
        let welcome = Welcome { id: "me".into(), members, ice_servers: Vec::new(), resume: None };
        Room::new(socket, &link, "Me", Joined::Answered(welcome))
    }

    fn comes(room: &mut Room, id: &str, name: &str) {
        let argument = json!({ "id": id, "name": name });
        room.server_event(signaling::USER_CONNECTED, vec![argument], &mut Effects::default());
    }

    fn events(effects: Effects) -> Vec<UiEvent> {
        let events = effects.into_iter().filter_map(|effect| match effect {
            Effect::Event(event) => Some(*event),
            _ => None,
        });
        events.collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_names_leaves_a_bounded_roster_with_places_for_friends() {
        let mut room = room(vec![member("ann", "Ann")]);
        room.peer_connected("ann", &mut Effects::default());
        for number in 0..1_000 {
            comes(&mut room, &format!("ghost {number}"), "Ghost");
            tokio::time::advance(Duration::from_millis(27)).await;
        }
        assert_eq!(room.participants().ids().len(), ROSTER);
        comes(&mut room, "ben", "Ben");
        let mut effects = Effects::default();
        room.peer_connected("ben", &mut effects);
        assert_eq!(room.participants().connected(), ["ann", "ben"]);
        tokio::time::advance(Duration::from_secs(10)).await;
        room.tick(&mut effects);
        assert_eq!(room.participants().ids().len(), ROSTER, "those that gave way do not come back");
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_connects_is_said_and_a_seat_left_behind_goes() {
        let mut room = room(vec![member("ann", "Ann"), member("old", "Page"), member("new", "Page")]);
        room.peer_connected("new", &mut Effects::default());
        for _ in 0..40 {
            tokio::time::advance(Duration::from_secs(1)).await;
            let mut effects = Effects::default();
            room.tick(&mut effects);
            let events = events(effects);
            if !events.is_empty() {
                let said = UserError::new(ErrorCode::PeerUnreachable).param("name", "Ann");
                assert!(events.contains(&UiEvent::PeerState { id: "ann".into(), state: PeerState::Unreachable }));
                assert!(events.contains(&UiEvent::PeerDisconnect { id: "old".into() }));
                let notices = events.iter().filter_map(|event| match event {
                    UiEvent::Notice { notice } => Some(notice.error.clone()),
                    _ => None,
                });
                assert_eq!(notices.collect::<Vec<_>>(), [said]);
            }
        }
        assert_eq!(room.participants().ids(), ["ann", "new"], "and it does not come back");
        comes(&mut room, "old", "Page");
        assert_eq!(room.participants().ids(), ["ann", "new"]);
        // It was a person with the same name after all.
        room.peer_connected("old", &mut Effects::default());
        assert_eq!(room.participants().connected(), ["new", "old"]);
        let mut effects = Effects::default();
        room.server_event(signaling::USER_DISCONNECTED, vec![json!({ "id": "ann" })], &mut effects);
        assert_eq!(events(effects), [UiEvent::PeerDisconnect { id: "ann".into() }]);
    }
}
