//! What passes between members, and what does not.

use crate::support::{Client, config, server};
use confab_server::{Limits, Server, ServerConfig};
use confab_wire::limits;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_four_shapes_pass_unchanged_under_the_senders_own_id() {
    let server = server().await;
    let ann = Client::member(&server, "room", "Ann").await;
    let mut ben = Client::member(&server, "room", "Ben").await;
    ben.heard().await;
    for data in [
        json!({ "description": { "type": "offer", "sdp": "v=0\r\n" } }),
        json!({ "candidate": { "candidate": "", "sdpMid": null, "sdpMLineIndex": 0, "usernameFragment": "u" } }),
        json!({ "mid": "stream" }),
        json!({ "mid": "stream", "events": { "camera": [{ "name": "Ann", "stream": "[RTCIOStream] u" }, [1], null] } }),
    ] {
        ann.emit("#rtcio:message", json!({ "source": "someone else", "target": ben.id, "data": data })).await;
        assert_eq!(ben.expect("#rtcio:message").await, json!({ "source": ann.id, "target": ben.id, "data": data }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_passes_between_rooms_or_in_another_shape() {
    let server = server().await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    let mut ben = Client::member(&server, "room", "Ben").await;
    let mut eve = Client::member(&server, "other room", "Eve").await;
    let mut outside = Client::connect(&server).await;
    let fine = json!({ "mid": "m" });
    ann.heard().await;
    ben.heard().await;

    eve.message(&ann.id, fine.clone()).await;
    outside.message(&ann.id, fine.clone()).await;
    ann.message(&eve.id, fine.clone()).await;
    ann.message("room", fine.clone()).await;
    ann.message("", fine.clone()).await;
    ann.emit("#rtcio:message", json!({ "data": fine })).await;
    ann.emit("#rtcio:message", json!([])).await;
    ann.emit("#rtcio:message", json!("text")).await;
    for data in [
        json!(null),
        json!("text"),
        json!({}),
        json!({ "description": "text" }),
        json!({ "mid": 7 }),
        json!({ "mid": "m".repeat(limits::ID_BYTES + 1) }),
        json!({ "description": { "type": "offer", "sdp": "s".repeat(limits::SDP_BYTES + 1) } }),
        json!({ "candidate": { "candidate": "c".repeat(limits::CANDIDATE_BYTES + 1) } }),
    ] {
        ann.message(&ben.id, data).await;
    }
    // Names of the server's own events, and those of stock applications, lead nowhere.
    for event in ["#rtcio:init-offer", "#rtcio:peer-left", "#rtcio:offer", "user-connected", "media-state", "chat"] {
        ann.emit(event, json!({ "roomId": "room", "source": ben.id, "id": ben.id })).await;
    }
    for client in [&mut ann, &mut eve, &mut outside] {
        assert_eq!(client.heard().await, []);
    }
    assert_eq!(ben.heard().await, []);
    // After all that, a message still passes.
    ann.message(&ben.id, fine).await;
    ben.expect("#rtcio:message").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_messages_keep_their_order() {
    const MESSAGES: usize = 1_000;
    let limits = Limits { message_burst: 2 * MESSAGES as u32, send_queue: 4 * MESSAGES, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let ann = Client::member(&server, "room", "Ann").await;
    let ben = Client::member(&server, "room", "Ben").await;
    let mut cat = Client::member(&server, "room", "Cat").await;
    cat.heard().await;
    let (cat_id, ann_id, ben_id) = (cat.id.clone(), ann.id.clone(), ben.id.clone());
    // Two senders at once; each one's own messages stay in order.
    let send = |client: Client| {
        let target = cat_id.clone();
        tokio::spawn(async move {
            for number in 0..MESSAGES {
                client.message(&target, json!({ "mid": number.to_string() })).await;
            }
            client
        })
    };
    let senders = [send(ann), send(ben)];
    let mut next = std::collections::HashMap::from([(ann_id, 0), (ben_id, 0)]);
    for _ in 0..2 * MESSAGES {
        let message = cat.expect("#rtcio:message").await;
        let next = next.get_mut(message["source"].as_str().unwrap()).unwrap();
        assert_eq!(message["data"]["mid"], next.to_string());
        *next += 1;
    }
    for sender in senders {
        sender.await.unwrap();
    }
}
