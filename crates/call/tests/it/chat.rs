//! Chat with pages of others, and with those who mean harm.

use crate::common::{PATIENCE, Participant, config, link, server, stranger};
use confab_call::CallConfig;
use confab_ipc::{ErrorCode, UiEvent};
use confab_rtcio::{Event, Events, Socket};
use confab_wire::{call::ChatMessage, room::RoomLink};
use serde_json::{Value, json};
use tokio::time::timeout;

fn quiet(link: &RoomLink, name: &str) -> CallConfig {
    CallConfig { camera_on: false, decode: false, ..config(link, name) }
}

/// A stranger to whom `ann` is connected, and who reads nothing more.
async fn connected_stranger(link: &RoomLink, ann: &mut Participant) -> Socket {
    let (socket, mut events): (Socket, Events) = stranger(link).await;
    ann.connected().await;
    timeout(PATIENCE, async { while !matches!(events.recv().await, Some(Event::PeerConnect { .. })) {} })
        .await
        .unwrap();
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    socket
}

async fn next(participant: &mut Participant) -> ChatMessage {
    participant
        .wait("chat", |event| match event {
            UiEvent::Chat { message, .. } => Some(message),
            _ => None,
        })
        .await
}

/// The next message with this text; those before it are passed over.
async fn message(participant: &mut Participant, text: &str) -> ChatMessage {
    loop {
        let message = next(participant).await;
        if message.text == text {
            return message;
        }
    }
}

async fn texts(participant: &Participant) -> Vec<String> {
    participant.call.view().await.unwrap().chat.into_iter().map(|message| message.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_knows_no_ids_is_heard_word_for_word() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(quiet(&link, "Ann")).await;
    let page = connected_stranger(&link, &mut ann).await;
    let said: [(Value, &str); 8] = [
        (json!("m00"), "m00"),
        (json!("m01"), "m01"),
        (json!("m01"), "m01"),
        (json!({ "text": "yes" }), "yes"),
        (json!({ "text": "yes" }), "yes"),
        (json!({ "id": "2", "from": "N".repeat(68), "text": "hello" }), "hello"),
        (json!({ "id": "3", "text": "page\u{c}break" }), "page break"),
        (json!({ "id": "4", "text": "hi\rBen Okafor: I agree" }), "hi Ben Okafor: I agree"),
    ];
    for (message, _) in &said {
        page.emit("chat", vec![message.clone()]).await.unwrap();
    }
    for (message, text) in &said {
        assert_eq!(next(&mut ann).await.text, *text, "{message}");
    }
    // Own text is taken as it comes, too.
    ann.call.send_chat("page\u{c}break".into()).await.unwrap();
    assert_eq!(next(&mut ann).await.text, "page break");
    assert_eq!(ann.call.send_chat("\u{c}".into()).await.unwrap_err().code, ErrorCode::ChatText);
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_in_anothers_name() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(quiet(&link, "Ann")).await;
    let mut ben = Participant::join(quiet(&link, "Ben")).await;
    let ben_id = ann.connected().await;
    ben.connected().await;
    let eve = connected_stranger(&link, &mut ann).await;
    let forged = |id: &str| json!([{ "id": id, "author": ben_id, "from": "Ben", "text": "I resign", "at": 5 }]);
    eve.emit("chat-history", vec![forged("1")]).await.unwrap();
    eve.emit("chat", vec![json!("hello")]).await.unwrap();
    assert_eq!(next(&mut ann).await.text, "hello", "Eve came later and tells no history");
    assert_eq!(texts(&ann).await, ["hello"]);
    // One who comes when she is there may be told, and sees by whom.
    let mut cat = Participant::join(quiet(&link, "Cat")).await;
    for _ in 0..3 {
        cat.connected().await;
    }
    eve.emit("chat-history", vec![forged("1")]).await.unwrap();
    let told = message(&mut cat, "I resign").await;
    assert_eq!((told.author, told.told_by.as_deref()), (ben_id.clone(), Some("Stranger")));
    ben.call.send_chat("I stay".into()).await.unwrap();
    let said = message(&mut cat, "I stay").await;
    assert_eq!((said.author, said.told_by), (ben_id, None));
    eve.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_dated_tomorrow_silence_nobody() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(quiet(&link, "Ann")).await;
    let eve = connected_stranger(&link, &mut ann).await;
    ann.call.send_chat("before".into()).await.unwrap();
    let tomorrow = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let tomorrow = tomorrow + 80_000_000;
    let mut second = tokio::time::interval(std::time::Duration::from_millis(100));
    for number in 0..520 {
        if number % 40 == 0 {
            second.tick().await;
        }
        eve.emit("chat", vec![json!({ "id": number.to_string(), "text": number.to_string(), "at": tomorrow })])
            .await
            .unwrap();
    }
    message(&mut ann, "519").await;
    ann.call.send_chat("after".into()).await.unwrap();
    assert_eq!(next(&mut ann).await.text, "after");
    let texts = texts(&ann).await;
    assert_eq!((texts[0].as_str(), texts.last().unwrap().as_str()), ("before", "after"));
    eve.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_lines_in_one_go_all_arrive() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(quiet(&link, "Ann")).await;
    let mut ben = Participant::join(quiet(&link, "Ben")).await;
    ann.connected().await;
    ben.connected().await;
    let call = ann.call.clone();
    let sending = tokio::spawn(async move {
        for number in 0..1_500 {
            call.send_chat(format!("n{number}")).await.unwrap();
        }
    });
    for number in 0..1_500 {
        assert_eq!(next(&mut ben).await.text, format!("n{number}"));
    }
    sending.await.unwrap();
}
