//! What the program is told, and what it says.

use crate::process::{Program, command, ends};
use crate::support::Raw;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::json;
use std::net::Ipv4Addr;
use std::path::Path;

/// Asserts that it ends with exit code 2, and says each of `words`.
fn refuses(state: &Path, arguments: &[&str], variables: &[(&str, &str)], words: &[&str]) {
    let output = ends(command(state).envs(variables.iter().copied()).args(arguments));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?} {variables:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?} {variables:?}: {said:?} does not say {word:?}");
    }
}

async fn member(server: &Program, resume: Option<&str>) -> serde_json::Value {
    let mut raw = Raw::connect_from(Ipv4Addr::LOCALHOST, server.address, "").await.unwrap();
    assert!(raw.next().await.unwrap().starts_with("40{"));
    raw.join(json!({ "roomId": "hall", "name": "Ann", "resume": resume })).await.unwrap()
}

#[test]
fn addresses_that_browsers_throw_on_are_refused_at_the_start() {
    let state = tempfile::tempdir().unwrap();
    let refuses = |arguments: &[&str], words: &[&str]| refuses(state.path(), arguments, &[], words);
    for url in ["stun:127.0.0.1:9?transport=udp", "stun://127.0.0.1:9", "stun:127.0.0.1:99999", "", "turn:a", "None"] {
        refuses(&["--stun", url], &[&format!("{url:?}"), "STUN"]);
    }
    refuses(&["--stun", "stun:a", "--stun", "none"], &["\"none\""]);
    for url in ["turn://127.0.0.1:3478", "turn:2001:db8::1:3478", "stun:a", "turn:a?transport=quic"] {
        refuses(&["--stun", "none", "--turn-secret", "s", "--turn-url", url], &[&format!("{url:?}"), "TURN"]);
    }
    let many: Vec<&str> = (0..9).flat_map(|_| ["--stun", "stun:stun.example.org"]).collect();
    refuses(&many, &["9 STUN servers", "at most 8"]);
    refuses(&["--public-url", "https://example.org/confab/"], &["/confab/", "path"]);
    refuses(&["--public-url", "https://example.org/?x"], &["path"]);
    refuses(&["--trusted-proxy", "proxy"], &["10.0.0.0/8"]);
}

#[test]
fn secrets_that_are_none_are_refused() {
    let state = tempfile::tempdir().unwrap();
    let refuses = |arguments: &[&str], variables: &[(&str, &str)], words: &[&str]| {
        refuses(state.path(), arguments, variables, words);
    };
    refuses(&["--secret", "hunter2"], &[], &["7 bytes", "32"]);
    refuses(&["--secret", ""], &[], &["0 bytes", "32"]);
    refuses(&[], &[("CONFAB_SERVER_SECRET", "hunter2")], &["7 bytes", "32"]);
    refuses(&[], &[("CONFAB_SERVER_SECRET", "   ")], &["3 bytes"]);
    let turn = ["--turn-url", "turn:turn.example.org"];
    refuses(&turn, &[], &["--turn-secret", "CONFAB_TURN_SECRET"]);
    refuses(&turn, &[("CONFAB_TURN_SECRET", "")], &["--turn-secret", "CONFAB_TURN_SECRET"]);
    refuses(&[&turn[..], &["--turn-secret", ""]].concat(), &[], &["static-auth-secret"]);
    refuses(&["--turn-secret", "north"], &[], &["--turn-url"]);
    let file = state.path().join("short");
    std::fs::write(&file, "hunter2").unwrap();
    refuses(&["--secret-file", file.to_str().unwrap()], &[], &["short", "7 bytes"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hunter2");
    refuses(&[], &[("RUST_LOG", "info,=,")], &["RUST_LOG"]);
}

#[test]
fn places_to_listen_may_have_names() {
    let state = tempfile::tempdir().unwrap();
    for text in ["localhost", "7420x", "localhost:", "localhost:99999", "::1:7420", "127.0.0.1"] {
        refuses(state.path(), &["--listen", text], &[], &["localhost:7420"]);
    }
    refuses(state.path(), &["--listen", "there-is-no.invalid:1"], &[], &["there-is-no.invalid"]);
    // The last one counts, so this one listens at a name.
    let mut named = command(state.path());
    let mut child = named.args(["--listen", "localhost:0"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("http://127.0.0.1:") || line.starts_with("http://[::1]:"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_variable_is_no_key_that_everybody_knows() {
    let state = tempfile::tempdir().unwrap();
    let server = Program::start(command(state.path()).env("CONFAB_SERVER_SECRET", "").env("CONFAB_TURN_SECRET", ""));
    let mut victim = Raw::connect_from(Ipv4Addr::LOCALHOST, server.address, "").await.unwrap();
    assert!(victim.next().await.unwrap().starts_with("40{"));
    let id = victim.join(json!({ "roomId": "hall" })).await.unwrap()["id"].as_str().unwrap().to_owned();
    for says in [id.clone(), format!("{id}.0.99999999999"), format!("{id}.1.99999999999")] {
        for key in ["", "kept", "secret"] {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
            mac.update(&(says.len() as u64).to_be_bytes());
            mac.update(says.as_bytes());
            mac.update(b"hall");
            let token = format!("{says}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
            assert_ne!(member(&server, Some(&token)).await["id"], id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_secret_one_is_made_and_kept() {
    let state = tempfile::tempdir().unwrap();
    let first = Program::start(&mut command(state.path()));
    let before = member(&first, None).await;
    drop(first);
    let path = state.path().join("confab-server/secret");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let second = Program::start(&mut command(state.path()));
    let resume = before["resume"].as_str().unwrap();
    assert_eq!(member(&second, Some(resume)).await["id"], before["id"]);
    drop(second);
    // Whoever takes it away revokes what was given out.
    std::fs::remove_file(&path).unwrap();
    let third = Program::start(&mut command(state.path()));
    assert_ne!(member(&third, Some(resume)).await["id"], before["id"]);
    drop(third);
    // Where nothing can be kept the server starts all the same.
    let nowhere = tempfile::NamedTempFile::new().unwrap();
    let fourth = Program::start(&mut command(nowhere.path()));
    member(&fourth, None).await;
    assert!(fourth.stop().contains("--secret-file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_in_all_detail_has_no_colours_and_no_secrets_of_others() {
    let state = tempfile::tempdir().unwrap();
    let server = Program::start(command(state.path()).env("RUST_LOG", "trace"));
    let mut ann =
        Raw::connect_from(Ipv4Addr::LOCALHOST, server.address, r#"{"token":"a-token-of-hers"}"#).await.unwrap();
    assert!(ann.next().await.unwrap().starts_with("40{"));
    let id = ann.join(json!({ "roomId": "a-secret-room", "name": "Annabel" })).await.unwrap()["id"].clone();
    let mut ben = Raw::connect_from(Ipv4Addr::LOCALHOST, server.address, "").await.unwrap();
    assert!(ben.next().await.unwrap().starts_with("40{"));
    ben.join(json!({ "roomId": "a-secret-room" })).await.unwrap();
    let sdp = "v=0\r\na=ice-pwd:a-password-of-ice\r\n";
    ben.event("#rtcio:message", json!({ "target": id, "data": { "description": { "type": "offer", "sdp": sdp } } }))
        .await;
    while !ann.next().await.unwrap().contains("a-password-of-ice") {}
    ben.event("direct-message", json!({ "target": id, "data": "an-application's-own" })).await;
    while !ann.next().await.unwrap().contains("an-application's-own") {}
    ben.event("#rtcio:message", json!({ "target": "a-password-of-ice", "data": { "mid": 7 } })).await;
    ben.send("42[\"join-room\",{\"roomId\":\"a-secret-room\"").await;
    ben.rest().await;
    crate::support::http(server.address, "GET /r/a-secret-room HTTP/1.1").await;
    let logged = server.stop();
    assert!(logged.contains("DEBUG"), "{logged}");
    for secret in
        ["\u{1b}", "a-secret-room", "Annabel", "a-password-of-ice", "an-application", "a-token-of-hers", "resume"]
    {
        let line = logged.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret:?}");
    }
}
