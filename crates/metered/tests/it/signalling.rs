//! [`SignallingClient`]: channels, requests, keeping alive and coming back.

use crate::PATIENCE;
use crate::server::{Faults, Server};
use confab_metered::{
    ConnectError, Credentials, Reconnection, RequestError, SignallingClient, SignallingEvent, SignallingEvents,
    SignallingOptions, TokenProvider, limits,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

fn options(server: &Server) -> SignallingOptions {
    let mut options = SignallingOptions::new(&server.url, Credentials::ApiKey("pk_live_1".into())).unwrap();
    options.reconnection = Reconnection { delay: Duration::from_millis(20), ..Reconnection::default() };
    options
}

async fn connected(options: SignallingOptions) -> (SignallingClient, SignallingEvents, String) {
    let (client, mut events) = SignallingClient::new(options).unwrap();
    let welcome = client.connect().await.unwrap();
    wait(&mut events, |event| matches!(event, SignallingEvent::Connected { again: false, .. }).then_some(())).await;
    (client, events, welcome.peer_id)
}

async fn wait<T>(events: &mut SignallingEvents, mut found: impl FnMut(SignallingEvent) -> Option<T>) -> T {
    let search = async {
        loop {
            let event = events.recv().await.expect("the events go on");
            if let Some(found) = found(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("it comes in time")
}

async fn presence(events: &mut SignallingEvents, of: &str) -> (Vec<String>, Vec<String>) {
    wait(events, |event| match event {
        SignallingEvent::Presence { channel, joined, left } if channel == of => {
            Some((joined.into_iter().map(|peer| peer.peer_id).collect(), left))
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn several_channels_have_their_own_rosters_and_messages() {
    let server = Server::start().await;
    let (ann, mut anns, ann_id) = connected(options(&server)).await;
    let (ben, mut bens, ben_id) = connected(options(&server)).await;
    assert_eq!(server.queries()[0], "/v1?key=pk_live_1");
    ann.subscribe("one", true).await.unwrap();
    ann.subscribe("two", false).await.unwrap();
    assert_eq!(presence(&mut anns, "one").await.0, Vec::<String>::new());
    ben.subscribe("two", false).await.unwrap();
    assert_eq!(presence(&mut bens, "two").await.0, std::slice::from_ref(&ann_id));
    assert_eq!(presence(&mut anns, "two").await.0, Vec::<String>::new());
    assert_eq!(presence(&mut anns, "two").await.0, std::slice::from_ref(&ben_id));
    ben.publish("two", json!({ "hello": "all" })).await.unwrap();
    ben.send(&ann_id, Value::Null).await.unwrap();
    let message = wait(&mut anns, |event| matches!(event, SignallingEvent::Message { .. }).then_some(event)).await;
    let expected = SignallingEvent::Message {
        channel: "two".into(),
        from: ben_id.clone(),
        metadata: None,
        data: json!({ "hello": "all" }),
    };
    assert_eq!(message, expected);
    let direct = wait(&mut anns, |event| matches!(event, SignallingEvent::Direct { .. }).then_some(event)).await;
    assert_eq!(direct, SignallingEvent::Direct { from: ben_id.clone(), metadata: None, data: Value::Null });
    ben.unsubscribe("two").await.unwrap();
    ben.close("bye").await;
    wait(&mut bens, |event| matches!(event, SignallingEvent::Closed { code: 1000, .. }).then_some(())).await;
    let subscribe = &server.frames(&ann_id)[0];
    assert_eq!((&subscribe["channel"], &subscribe["includeSenderMetadata"]), (&json!("one"), &json!(true)));
    assert!(server.frames(&ann_id)[1].get("includeSenderMetadata").is_none());
}

#[tokio::test]
async fn requests_are_refused_by_the_server_and_before_it() {
    let server = Server::start().await;
    server.set_max_message_size(100);
    let (ann, _anns, id) = connected(options(&server)).await;
    let refused = ann.send("nobody", json!(1)).await.unwrap_err();
    assert_eq!((refused.name(), matches!(refused, RequestError::Refused { .. })), ("peer_not_found", true));
    let large = ann.publish("room", json!("x".repeat(99))).await;
    assert_eq!(large, Err(RequestError::Oversized { size: 101, cap: 100 }));
    assert_eq!(ann.publish("room", json!("x".repeat(98))).await, Ok(()));
    assert_eq!(ann.subscribe("_Metered/x", false).await, Err(RequestError::ReservedChannel));
    assert_eq!(ann.subscribe("a\nb", false).await, Err(RequestError::InvalidArgs));
    assert_eq!(ann.send("", json!(1)).await, Err(RequestError::InvalidArgs));
    for n in 0..limits::CHANNELS {
        ann.subscribe(&format!("room-{n}"), false).await.unwrap();
    }
    assert_eq!(ann.subscribe("one-more", false).await, Err(RequestError::TooManyChannels));
    assert_eq!(server.frames(&id).len(), limits::CHANNELS + 2);
    assert_eq!(ann.connect().await, Err(ConnectError::InvalidState));
    server.set_faults(Faults { deaf: true, ..Faults::default() });
    let asked = tokio::spawn({
        let ann = ann.clone();
        async move { ann.publish("room", json!(1)).await }
    });
    server
        .wait("the request", |frames| {
            frames.iter().any(|(_, frame)| frame["data"] == 1 && frame["type"] == "publish").then_some(())
        })
        .await;
    server.drop_client(&id);
    assert_eq!(asked.await.unwrap(), Err(RequestError::Disconnected));
}

#[tokio::test]
async fn a_first_connection_that_is_refused_is_an_error_and_may_be_tried_again() {
    let server = Server::start().await;
    let (ann, mut anns) = SignallingClient::new(options(&server)).unwrap();
    assert_eq!(ann.publish("room", json!(1)).await, Err(RequestError::NotConnected));
    server.set_faults(Faults { refuse: Some(4001), ..Faults::default() });
    assert_eq!(ann.connect().await.unwrap_err().close_code(), Some(4001));
    let error =
        wait(&mut anns, |event| if let SignallingEvent::Error { code, .. } = event { Some(code) } else { None }).await;
    assert_eq!(error, "invalid_token");
    server.set_faults(Faults::default());
    ann.connect().await.unwrap();
    let dead = SignallingOptions::new("ws://127.0.0.1:1", Credentials::ApiKey("pk".into())).unwrap();
    let (dead, _events) = SignallingClient::new(dead).unwrap();
    assert_eq!(dead.connect().await.unwrap_err().close_code(), Some(1006));
}

#[tokio::test]
async fn it_comes_back_with_its_channels() {
    let server = Server::start().await;
    for code in [None, Some(1001), Some(1008), Some(4002), Some(4011)] {
        let (ann, mut anns, id) = connected(options(&server)).await;
        ann.subscribe("one", true).await.unwrap();
        ann.subscribe("two", false).await.unwrap();
        match code {
            Some(code) => server.close(&id, code),
            None => server.drop_client(&id),
        }
        let seen =
            wait(
                &mut anns,
                |event| if let SignallingEvent::Reconnecting { code, .. } = event { Some(code) } else { None },
            )
            .await;
        assert_eq!(seen, code.unwrap_or(1006));
        let again = wait(&mut anns, |event| match event {
            SignallingEvent::Connected { welcome, again: true } => Some(welcome.peer_id),
            _ => None,
        });
        let again = again.await;
        assert_ne!(again, id, "a key has a new id with each connection");
        presence(&mut anns, "one").await;
        presence(&mut anns, "two").await;
        let frames = server.frames(&again);
        assert_eq!((&frames[0]["channel"], &frames[0]["includeSenderMetadata"]), (&json!("one"), &json!(true)));
        assert_eq!(ann.publish("one", json!(1)).await, Ok(()));
    }
}

#[tokio::test]
async fn terminal_codes_end_it() {
    let server = Server::start().await;
    let names = [
        (4001, "invalid_token"),
        (4003, "channel_not_authorized"),
        (4012, "account_suspended"),
        (4020, "admin_disconnect"),
    ];
    for (code, name) in names {
        let (ann, mut anns, id) = connected(options(&server)).await;
        server.close(&id, code);
        let error =
            wait(&mut anns, |event| if let SignallingEvent::Error { code, .. } = event { Some(code) } else { None })
                .await;
        let closed = wait(&mut anns, |event| {
            if let SignallingEvent::Closed { code, reason } = event { Some((code, reason)) } else { None }
        })
        .await;
        assert_eq!((error.as_str(), closed), (name, (code, "as asked".into())));
        assert_eq!(ann.publish("room", json!(1)).await, Err(RequestError::NotConnected));
    }
}

#[tokio::test]
async fn silence_is_noticed_and_pings_keep_a_quiet_connection() {
    let server = Server::start().await;
    let mut options = options(&server);
    options.inactivity_timeout = Duration::from_secs(3);
    let (_ann, mut anns, id) = connected(options).await;
    server
        .wait("two pings", |frames| {
            (frames.iter().filter(|(_, frame)| frame["type"] == "ping").count() > 3).then_some(())
        })
        .await;
    server.set_faults(Faults { deaf: true, ..Faults::default() });
    let code =
        wait(&mut anns, |event| if let SignallingEvent::Reconnecting { code, .. } = event { Some(code) } else { None })
            .await;
    assert_eq!(code, 4000);
    assert!(server.frames(&id).iter().all(|frame| frame["type"] == "ping"));
}

#[tokio::test]
async fn a_token_is_asked_for_with_each_connection() {
    let server = Server::start().await;
    server.set_token("ann", json!({ "username": "Ann" }), json!({ "x": 1 }));
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = TokenProvider::new({
        let asked = Arc::clone(&asked);
        move || {
            let number = asked.fetch_add(1, Ordering::SeqCst);
            async move { if (1..=3).contains(&number) { Err("no token today") } else { Ok("ann".to_owned()) } }
        }
    });
    let mut options = SignallingOptions::new(&server.url, Credentials::Tokens(provider)).unwrap();
    options.reconnection = Reconnection { delay: Duration::from_millis(20), ..Reconnection::default() };
    let (ann, mut anns, id) = connected(options).await;
    assert_eq!((id.as_str(), ann.subscribe("room", false).await), ("ann", Ok(())));
    server.close("ann", 4002);
    let error =
        wait(&mut anns, |event| if let SignallingEvent::Error { code, .. } = event { Some(code) } else { None }).await;
    assert_eq!(error, "TokenProviderError");
    wait(&mut anns, |event| matches!(event, SignallingEvent::Connected { again: true, .. }).then_some(())).await;
    assert_eq!(asked.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn what_is_no_frame_is_ignored() {
    let server = Server::start().await;
    let (ann, mut anns, id) = connected(options(&server)).await;
    for rubbish in [
        json!([]),
        json!({ "type": "other" }),
        json!({ "type": "presence", "channel": "r", "joined": [{}], "left": [] }),
        json!({ "type": "error", "code": "unknown_type" }),
        json!({ "type": "ack", "requestId": "none" }),
    ] {
        server.push(&id, rubbish);
    }
    server.push(&id, json!({ "type": "going_away", "retryAfterMs": 1000 }));
    let next = timeout(PATIENCE, anns.recv()).await.unwrap();
    assert_eq!(next, Some(SignallingEvent::GoingAway));
    assert_eq!(ann.publish("room", json!(1)).await, Ok(()));
}
