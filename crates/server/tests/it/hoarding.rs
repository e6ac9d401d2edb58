//! Clients that hold a place and send nothing, or never the whole of it.

use crate::support::{ENGINE, Raw, config, polling_session, soon, tcp};
use confab_server::{Limits, Server, ServerConfig};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Ways to begin something and not to end it. `SID` stands for a session of long polling.
const UNFINISHED: &[&str] = &[
    "",
    "GET",
    "GET / HTTP/1.1\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    "POST SID HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    "POST SID HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n40",
    "POST SID HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST SID HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "POST SID HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n",
    "GET SID HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    "GET SID HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS SID HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    // The upgrade waits for the end of the body.
    "GET WEBSOCKET HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nUPGRADE\r\n\r\n",
    "GET WEBSOCKET HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nUPGRADE\r\n\r\n",
    // A WebSocket that never asks for a namespace, and half a frame.
    "GET WEBSOCKET HTTP/1.1\r\nHost: x\r\nUPGRADE\r\n\r\n",
    "GET WEBSOCKET HTTP/1.1\r\nHost: x\r\nUPGRADE\r\n\r\n\u{1}",
];

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

async fn begin(what: &str, address: SocketAddr, from: Ipv4Addr) -> TcpStream {
    let mut text = what.replace("WEBSOCKET", &format!("{ENGINE}=websocket")).replace("UPGRADE", UPGRADE);
    if text.contains("SID") {
        text = text.replace("SID", &format!("{ENGINE}=polling&sid={}", polling_session(address).await));
    }
    let mut stream = tcp(from, address, false).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_begun_and_not_ended_is_ended_by_the_server() {
    let short = Duration::from_millis(500);
    let limits = Limits { request_timeout: short, ping_interval: short, ping_timeout: short, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let address = server.local_addr();
    let ends = UNFINISHED.iter().map(|what| async move {
        let mut stream = begin(what, address, Ipv4Addr::LOCALHOST).await;
        // An end, or a reset.
        soon(what, stream.read_to_end(&mut Vec::new())).await.ok();
    });
    futures_util::future::join_all(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_is_ended_too() {
    let limits = Limits { request_timeout: Duration::from_millis(500), ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let address = server.local_addr();
    let what = "POST SID HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
    let mut stream = begin(what, address, Ipv4Addr::LOCALHOST).await;
    soon("the end", async {
        let mut answer = [0; 12];
        loop {
            tokio::select! {
                read = stream.read_exact(&mut answer) => {
                    // The answer, or a reset.
                    assert!(read.is_err() || &answer == b"HTTP/1.1 408");
                    break;
                }
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
            if stream.write_all(b"x").await.is_err() {
                break;
            }
        }
    })
    .await;
}

/// The real program, started with few descriptors, and an attack that would take them all.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn newcomers_get_in_while_requests_without_an_end_hold_what_they_can() {
    use crate::process::{Program, command};
    use std::process::Command;
    let state = tempfile::tempdir().unwrap();
    let server = command(state.path());
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -S -n 256; exec \"$0\" \"$@\""]).arg(server.get_program());
    limited.env_clear().env("XDG_STATE_HOME", state.path());
    let server = Program::start(&mut limited);
    let limits = server.proc("limits");
    let limit = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> = limit.split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers[0], numbers[1], "the soft limit is raised: {limit}");

    let before = server.descriptors();
    let mut held = Vec::new();
    let body = UNFINISHED[6].replace("SID", &format!("{ENGINE}=polling&sid={}", polling_session(server.address).await));
    for number in 0..1_000_u32 {
        let from = Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(number % 2).unwrap());
        let mut stream = tcp(from, server.address, false).await.unwrap();
        // The server may have closed it already.
        stream.write_all(body.as_bytes()).await.ok();
        held.push(stream);
        if number % 250 == 249 {
            let mut ann = Raw::connect_from(Ipv4Addr::LOCALHOST, server.address, "").await.expect("a newcomer");
            assert!(ann.next().await.unwrap().starts_with("40{"));
            assert!(ann.join(serde_json::json!({ "roomId": "room" })).await.unwrap()["id"].is_string());
        }
    }
    let most = server.descriptors() - before;
    assert!(most <= 2 * 256 + 10, "{most} descriptors for two addresses");
    soon("the end of the requests", async {
        while server.descriptors() > before + 5 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}
