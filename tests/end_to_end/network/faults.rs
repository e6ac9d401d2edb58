//! What becomes of a call when the network fails and comes back.

use crate::network::{Outcome, call_network, guest};
use confab_testkit::network::profile::{CLEAN, CUT};
use std::net::Ipv4Addr;

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_of_seconds_is_survived() -> Outcome {
    let Some(mut network) = call_network("faults::a_cut_of_seconds_is_survived").await? else { return Ok(()) };
    let mut ann = guest(&mut network, "Ann", CLEAN).await?;
    let mut ben = guest(&mut network, "Ben", CLEAN).await?;
    ann.sees("Ben", 20).await?;
    ben.sees("Ann", 20).await?;
    ben.host.set(CUT);
    ann.peer.wait_for("peer-state", |event| event["id"] == ben.id.as_str() && event["state"] == "reconnecting").await?;
    ben.host.set(CLEAN);
    ann.sees("Ben", 20).await?;
    ben.sees("Ann", 20).await?;
    let of_ben = |event: &&serde_json::Value| event["id"] == ben.id.as_str();
    let gone = ann.peer.events().iter().filter(of_ben).any(|event| event["event"] == "peer-disconnect");
    assert!(!gone, "a cut shorter than the watchdog is no departure");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_network_takes_the_call_over() -> Outcome {
    let Some(mut network) = call_network("faults::another_network_takes_the_call_over").await? else { return Ok(()) };
    let mut ann = guest(&mut network, "Ann", CLEAN).await?;
    let mut ben = guest(&mut network, "Ben", CLEAN).await?;
    ann.sees("Ben", 20).await?;
    ben.sees("Ann", 20).await?;
    ben.host.move_to(Ipv4Addr::new(10, 77, 0, 200))?;
    let healing = ben
        .peer
        .wait_for("peer-state", |event| event["id"] == ann.id.as_str() && event["state"] == "reconnecting")
        .await?;
    ann.sees("Ben", 20).await?;
    ben.sees("Ann", 20).await?;
    let events = ben.peer.events();
    let lost = events.iter().position(|event| event["event"] == "call-state" && event["state"] == "server-lost");
    let healing = events.iter().position(|event| *event == healing);
    assert!(
        lost.is_some() && lost < healing,
        "silence was noticed first, and not the new address: {lost:?} {healing:?}"
    );
    println!("Ann: {:?}, Ben: {:?}", ann.states_of(&ben.id), ben.states_of(&ann.id));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_out_of_reach_ends_no_call() -> Outcome {
    let Some(mut network) = call_network("faults::a_server_that_is_out_of_reach_ends_no_call").await? else {
        return Ok(());
    };
    let mut ann = guest(&mut network, "Ann", CLEAN).await?;
    let mut ben = guest(&mut network, "Ben", CLEAN).await?;
    ann.sees("Ben", 20).await?;
    network.server_host.set(CUT);
    ann.peer.wait_for("call-state", |event| event["state"] == "server-lost").await?;
    let lost = ann.now();
    ann.sees("Ben", 30).await?;
    ben.sees("Ann", 30).await?;
    network.server_host.set(CLEAN);
    ann.peer.wait_for("call-state", |event| event["t"].as_u64() > Some(lost) && event["state"] == "in-call").await?;
    let mut cat = guest(&mut network, "Cat", CLEAN).await?;
    cat.sees("Ann", 10).await?;
    cat.sees("Ben", 10).await?;
    assert!(ann.states_of(&ben.id).iter().all(|state| state == "connected"), "{:?}", ann.states_of(&ben.id));
    Ok(())
}
