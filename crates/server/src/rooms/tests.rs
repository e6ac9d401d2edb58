//! The rules of rooms, by what they return.

use super::*;
use crate::config::OpenRooms;
use confab_wire::signaling::{Member, RefusalCode};
use std::sync::Arc;

type TestRooms = Rooms<&'static str>;

fn policy(open: Option<OpenRooms>) -> Policy {
    Policy { resume_tokens: ResumeTokens::new(None), capacity: 3, joins_per_second: 0, join_burst: 100, open }
}

fn rooms_of(open: Option<OpenRooms>) -> TestRooms {
    Rooms::new(Arc::new(policy(open)))
}

fn rooms() -> TestRooms {
    rooms_of(None)
}

fn join(rooms: &mut TestRooms, connection: &'static str, join: Join) -> Joined<&'static str> {
    rooms.join(&connection, connection.to_owned(), join, Now::read()).unwrap()
}

fn refused(rooms: &mut TestRooms, connection: &'static str, join: Join) -> RefusalCode {
    rooms.join(&connection, connection.to_owned(), join, Now::read()).map(|_| ()).unwrap_err()
}

fn request(room: &str, name: &str) -> Join {
    Join { room: room.into(), name: name.into(), ..Join::default() }
}

fn member(id: &str, name: &str) -> Member {
    Member { id: id.into(), name: name.into(), metadata: None }
}

fn effect(to: &'static str, event: RoomEvent) -> Effect<&'static str> {
    Effect { to, event }
}

fn told(effects: &[Effect<&'static str>], connection: &str) -> Vec<RoomEvent> {
    effects.iter().filter(|effect| effect.to == connection).map(|effect| effect.event.clone()).collect()
}

#[test]
fn a_newcomer_learns_the_members_and_they_learn_it_and_offer() {
    let mut rooms = rooms();
    let first = join(&mut rooms, "ann", request("room", "Ann"));
    assert_eq!((first.members, first.effects), (vec![], vec![]));
    let joined = join(&mut rooms, "ben", request("room", "Ben"));
    assert_eq!((joined.id.as_str(), joined.members[0].id.as_str()), ("ben", "ann"));
    assert_eq!(
        joined.effects,
        [
            effect("ben", RoomEvent::Joined(member("ann", "Ann"))),
            effect("ann", RoomEvent::Joined(member("ben", "Ben"))),
            effect("ann", RoomEvent::Offer(member("ben", "Ben"))),
        ]
    );
}

#[test]
fn joining_twice_tells_no_one() {
    let mut rooms = rooms();
    join(&mut rooms, "ann", request("room", ""));
    join(&mut rooms, "ben", request("room", ""));
    let again = join(&mut rooms, "ben", request("room", ""));
    assert_eq!((again.members.len(), again.effects), (1, vec![]));
}

#[test]
fn a_full_room_refuses_without_a_word_to_anyone() {
    let mut rooms = rooms();
    for connection in ["a", "b", "c"] {
        join(&mut rooms, connection, request("room", ""));
    }
    assert_eq!(refused(&mut rooms, "d", request("room", "")), RefusalCode::RoomFull);
    assert_eq!(rooms.peek("room"), Err(RefusalCode::RoomFull));
    rooms.leave(&"a", "room");
    assert_eq!(rooms.peek("room").unwrap().count, 2);
    join(&mut rooms, "d", request("room", ""));
}

#[test]
fn messages_find_only_those_in_a_shared_room() {
    let mut rooms = rooms();
    join(&mut rooms, "ann", request("room", ""));
    join(&mut rooms, "ben", request("room", ""));
    join(&mut rooms, "eve", request("other", ""));
    let route = |rooms: &TestRooms, from: &'static str, to| {
        ["other", "room"].into_iter().find_map(|room| rooms.route(&from, room, to))
    };
    assert_eq!(route(&rooms, "ann", "ben"), Some(Route { source: "ann".into(), to: "ben" }));
    assert_eq!(route(&rooms, "ann", "eve"), None);
    assert_eq!(route(&rooms, "eve", "ben"), None);
    rooms.leave(&"ben", "room");
    assert_eq!(route(&rooms, "ann", "ben"), None);
}

#[test]
fn leaving_is_told_once_to_those_who_stay() {
    let mut rooms = rooms();
    join(&mut rooms, "ann", request("room", ""));
    join(&mut rooms, "ben", request("room", ""));
    assert_eq!(rooms.leave(&"ben", "room"), [effect("ann", RoomEvent::Left("ben".into()))]);
    assert_eq!(rooms.leave(&"ben", "room"), []);
    assert_eq!(rooms.leave(&"ann", "room"), []);
    assert!(rooms.is_empty(), "an empty room stays in memory");
}

#[test]
fn a_resumed_member_keeps_its_id_and_only_those_it_lost_offer() {
    let mut rooms = rooms();
    join(&mut rooms, "ann", request("room", "Ann"));
    join(&mut rooms, "ben", request("room", "Ben"));
    let token = Some(join(&mut rooms, "cat", request("room", "Cat")).resume);

    let again = "cat's second connection";
    let resume = Join { resume: token.clone(), connected: vec!["ann".into()], ..request("room", "Cat") };
    let joined = join(&mut rooms, again, resume);
    assert_eq!(joined.replaced, Some("cat"));
    assert_eq!((joined.id.as_str(), joined.members.len()), ("cat", 2));
    assert_eq!(told(&joined.effects, "ann"), []);
    assert_eq!(told(&joined.effects, "ben"), [RoomEvent::Offer(member("cat", "Cat"))]);
    assert_eq!(told(&joined.effects, again).len(), 2);

    // The old connection ends later: nobody hears of it, and it speaks for nobody.
    assert_eq!(rooms.route(&"cat", "room", "ann"), None);
    assert_eq!(rooms.leave(&"cat", "room"), []);
    assert_eq!(rooms.route(&"ann", "room", "cat").unwrap().to, again);

    // After its place was given up it comes back as the same member, and is announced.
    rooms.leave(&again, "room");
    let back = join(&mut rooms, "cat's third connection", Join { resume: token, ..request("room", "Cat") });
    assert_eq!((back.id.as_str(), told(&back.effects, "ann").len()), ("cat", 2));
}

#[test]
fn a_member_that_comes_back_with_another_name_is_announced() {
    let mut rooms = rooms();
    join(&mut rooms, "ann", request("room", "Ann"));
    let token = Some(join(&mut rooms, "ben", request("room", "Ben")).resume);
    let resume = Join { resume: token, connected: vec!["ann".into()], ..request("room", "Benjamin") };
    let joined = join(&mut rooms, "ben's second connection", resume);
    assert_eq!(told(&joined.effects, "ann"), [RoomEvent::Joined(member("ben", "Benjamin"))]);
}

#[test]
fn a_false_token_resumes_nothing() {
    let mut rooms = rooms();
    let token = join(&mut rooms, "ann", request("other room", "")).resume;
    join(&mut rooms, "ann", request("room", ""));
    for resume in [Some(token), Some("ann.AAAA".to_owned())] {
        let connected = vec!["ann".to_owned()];
        let joined = join(&mut rooms, "eve", Join { resume, connected, ..request("room", "") });
        assert_eq!(joined.id, "eve");
        assert_eq!(told(&joined.effects, "ann").len(), 2, "told and asked to offer, whatever eve says");
        rooms.leave(&"eve", "room");
    }
}

#[test]
fn a_stopping_server_says_nothing_about_those_who_leave() {
    let mut rooms = rooms();
    join(&mut rooms, "ann", request("room", ""));
    join(&mut rooms, "ben", request("room", ""));
    rooms.close();
    assert_eq!(rooms.leave(&"ben", "room"), []);
    assert_eq!(rooms.peek("room").unwrap().count, 1);
}

#[test]
fn a_room_that_is_not_open_is_refused_until_it_is() {
    let open = OpenRooms::default();
    let mut rooms = rooms_of(Some(open.clone()));
    assert_eq!(refused(&mut rooms, "ann", request("room", "Ann")), RefusalCode::RoomClosed);
    assert_eq!(rooms.peek("room"), Err(RefusalCode::RoomClosed));
    assert!(rooms.is_empty());
    open.open(&"room".parse().unwrap());
    assert_eq!(join(&mut rooms, "ann", request("room", "Ann")).members, []);
}

#[test]
fn a_member_that_lost_a_peer_is_offered_to_again() {
    let mut rooms = rooms();
    let resume = Some(join(&mut rooms, "ann", request("room", "Ann")).resume);
    join(&mut rooms, "ben", request("room", "Ben"));
    join(&mut rooms, "cy", request("room", "Cy"));
    let again = join(&mut rooms, "ann", Join { resume, connected: vec!["cy".into()], ..request("room", "Ann") });
    assert_eq!(again.members.len(), 2);
    assert_eq!(again.effects, [effect("ben", RoomEvent::Offer(member("ann", "Ann")))]);
}

#[test]
fn a_token_that_later_ones_replaced_takes_no_place() {
    let mut rooms = rooms();
    let again = |resume: &str| Join { resume: Some(resume.to_owned()), ..request("room", "Ann") };
    let first = join(&mut rooms, "ann", request("room", "Ann")).resume;
    let second = join(&mut rooms, "ann 2", again(&first));
    assert_eq!(second.id, "ann");
    // The answer with the second was lost on its way.
    let third = join(&mut rooms, "ann 3", again(&first));
    assert_eq!((third.id.as_str(), third.replaced), ("ann", Some("ann 2")));
    let fourth = join(&mut rooms, "ann 4", again(&third.resume));
    assert_eq!(fourth.id, "ann");
    let thief = join(&mut rooms, "eve", again(&first));
    assert_eq!((thief.id.as_str(), thief.replaced), ("eve", None));
    assert_eq!(join(&mut rooms, "ann 5", again(&fourth.resume)).id, "ann");
}

#[test]
fn a_room_that_too_many_join_tells_its_members_no_more() {
    let policy = Policy { join_burst: 4, ..policy(None) };
    let mut rooms = Rooms::new(Arc::new(policy));
    join(&mut rooms, "ann", request("room", "Ann"));
    for _ in 0..3 {
        join(&mut rooms, "eve", request("room", "Eve"));
        rooms.leave(&"eve", "room");
    }
    assert_eq!(refused(&mut rooms, "eve", request("room", "Eve")), RefusalCode::TooManyQuestions);
    join(&mut rooms, "ben", request("another room", "Ben"));
}
