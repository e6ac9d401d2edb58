use super::history::{ChatHistory, Teller};
use confab_wire::{call::ChatMessage, limits};
use serde_json::{Value, json};

const BEN: Teller<'_> = Teller { id: "ben", name: "Ben" };
const CAT: Teller<'_> = Teller { id: "cat", name: "Cat" };
/// When one joined.
const JOINED: u64 = 1_000;

fn message(author: &str, id: &str, at: u64) -> ChatMessage {
    let text = format!("{author} {id}");
    ChatMessage { id: id.into(), from: author.into(), author: author.into(), text, at, told_by: None }
}

fn without_id(author: &str, text: &str) -> ChatMessage {
    ChatMessage { text: text.into(), ..message(author, "", 1) }
}

fn list(messages: &[ChatMessage]) -> Value {
    json!(messages)
}

fn texts(history: &ChatHistory) -> Vec<&str> {
    history.messages().map(|message| message.text.as_str()).collect()
}

#[test]
fn messages_stand_in_the_order_in_which_they_came_whatever_the_clocks_say() {
    let mut history = ChatHistory::default();
    for (id, at) in [("1", 600_000), ("2", 0), ("3", u64::MAX), ("4", 5)] {
        assert!(history.receive(message("a", id, at)).is_some());
    }
    assert_eq!(texts(&history), ["a 1", "a 2", "a 3", "a 4"]);
}

#[test]
fn the_same_id_of_another_author_is_another_message() {
    let mut history = ChatHistory::default();
    assert!(history.receive(message("a", "1", 1)).is_some());
    assert!(history.receive(message("a", "1", 1)).is_none(), "a double");
    assert!(history.receive(message("b", "1", 1)).is_some());
    let other = history.receive(ChatMessage { text: "something else".into(), ..message("a", "1", 2) }).unwrap();
    assert_ne!(other.id, "1", "an id that is used again does not hide what is said");
    assert_eq!(texts(&history), ["a 1", "b 1", "something else"]);
}

#[test]
fn equal_messages_without_ids_are_all_kept_and_get_ids_that_others_give_them_too() {
    let (mut one, mut other) = (ChatHistory::default(), ChatHistory::default());
    for text in ["m00", "m01", "yes", "yes", "yes"] {
        let ids: Vec<String> = [&mut one, &mut other].map(|log| log.receive(without_id("a", text)).unwrap().id).into();
        assert_eq!(ids[0], ids[1]);
        assert!(!ids[0].is_empty() && ids[0].len() <= limits::ID_BYTES);
    }
    assert_eq!(texts(&one), ["m00", "m01", "yes", "yes", "yes"]);
    let mut late = ChatHistory::default();
    for (log, teller) in [(&one, BEN), (&other, CAT)] {
        late.merge(&log.frames()[0][0], teller, "me", JOINED, JOINED);
    }
    assert_eq!(texts(&late), texts(&one), "told by two, known once");
}

#[test]
fn a_flood_of_equal_messages_without_ids_keeps_every_key_apart() {
    let mut history = ChatHistory::default();
    let taken = history.receive(without_id("a", "again")).unwrap().id;
    history.receive(ChatMessage { id: taken.replace("-0", &format!("-{}", u32::MAX)), ..message("a", "", 1) });
    for _ in 0..2 * limits::CHAT_HISTORY {
        assert!(history.receive(without_id("a", "again")).is_some());
    }
    let keys: std::collections::HashSet<_> = history.messages().map(|message| &message.id).collect();
    assert_eq!(keys.len(), limits::CHAT_HISTORY);
}

#[test]
fn who_writes_most_loses_their_oldest_and_nobody_silences_another() {
    let mut history = ChatHistory::default();
    history.receive(message("b", "first", 1));
    for number in 0..limits::CHAT_HISTORY + 20 {
        let tomorrow = 86_400_000;
        assert!(history.receive(message("eve", &number.to_string(), tomorrow)).is_some());
    }
    assert!(history.receive(message("c", "late", 0)).is_some());
    let kept = texts(&history);
    assert_eq!((kept.len(), kept[0], *kept.last().unwrap()), (limits::CHAT_HISTORY, "b first", "c late"));
    assert_eq!(kept[1], "eve 22");
}

#[test]
fn a_history_goes_over_in_bounded_frames_and_arrives_whole() {
    let mut log = ChatHistory::default();
    for at in 0..100 {
        log.receive(ChatMessage { text: "x".repeat(limits::CHAT_CHARS), ..message("a", &at.to_string(), at) });
    }
    let mut other = ChatHistory::default();
    for args in log.frames() {
        assert!(json!({ "e": "chat-history", "d": args }).to_string().len() < limits::CTRL_FRAME_BYTES);
        other.merge(&args[0], BEN, "me", JOINED, JOINED);
    }
    let ids = |log: &ChatHistory| log.messages().map(|message| message.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&other), ids(&log));
    assert!(other.messages().all(|message| message.told_by.as_deref() == Some("Ben")));
    assert!(other.frames()[0][0][0].get("toldBy").is_none(), "who tells it further is known by its receiver");
}

#[test]
fn history_stands_before_what_was_heard_and_in_its_tellers_order() {
    let mut history = ChatHistory::default();
    history.receive(message("ann", "live", 0));
    let told = [message("ann", "2", 900), message("cat", "3", 100)];
    let new = history.merge(&list(&told), BEN, "me", JOINED, JOINED);
    assert_eq!(new.iter().map(|(_, place)| *place).collect::<Vec<_>>(), [0, 1]);
    // Another one knows what was before, between and after.
    let told = [("ann", "1"), ("ann", "2"), ("ann", "2b"), ("cat", "3"), ("cat", "4"), ("ann", "live")];
    let told = told.map(|(author, id)| message(author, id, 5));
    history.merge(&list(&told), CAT, "me", JOINED, JOINED);
    assert_eq!(texts(&history), ["ann 1", "ann 2", "ann 2b", "cat 3", "cat 4", "ann live"]);
}

#[test]
fn a_told_message_is_marked_unless_its_author_tells_it() {
    let mut history = ChatHistory::default();
    let told = [message("ann", "1", 5), message("ben", "2", 5)];
    history.merge(&list(&told), BEN, "me", JOINED, JOINED);
    let marks = |history: &ChatHistory| {
        history.messages().map(|message| (message.from.clone(), message.told_by.clone())).collect::<Vec<_>>()
    };
    assert_eq!(marks(&history), [("ann".into(), Some("Ben".into())), ("Ben".into(), None)]);
    // What the author says counts more than what was told.
    let ann = Teller { id: "ann", name: "Ann" };
    let said = ChatMessage { text: "really".into(), ..message("ann", "1", 5) };
    history.merge(&list(&[said]), ann, "me", JOINED, JOINED);
    assert_eq!(marks(&history)[0], ("Ann".into(), None));
    assert_eq!(texts(&history), ["really", "ben 2"]);
}

#[test]
fn what_is_told_under_the_id_of_a_message_to_come_does_not_keep_it_out() {
    let mut history = ChatHistory::default();
    history.merge(&list(&[message("ann", "7", 5)]), BEN, "me", JOINED, JOINED);
    let said = ChatMessage { text: "what Ann says".into(), ..message("ann", "7", 6) };
    assert!(history.receive(said).is_some());
    assert_eq!(texts(&history), ["what Ann says"]);
    assert_eq!(history.messages().next().unwrap().told_by, None);
}

#[test]
fn history_cannot_speak_for_me_nor_of_what_came_after_me_and_rubbish_is_left_out() {
    let mut history = ChatHistory::default();
    let after = message("ann", "after", JOINED + 1);
    let told = json!([message("me", "1", 1), 7, { "text": "no id" }, after, "x", null, { "id": "2" }]);
    assert!(history.merge(&told, BEN, "me", JOINED, 10 * JOINED).is_empty());
    assert!(history.merge(&json!("x"), BEN, "me", JOINED, JOINED).is_empty());
    // An own word may have a fast clock.
    let own = [message("ben", "3", JOINED + 600_000)];
    assert_eq!(history.merge(&list(&own), BEN, "me", JOINED, JOINED).len(), 1);
}

#[test]
fn one_teller_tells_a_bounded_number_and_pushes_out_only_its_own() {
    let mut history = ChatHistory::default();
    history.receive(message("ann", "live", 0));
    let many = |from: usize| -> Vec<ChatMessage> {
        (from..from + limits::CHAT_HISTORY).map(|number| message(&format!("author {number}"), "1", 1)).collect()
    };
    assert_eq!(history.merge(&list(&many(0)), BEN, "me", JOINED, JOINED).len(), limits::CHAT_HISTORY);
    assert!(history.merge(&list(&many(1_000)), BEN, "me", JOINED, JOINED).is_empty());
    assert!(texts(&history).contains(&"ann live"));
    assert_eq!(history.messages().count(), limits::CHAT_HISTORY);
    history.merge(&list(&many(2_000)[..100]), CAT, "me", JOINED, JOINED);
    assert_eq!(history.messages().filter(|message| message.told_by.as_deref() == Some("Cat")).count(), 100);
}

#[test]
fn after_an_outage_a_peer_tells_only_what_it_wrote_itself_meanwhile() {
    let mut history = ChatHistory::default();
    history.receive(message("ben", "1", 1));
    history.receive(message("me", "2", 2));
    let told = [("ann", "forged"), ("ben", "0"), ("ben", "1"), ("me", "2"), ("ann", "3"), ("ben", "4")];
    let told = told.map(|(author, id)| message(author, id, 5));
    let missed = history.catch_up(&list(&told), BEN, JOINED);
    assert_eq!(missed.iter().map(|message| message.id.as_str()).collect::<Vec<_>>(), ["4"]);
    assert_eq!(texts(&history), ["ben 1", "me 2", "ben 4"]);
}
