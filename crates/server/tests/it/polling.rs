//! Long polling: what one body may hold, and what it costs.

use crate::support::{ENGINE, config, http, http_with_body, polling_session, server, soon, tcp};
use confab_server::{Limits, Server, ServerConfig};
use confab_wire::limits;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn post(address: SocketAddr, sid: &str, body: &str) -> String {
    let length = body.len();
    let head =
        format!("POST {ENGINE}=polling&sid={sid} HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: {length}");
    http_with_body(address, &head, body).await
}

/// A session by polling whose client is connected.
async fn polling_client(address: SocketAddr) -> String {
    let sid = polling_session(address).await;
    assert!(post(address, &sid, "40").await.ends_with("ok"));
    assert!(http(address, &format!("GET {ENGINE}=polling&sid={sid} HTTP/1.1")).await.contains("40{"));
    sid
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stock_client_sends_at_once_passes() {
    let server = server().await;
    let address = server.local_addr();
    let sid = polling_client(address).await;
    // All that a socket may say at once, in one body.
    let mut packets = vec![r#"42["join-room",{"roomId":"room"}]"#.to_owned()];
    packets.extend((0..900).map(|n| format!(r##"42["#rtcio:message",{{"target":"x","data":{{"mid":"{n}"}}}}]"##)));
    packets.push(r#"421["rtcio-probe"]"#.to_owned());
    assert!(post(address, &sid, &packets.join("\u{1e}")).await.ends_with("ok"));
    assert!(http(address, &format!("GET {ENGINE}=polling&sid={sid} HTTP/1.1")).await.contains("431["));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded() {
    let limits = Limits { polling_packets: 10, message_bytes: 1_000, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let address = server.local_addr();
    let sid = polling_session(address).await;
    assert!(post(address, &sid, &["3"; 10].join("\u{1e}")).await.starts_with("HTTP/1.1 200"));
    assert!(post(address, &sid, &["3"; 11].join("\u{1e}")).await.starts_with("HTTP/1.1 413"));
    assert!(post(address, &sid, &["40"; 5].join("\u{1e}")).await.starts_with("HTTP/1.1 413"));
    assert!(post(address, &sid, &"\u{1e}".repeat(11)).await.starts_with("HTTP/1.1 413"));
    assert!(post(address, &sid, &format!("4{}", "x".repeat(1_000))).await.starts_with("HTTP/1.1 413"));
    let chunked = format!("POST {ENGINE}=polling&sid={sid} HTTP/1.1\r\nTransfer-Encoding: chunked");
    let body = format!("4000\r\n{}\r\n0\r\n\r\n", "x".repeat(0x4000));
    assert!(http_with_body(address, &chunked, &body).await.starts_with("HTTP/1.1 413"));
}

/// The id of a session is that of its member, which all others of the room know.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_or_listens_for_a_member_by_its_id() {
    let server = server().await;
    let address = server.local_addr();
    let sid = polling_client(address).await;
    for head in [format!("GET {ENGINE}=polling&sid={sid}"), format!("POST {ENGINE}=polling&sid={sid}")] {
        let mut eve = tcp(Ipv4Addr::new(127, 0, 0, 2), address, false).await.unwrap();
        let request = format!("{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        eve.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon("an answer", eve.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("Session ID unknown"), "{answer}");
    }
    assert!(post(address, &sid, "3").await.ends_with("ok"));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn many_tiny_packets_take_no_memory() {
    use crate::process::{Program, command};
    let state = tempfile::tempdir().unwrap();
    let server = Program::start(&mut command(state.path()));
    let address = server.address;
    for packet in ["40", "2", "3", "4", "42[]", "40/x,", ""] {
        for count in [limits::SIGNALING_MESSAGE_BYTES / (packet.len() + 1), limits::SIGNALING_BURST as usize] {
            let body = vec![packet; count].join("\u{1e}");
            let before = server.memory();
            let posts = (0..12).map(|_| async {
                let sid = polling_session(address).await;
                // Refused, and closed while it is still sent.
                let head = format!("POST {ENGINE}=polling&sid={sid} HTTP/1.1\r\nContent-Length: {}", body.len());
                tokio::time::timeout(crate::support::WAIT, send(address, &head, &body)).await.unwrap();
            });
            futures_util::future::join_all(posts).await;
            let more = server.memory().saturating_sub(before);
            assert!(more < 40, "{more} MiB for {count} packets {packet:?}");
        }
    }
}

/// Sends a request whose answer does not matter.
#[cfg(target_os = "linux")]
async fn send(address: SocketAddr, head: &str, body: &str) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nHost: {address}\r\nConnection: close\r\n\r\n{body}");
    if stream.write_all(request.as_bytes()).await.is_ok() {
        stream.read_to_end(&mut Vec::new()).await.ok();
    }
}
