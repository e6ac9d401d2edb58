//! Clients that send and do not read: what waits for them is bounded, and they are cut.

use crate::support::{Raw, config, soon};
use confab_server::{Limits, Server, ServerConfig};
use serde_json::json;
use std::time::Duration;

/// More than the system takes for one connection.
const MORE_THAN_THE_SYSTEM_TAKES: usize = 40;

/// A signal of a quarter of a megabyte.
fn large(target: &str) -> serde_json::Value {
    json!({ "target": target, "data": { "description": { "type": "offer", "sdp": "s".repeat(250_000) } } })
}

fn id(welcome: &serde_json::Value) -> String {
    welcome["id"].as_str().unwrap().to_owned()
}

/// A server, a member to whom more was sent than the system takes, and the one who sent it.
async fn a_slow_reader(limits: Limits) -> (Server, Raw, Raw) {
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let mut slow = Raw::narrow(server.local_addr()).await;
    let target = id(&slow.join(json!({ "roomId": "room" })).await.unwrap());
    let mut ben = Raw::open(&server).await;
    ben.join(json!({ "roomId": "room" })).await.unwrap();
    for _ in 0..MORE_THAN_THE_SYSTEM_TAKES {
        ben.event("#rtcio:message", large(&target)).await;
    }
    (server, slow, ben)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_is_cut_however_alive_it_seems() {
    let limits = Limits {
        write_timeout: Duration::from_secs(1),
        byte_burst: 1 << 30,
        // Only what it does not take may end it.
        ping_interval: Duration::from_secs(300),
        ..Limits::default()
    };
    let (_server, mut slow, mut ben) = a_slow_reader(limits).await;
    // Pongs that nobody asked for.
    let pongs = tokio::spawn(async move {
        loop {
            slow.send("3").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    while !soon("the end of the slow one", ben.next()).await.unwrap().contains("peer-left") {}
    pongs.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_but_goes_on_stays() {
    let limits = Limits { write_timeout: Duration::from_secs(2), byte_burst: 1 << 30, ..Limits::default() };
    let (_server, mut slow, _ben) = a_slow_reader(limits).await;
    let mut signals = 0;
    while signals < 8 {
        signals += u32::from(slow.next().await.expect("it is not cut").contains("#rtcio:message"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_cost_little_memory_and_are_cut() {
    use crate::process::{Program, command};
    use std::net::Ipv4Addr;
    let state = tempfile::tempdir().unwrap();
    let server = Program::start(&mut command(state.path()));
    let mut ben = Raw::connect_from(Ipv4Addr::LOCALHOST, server.address, "").await.unwrap();
    assert!(ben.next().await.unwrap().starts_with("40{"));
    ben.join(json!({ "roomId": "room" })).await.unwrap();
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut one = Raw::narrow(server.address).await;
        let target = id(&one.join(json!({ "roomId": "room" })).await.unwrap());
        slow.push((one, target));
    }
    let before = server.memory();
    // A hundred megabytes for the three, as fast as one socket may send.
    for _ in 0..MORE_THAN_THE_SYSTEM_TAKES {
        for (_, target) in &slow {
            ben.event("#rtcio:message", large(target)).await;
        }
    }
    let more = server.memory().saturating_sub(before);
    assert!(more < 40, "{more} MiB for three slow readers");
    // All of them, and whoever sent it, are gone: it was more than it may send, too.
    let mut witness = Raw::connect_from(Ipv4Addr::new(127, 0, 0, 2), server.address, "").await.unwrap();
    assert!(witness.next().await.unwrap().starts_with("40{"));
    soon("the end of the slow ones", async {
        loop {
            let room = witness.join(json!({ "roomId": "room" })).await.unwrap();
            let members = room["members"].as_array().unwrap();
            if !members.iter().any(|member| slow.iter().any(|(_, id)| member["id"] == **id)) {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
}

/// tungstenite answers each ping of the WebSocket into a buffer without bounds.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn pings_whose_pongs_nobody_takes_cost_little_memory() {
    use crate::process::{Program, command};
    let state = tempfile::tempdir().unwrap();
    let server = Program::start(&mut command(state.path()));
    let mut slow = Raw::narrow(server.address).await;
    let before = server.memory();
    // Ten times what the system and the server take, or until neither takes any more.
    let pings = async {
        for _ in 0..800_000 {
            if !slow.ping().await {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(25), pings).await.ok();
    let more = server.memory().saturating_sub(before);
    assert!(more < 20, "{more} MiB");
}
