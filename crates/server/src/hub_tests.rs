//! The hub with sockets that write down what they get.

use super::*;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone)]
struct Recorder {
    id: &'static str,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Recorder {
    fn new(id: &'static str) -> Self {
        Self { id, heard: Arc::default() }
    }

    fn heard(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *lock(&self.heard))
    }
}

impl Outlet for Recorder {
    fn socket_id(&self) -> String {
        self.id.into()
    }

    fn emit<T: Serialize>(&self, event: &str, data: &T) {
        lock(&self.heard).push((event.into(), serde_json::to_value(data).unwrap()));
    }
}

fn forget(socket: &Recorder) {
    lock(&socket.heard).clear();
}

fn hub() -> Hub<Recorder> {
    Hub::new(Tokens::new(None), 3, None)
}

fn join(hub: &Hub<Recorder>, socket: &Recorder, join: Join) -> Welcome {
    let mut welcomed = None;
    hub.join(socket, join, Vec::new(), |welcome| welcomed = Some(welcome)).unwrap();
    welcomed.unwrap()
}

fn wish(room: &str, name: &str) -> Join {
    Join { room: room.into(), name: name.into(), ..Join::default() }
}

fn heard(event: &str, data: Value) -> (String, Value) {
    (event.into(), data)
}

#[test]
fn a_newcomer_learns_the_members_and_they_learn_it_and_offer() {
    let (hub, ann, ben) = (hub(), Recorder::new("ann"), Recorder::new("ben"));
    assert_eq!(join(&hub, &ann, wish("room", "Ann")).members, []);
    assert_eq!(ann.heard(), []);
    let welcome = join(&hub, &ben, wish("room", "Ben"));
    assert_eq!((welcome.id.as_str(), welcome.members[0].id.as_str()), ("ben", "ann"));
    assert_eq!(ben.heard(), [heard("user-connected", json!({ "id": "ann", "name": "Ann" }))]);
    assert_eq!(
        ann.heard(),
        [
            heard("user-connected", json!({ "id": "ben", "name": "Ben" })),
            heard("#rtcio:init-offer", json!({ "source": "ben" }))
        ]
    );
}

#[test]
fn joining_twice_tells_no_one() {
    let (hub, ann, ben) = (hub(), Recorder::new("ann"), Recorder::new("ben"));
    join(&hub, &ann, wish("room", ""));
    join(&hub, &ben, wish("room", ""));
    forget(&ann);
    assert_eq!(join(&hub, &ben, wish("room", "")).members.len(), 1);
    assert_eq!(ann.heard(), []);
}

#[test]
fn a_full_room_refuses_without_a_word_to_anyone() {
    let hub = hub();
    let inside = ["a", "b", "c"].map(Recorder::new);
    for socket in &inside {
        join(&hub, socket, wish("room", ""));
    }
    inside.iter().for_each(forget);
    let late = Recorder::new("d");
    let refused = hub.join(&late, wish("room", ""), Vec::new(), |_| panic!("welcomed")).err().unwrap();
    assert_eq!(refused.code, ErrorCode::RoomFull);
    assert!(late.heard().is_empty() && inside.iter().all(|socket| socket.heard().is_empty()));
    hub.leave(&inside[0], "room");
    join(&hub, &late, wish("room", ""));
}

#[test]
fn messages_find_only_those_in_a_shared_room() {
    let (hub, ann, ben, eve) = (hub(), Recorder::new("ann"), Recorder::new("ben"), Recorder::new("eve"));
    join(&hub, &ann, wish("room", ""));
    join(&hub, &ben, wish("room", ""));
    join(&hub, &eve, wish("other", ""));
    let rooms = vec!["other".to_owned(), "room".to_owned()];
    assert_eq!(hub.route(&ann, &rooms, "ben").unwrap().0, "ann");
    assert!(hub.route(&ann, &rooms, "eve").is_none());
    assert!(hub.route(&eve, &rooms, "ben").is_none());
    hub.leave(&ben, "room");
    assert!(hub.route(&ann, &rooms, "ben").is_none());
}

#[test]
fn leaving_is_told_once_to_those_who_stay() {
    let (hub, ann, ben) = (hub(), Recorder::new("ann"), Recorder::new("ben"));
    join(&hub, &ann, wish("room", ""));
    join(&hub, &ben, wish("room", ""));
    forget(&ann);
    hub.leave(&ben, "room");
    hub.leave(&ben, "room");
    let gone = json!({ "id": "ben" });
    assert_eq!(ann.heard(), [heard("#rtcio:peer-left", gone.clone()), heard("user-disconnected", gone)]);
    hub.leave(&ann, "room");
    assert!(hub.shards.iter().all(|shard| lock(shard).is_empty()), "an empty room stays in memory");
}

#[test]
fn a_resumed_member_keeps_its_id_and_only_those_it_lost_offer() {
    let (hub, ann, ben, cat) = (hub(), Recorder::new("ann"), Recorder::new("ben"), Recorder::new("cat"));
    join(&hub, &ann, wish("room", "Ann"));
    join(&hub, &ben, wish("room", "Ben"));
    let token = join(&hub, &cat, wish("room", "Cat")).resume;
    [&ann, &ben, &cat].into_iter().for_each(forget);

    let again = Recorder::new("cat's second socket");
    let resume = Join { resume: token.clone(), connected: vec!["ann".into()], ..wish("room", "Cat") };
    let mut welcomed = None;
    let replaced = hub.join(&again, resume, Vec::new(), |welcome| welcomed = Some(welcome)).unwrap();
    assert_eq!(replaced.unwrap().id, "cat");
    let welcome = welcomed.unwrap();
    assert_eq!((welcome.id.as_str(), welcome.members.len()), ("cat", 2));
    assert_eq!(ann.heard(), []);
    assert_eq!(ben.heard(), [heard("#rtcio:init-offer", json!({ "source": "cat" }))]);

    // The old socket ends later: nobody hears of it, and it speaks for nobody.
    assert!(hub.route(&cat, &["room".into()], "ann").is_none());
    hub.leave(&cat, "room");
    assert_eq!(ann.heard(), []);
    assert_eq!(hub.route(&ann, &["room".into()], "cat").unwrap().1.id, "cat's second socket");

    // After its place was given up it comes back as the same member, and is announced.
    hub.leave(&again, "room");
    forget(&ann);
    let third = Recorder::new("cat's third socket");
    assert_eq!(join(&hub, &third, Join { resume: token, ..wish("room", "Cat") }).id, "cat");
    assert_eq!(ann.heard().len(), 2);
}

#[test]
fn a_false_token_resumes_nothing() {
    let (hub, ann, eve) = (hub(), Recorder::new("ann"), Recorder::new("eve"));
    let token = join(&hub, &ann, wish("other room", "")).resume;
    join(&hub, &ann, wish("room", ""));
    for resume in [token, Some("ann.AAAA".to_owned())] {
        let connected = vec!["ann".to_owned()];
        let welcome = join(&hub, &eve, Join { resume, connected, ..wish("room", "") });
        assert_eq!(welcome.id, "eve");
        assert_eq!(ann.heard().len(), 2, "told and asked to offer, whatever eve says");
        hub.leave(&eve, "room");
        forget(&ann);
    }
}

#[test]
fn a_stopping_server_says_nothing_about_those_who_leave() {
    let (hub, ann, ben) = (hub(), Recorder::new("ann"), Recorder::new("ben"));
    join(&hub, &ann, wish("room", ""));
    join(&hub, &ben, wish("room", ""));
    forget(&ann);
    hub.close();
    hub.leave(&ben, "room");
    assert_eq!(ann.heard(), []);
}

#[test]
fn a_room_that_is_not_open_is_refused_until_it_is() {
    let rooms = OpenRooms::default();
    let hub = Hub::new(Tokens::new(None), 3, Some(rooms.clone()));
    let ann = Recorder::new("ann");
    let closed = hub.join(&ann, wish("room", "Ann"), Vec::new(), |_| panic!("welcomed"));
    assert_eq!(closed.map(|_| ()).unwrap_err().code, ErrorCode::RoomClosed);
    rooms.open(&"room".parse().unwrap());
    assert_eq!(join(&hub, &ann, wish("room", "Ann")).members, []);
}

#[test]
fn a_member_that_lost_a_peer_is_offered_to_again() {
    let (hub, ann, ben, cy) = (hub(), Recorder::new("ann"), Recorder::new("ben"), Recorder::new("cy"));
    let resume = join(&hub, &ann, wish("room", "Ann")).resume;
    join(&hub, &ben, wish("room", "Ben"));
    join(&hub, &cy, wish("room", "Cy"));
    [&ann, &ben, &cy].into_iter().for_each(forget);
    let again = Join { resume, connected: vec!["cy".into()], ..wish("room", "Ann") };
    assert_eq!(join(&hub, &ann, again).members.len(), 2);
    assert_eq!(ben.heard(), [heard("#rtcio:init-offer", json!({ "source": "ann" }))]);
    assert_eq!((cy.heard(), ann.heard()), (Vec::new(), Vec::new()));
}
