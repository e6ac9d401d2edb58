//! Joining, leaving, and who is told what.

use crate::support::{Client, server, soon};
use confab_server::{Limits, Server, ServerConfig};
use confab_wire::signaling::{JoinReply, RefusalCode};
use futures_util::future::join_all;
use serde_json::json;
use std::collections::HashMap;

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_learns_the_members_then_they_learn_it() {
    let server = server().await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    let mut ben = Client::connect(&server).await;
    let welcome = ben.join(json!({ "roomId": "room", "name": "Ben", "more": { "of": "a stock app" } })).await;
    assert_eq!(welcome.members.len(), 1);
    assert_eq!((&welcome.members[0].id, welcome.members[0].name.as_str()), (&ann.id, "Ann"));
    assert_eq!(welcome.ice_servers[0].urls, confab_server::PUBLIC_STUN);

    assert_eq!(ben.expect("user-connected").await, json!({ "id": ann.id, "name": "Ann" }));
    assert_eq!(ben.heard().await, []);
    assert_eq!(ann.expect("user-connected").await, json!({ "id": ben.id, "name": "Ben" }));
    assert_eq!(ann.expect("#rtcio:init-offer").await, json!({ "source": ben.id }));
    assert_eq!(ann.heard().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_client_joins_without_an_acknowledgement() {
    let server = server().await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    let mut stock = Client::connect(&server).await;
    stock.emit("join-room", json!({ "roomId": "room" })).await;
    assert_eq!(stock.expect("user-connected").await["id"], ann.id);
    let id = ann.expect("user-connected").await["id"].clone();
    assert_eq!(ann.expect("#rtcio:init-offer").await, json!({ "source": id }));
}

/// Whoever joins while another does: one of the two offers, never both and never none.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simultaneous_joiners_get_exactly_one_offer_per_pair() {
    const CLIENTS: usize = 5;
    const ROUNDS: usize = 60;
    let server = server().await;
    let mut clients: Vec<Client> = join_all((0..CLIENTS).map(|_| Client::connect(&server))).await;
    for round in 0..ROUNDS {
        let room = format!("room-{round}");
        join_all(clients.iter_mut().map(|client| client.join(json!({ "roomId": room, "name": "x" })))).await;
        let heard = join_all(clients.iter_mut().map(Client::heard)).await;
        let mut offers: HashMap<(&str, &str), usize> = HashMap::new();
        let mut met: HashMap<(&str, &str), usize> = HashMap::new();
        for (client, heard) in clients.iter().zip(&heard) {
            for (event, data) in heard {
                let (other, count) = match event.as_str() {
                    "#rtcio:init-offer" => (&data["source"], &mut offers),
                    "user-connected" => (&data["id"], &mut met),
                    other => panic!("{other}"),
                };
                let (a, b) = (client.id.as_str(), other.as_str().unwrap());
                assert_ne!(a, b, "told of itself");
                *count.entry((a.min(b), a.max(b))).or_default() += 1;
            }
        }
        assert_eq!(offers.len(), CLIENTS * (CLIENTS - 1) / 2, "round {round}");
        assert!(offers.values().all(|&offers| offers == 1), "round {round}: {offers:?}");
        assert!(met.values().all(|&times| times == 2), "each of two is told of the other: {met:?}");
        for client in &clients {
            client.emit("leave-room", json!({ "roomId": room })).await;
        }
        // The first round trip of all makes sure that all have left, the second reads what that told them.
        join_all(clients.iter_mut().map(Client::heard)).await;
        join_all(clients.iter_mut().map(Client::heard)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_and_vanishing_are_told_to_those_who_stay() {
    let server = server().await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    let ben = Client::member(&server, "room", "Ben").await;
    let cat = Client::member(&server, "room", "Cat").await;
    ann.heard().await;

    ben.emit("leave-room", json!({ "roomId": "room", "id": ben.id })).await;
    assert_eq!(ann.expect("#rtcio:peer-left").await, json!({ "id": ben.id }));
    assert_eq!(ann.expect("user-disconnected").await, json!({ "id": ben.id }));
    let id = cat.id.clone();
    cat.disconnect().await;
    assert_eq!(ann.expect("#rtcio:peer-left").await, json!({ "id": id }));
    assert_eq!(ann.expect("user-disconnected").await, json!({ "id": id }));

    // Ben is still connected, and may come back.
    ben.call("join-room", json!({ "roomId": "room", "name": "Ben" })).await;
    assert_eq!(ann.expect("user-connected").await["id"], ben.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_without_a_room_leaves_all() {
    let server = server().await;
    let mut ann = Client::member(&server, "one", "Ann").await;
    let mut ben = Client::member(&server, "two", "Ben").await;
    let mut cat = Client::member(&server, "one", "Cat").await;
    cat.join(json!({ "roomId": "two" })).await;
    ann.heard().await;
    ben.heard().await;
    cat.emit("leave-room", json!({})).await;
    assert_eq!(ann.expect("#rtcio:peer-left").await, json!({ "id": cat.id }));
    assert_eq!(ben.expect("#rtcio:peer-left").await, json!({ "id": cat.id }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_room_is_refused_by_name() {
    let limits = Limits { room_members: 2, rooms_per_socket: 1, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..crate::support::config() }).await.unwrap();
    let _ann = Client::member(&server, "room", "Ann").await;
    let ben = Client::member(&server, "room", "Ben").await;
    let mut cat = Client::connect(&server).await;
    let refusal = |reply| match reply {
        JoinReply::Refused { error } => error.code,
        JoinReply::Welcome(welcome) => panic!("{welcome:?}"),
    };
    assert_eq!(refusal(cat.ask_to_join(json!({ "roomId": "room" })).await), RefusalCode::RoomFull);
    assert_eq!(refusal(cat.ask_to_join(json!({ "roomId": "" })).await), RefusalCode::RoomName);
    assert_eq!(refusal(ben.ask_to_join(json!({ "roomId": "a second room" })).await), RefusalCode::TooManyRooms);
    // A client that waits for no answer gets the reason as an event.
    cat.emit("join-room", json!({ "roomId": "room" })).await;
    assert_eq!(cat.expect("server-error").await["code"], "room-full");
    ben.disconnect().await;
    soon("a free place", async {
        while matches!(cat.ask_to_join(json!({ "roomId": "room" })).await, JoinReply::Refused { .. }) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
