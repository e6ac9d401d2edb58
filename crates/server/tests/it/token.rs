//! Tokens that members bring along, and what the others learn from them.

use crate::support::{Client, Raw, config};
use confab_server::{Claims, Server, ServerConfig, TokenConfig, mint};
use confab_wire::signaling::{JoinReply, Refusal, RefusalCode};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

async fn server(require: bool) -> Server {
    let tokens = Some(TokenConfig { key: KEY.to_vec(), require });
    Server::bind(ServerConfig { tokens, ..config() }).await.unwrap()
}

fn token(metadata: &Value, rooms: Option<&[&str]>) -> String {
    let rooms = rooms.map(|rooms| rooms.iter().map(|room| room.to_string()).collect());
    let lasting = Claims::lasting(Duration::from_secs(60));
    mint(KEY, &Claims { peer_metadata: metadata.as_object().cloned(), rooms, ..lasting }).unwrap()
}

async fn refusal(server: &Server, auth: &str) -> String {
    let mut raw = Raw::connect_as(server, auth).await;
    let text = raw.next().await.unwrap();
    let error: Value = serde_json::from_str(text.strip_prefix("44").expect("a connect_error")).unwrap();
    error["message"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_learn_what_a_token_says_about_a_member() {
    let server = server(false).await;
    let mut ann = Client::connect_as(&server, json!({ "token": token(&json!({ "role": "host" }), None) })).await;
    ann.join(json!({ "roomId": "room", "name": "Ann" })).await;
    let mut ben = Client::connect_as(&server, json!({ "token": token(&json!({ "role": "guest" }), None) })).await;
    let welcome = ben.join(json!({ "roomId": "room", "name": "Ben" })).await;

    assert_eq!(welcome.members[0].metadata, json!({ "role": "host" }).as_object().cloned());
    let member = json!({ "id": ann.id, "name": "Ann", "metadata": { "role": "host" } });
    assert_eq!(ben.expect("user-connected").await, member);
    let member = json!({ "id": ben.id, "name": "Ben", "metadata": { "role": "guest" } });
    assert_eq!(ann.expect("user-connected").await, member);
    let offer = json!({ "source": ben.id, "metadata": { "role": "guest" } });
    assert_eq!(ann.expect("#rtcio:init-offer").await, offer);

    // Who comes back with a newer token is told again, and is offered to by nobody that it still has.
    let newer = token(&json!({ "role": "speaker" }), None);
    let mut again = Client::connect_as(&server, json!({ "token": newer })).await;
    let resume = welcome.resume.unwrap();
    again.join(json!({ "roomId": "room", "name": "Ben", "resume": resume, "connected": [ann.id] })).await;
    let member = json!({ "id": ben.id, "name": "Ben", "metadata": { "role": "speaker" } });
    assert_eq!(ann.expect("user-connected").await, member);
    assert_eq!(ann.heard().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_a_token_looks_as_it_always_did() {
    let server = server(false).await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    let ben = Client::member(&server, "room", "Ben").await;
    assert_eq!(ann.expect("user-connected").await, json!({ "id": ben.id, "name": "Ben" }));
    assert_eq!(ann.expect("#rtcio:init-offer").await, json!({ "source": ben.id }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_good_is_refused_with_what_to_do() {
    let server = server(false).await;
    let expired = mint(KEY, &Claims { exp: 1_000, ..Claims::lasting(Duration::ZERO) }).unwrap();
    let foreign = mint(b"another key", &Claims::lasting(Duration::from_secs(60))).unwrap();
    for (auth, code, text) in [
        (json!({ "token": expired }), RefusalCode::TokenExpired, "expired"),
        (json!({ "token": foreign }), RefusalCode::TokenSignature, "not issued for this server"),
        (json!({ "token": "rubbish" }), RefusalCode::TokenMalformed, "can't be read"),
        (json!({ "token": 7 }), RefusalCode::TokenMalformed, "can't be read"),
    ] {
        let message = refusal(&server, &auth.to_string()).await;
        assert_eq!(Refusal::from_text(&message).code, code, "{message}");
        assert!(message.contains(text), "{message}");
        assert!(message.contains("issuer"), "{message} tells what to do");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_tokens_lets_nobody_in_without_one() {
    let server = server(true).await;
    for auth in ["", "{}", r#"{"token":null}"#] {
        assert!(refusal(&server, auth).await.contains("only people with a token"), "{auth}");
    }
    let auth = json!({ "token": token(&Value::Null, None) });
    Client::connect_as(&server, auth).await.join(json!({ "roomId": "room" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_only_the_rooms_it_names() {
    let server = server(true).await;
    let auth = json!({ "token": token(&Value::Null, Some(&["team-*"])) });
    let mut ann = Client::connect_as(&server, auth).await;
    match ann.ask_to_join(json!({ "roomId": "hall" })).await {
        JoinReply::Refused { error } => {
            assert_eq!((error.code.class(), error.code), ("join-refused", RefusalCode::TokenRoom));
            assert!(error.to_string().contains("does not open this room"), "{error}");
        }
        JoinReply::Welcome(_) => panic!("in"),
    }
    ann.join(json!({ "roomId": "team-a" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_issue_tokens() {
    let path = std::env::temp_dir().join(format!("confab-token-key-{}", std::process::id()));
    std::fs::write(&path, [KEY, b"\n"].concat()).unwrap();
    let issue = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_confab-server"));
        command.args(["token", "--token-key-file"]).arg(&path).args(arguments).output().unwrap()
    };
    let issued = issue(&["--sub", "ann", "--metadata", r#"{"role":"host"}"#, "--room", "room"]);
    let bad = issue(&["--metadata", "[]"]);
    std::fs::write(&path, b"short").unwrap();
    let short = issue(&[]);
    std::fs::remove_file(&path).ok();
    assert_eq!(short.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&short.stderr).contains("has 5 bytes; it needs 32"), "{short:?}");
    assert_eq!(bad.status.code(), Some(2));

    let token = String::from_utf8(issued.stdout).unwrap();
    let server = server(true).await;
    let mut ann = Client::connect_as(&server, json!({ "token": token.trim() })).await;
    ann.join(json!({ "roomId": "room" })).await;
    let mut ben = Client::connect_as(&server, json!({ "token": token.trim() })).await;
    let welcome = ben.join(json!({ "roomId": "room" })).await;
    assert_eq!(welcome.members[0].metadata, json!({ "role": "host" }).as_object().cloned());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_inside_goes_when_the_token_ends() {
    let server = server(true).await;
    let mut ann = Client::connect_as(&server, json!({ "token": token(&Value::Null, None) })).await;
    ann.join(json!({ "roomId": "room" })).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // Half a minute of leeway is almost over.
    let short = mint(KEY, &Claims { exp: now - 28, ..Claims::lasting(Duration::ZERO) }).unwrap();
    let auth = json!({ "token": short });
    let mut eve = Raw::connect_as(&server, &auth.to_string()).await;
    assert!(eve.next().await.unwrap().starts_with("40{"));
    assert!(eve.join(json!({ "roomId": "room" })).await.unwrap()["id"].is_string());
    let last = eve.rest_until_disconnect().await;
    assert!(last.contains("server-error") && last.contains("token-expired"), "{last}");
    while ann.next().await.0 != "#rtcio:peer-left" {}
    assert!(refusal(&server, &auth.to_string()).await.contains("expired"));
}
