//! Ports, and the end.

use crate::support::{Client, ENGINE, Raw, config, http, http_with_body, polling_session, server, soon};
use confab_server::{BindError, Limits, Server, ServerConfig};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_taken_port_is_named_or_gone_around() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let listen = taken.local_addr().unwrap();
    let error = Server::bind(ServerConfig { listen, ..config() }).await.unwrap_err();
    assert!(matches!(error, BindError::PortInUse { .. }), "{error}");
    assert!(error.to_string().contains(&listen.to_string()));

    let server = Server::bind(ServerConfig { listen, fallback_ports: true, ..config() }).await.unwrap();
    assert_ne!(server.local_addr().port(), listen.port());
    assert!(http(server.local_addr(), "GET /healthz HTTP/1.1").await.contains("confab"));
}

#[tokio::test]
async fn an_address_of_another_computer_is_named() {
    // TEST-NET-1, RFC 5737: nobody's.
    let listen = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
    for fallback_ports in [false, true] {
        let error = Server::bind(ServerConfig { listen, fallback_ports, ..config() }).await.unwrap_err();
        assert!(matches!(error, BindError::Listen { .. }), "{error}");
    }
}

#[tokio::test]
async fn the_addresses_are_ones_that_work() {
    let server = Server::bind(ServerConfig { listen: "0.0.0.0:0".parse().unwrap(), ..config() }).await.unwrap();
    for url in server.urls() {
        let address = url.socket_addrs(|| None).unwrap()[0];
        assert!(http(address, "GET /healthz HTTP/1.1").await.contains("confab"), "{url}");
    }
    let public_url = Some("https://meet.example.org/".parse().unwrap());
    let server = Server::bind(ServerConfig { public_url, ..config() }).await.unwrap();
    assert_eq!(server.urls()[0].as_str(), "https://meet.example.org/");
    assert_eq!(server.urls()[1].port(), Some(server.local_addr().port()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_closes_every_connection_and_reports_nobody_as_gone() {
    let server = server().await;
    let address = server.local_addr();
    let mut members = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::open(&server).await;
        // Acknowledged: each has entered before the stop.
        raw.send(format!("420{}", json!(["join-room", { "roomId": "room" }]))).await;
        while !raw.next().await.expect("the acknowledgement").starts_with("430") {}
        members.push(raw);
    }
    let idle = TcpStream::connect(address).await.unwrap();
    soon("the stop", server.shutdown()).await;
    for mut member in members {
        let heard = member.rest().await;
        assert!(!heard.iter().any(|text| text.contains("left") || text.contains("disconnected")), "{heard:?}");
        assert_eq!(heard.last().map(String::as_str), Some("1"), "Engine.IO's own word for the end");
    }
    drop(idle);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_long_polling_too() {
    let server = server().await;
    let address = server.local_addr();
    let path = format!("{ENGINE}=polling&sid={}", polling_session(address).await);
    // The namespace, and a first poll that takes its answer.
    let post = format!("POST {path} HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 2");
    let answer = http_with_body(address, &post, "40").await;
    assert!(answer.ends_with("ok"), "{answer}");
    assert!(http(address, &format!("GET {path} HTTP/1.1")).await.contains("40{"));

    let mut poll = TcpStream::connect(address).await.unwrap();
    poll.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    soon("the stop", server.shutdown()).await;
    // Answered or just ended, whichever came first; but not left hanging.
    soon("the end of the poll", poll.read_to_end(&mut Vec::new())).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_server_stops_too() {
    let server = server().await;
    let mut raw = Raw::open(&server).await;
    drop(server);
    raw.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_falls_silent_is_noticed() {
    let limits =
        Limits { ping_interval: Duration::from_secs(1), ping_timeout: Duration::from_secs(2), ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let mut silent = Raw::open(&server).await;
    silent.event("join-room", json!({ "roomId": "room" })).await;
    let mut ann = Client::connect(&server).await;
    soon("the silent member's seat", async {
        while ann.join(json!({ "roomId": "room" })).await.members.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Its connection stands, but nobody reads it and answers the pings.
    while ann.next().await.0 != "#rtcio:peer-left" {}
    drop(silent);
}
