//! Pages and our participant on a server that is not ours: npm's socket.io with the handlers of rtc.io's documentation, which
//! answers no joins and tells no ids.

use crate::interop::peers::{join, sees_and_hears, write_to_each_other};
use crate::interop::{Outcome, SMALL, seen_and_heard};
use confab_testkit::browser::{Browser, Page};
use confab_testkit::process::Peer;
use confab_testkit::stock_server::StockServer;
use confab_testkit::tcp_proxy::TcpProxy;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};

fn link(server: &str, room: &str) -> String {
    format!("{server}/r/{room}")
}

/// Both see, hear and read each other.
async fn meet(page: &Page, peer: &mut Peer, name: &str) -> Outcome {
    page.wait_for_person("Ben", &seen_and_heard(660)).await?;
    sees_and_hears(peer, name).await?;
    write_to_each_other(page, peer, name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_joins_a_page_on_a_stock_server_and_leaves_it() -> Outcome {
    let (server, browser) = (StockServer::start().await?, Browser::start().await?);
    let link = link(&server.url(), "page-first");
    let ann = browser.open("Ann").await?;
    let ann_id = ann.join_unanswered(&link, Some(440), Some(SMALL)).await?;
    ann.eval("call.say('before Ben came')").await?;
    let mut ben = join(&link, "Ben", 660, &[])?;
    let ben_id = ben.joined().await?;
    meet(&ann, &mut ben, "Ann").await?;
    assert_eq!(ann.eval("return call.find('Ben')").await?, json!(ben_id), "one id for both");
    ben.wait_for("chat", |chat| chat["text"] == "before Ben came" && chat["author"] == ann_id.as_str()).await?;
    assert_eq!(ben.leave().await?, Some(0));
    ann.wait("the end of Ben", &format!("call.state.people['{ben_id}'].gone")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_a_peer_on_a_stock_server_and_one_comes_late() -> Outcome {
    let (server, browser) = (StockServer::start().await?, Browser::start().await?);
    let link = link(&server.url(), "peer-first");
    let mut ben = join(&link, "Ben", 660, &[])?;
    ben.joined().await?;
    let ann = browser.open("Ann").await?;
    ann.join_unanswered(&link, Some(440), Some(SMALL)).await?;
    meet(&ann, &mut ben, "Ann").await?;
    let cat = browser.open("Cat").await?;
    let cat_id = cat.join_unanswered(&link, Some(880), Some(SMALL)).await?;
    cat.wait_for_person("Ben", &seen_and_heard(660)).await?;
    sees_and_hears(&mut ben, "Cat").await?;
    let told = "call.state.chat.some((message) => message.text === 'from the browser')";
    cat.wait("what was written before", told).await?;
    cat.close().await?;
    ben.wait_for("peer-disconnect", |event| event["id"] == cat_id.as_str()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_whose_line_to_a_stock_server_breaks_comes_back() -> Outcome {
    let (server, browser) = (StockServer::start().await?, Browser::start().await?);
    let line = TcpProxy::to(SocketAddr::from((Ipv4Addr::LOCALHOST, server.port))).await?;
    let ann = browser.open("Ann").await?;
    ann.join_unanswered(&link(&server.url(), "back"), Some(440), Some(SMALL)).await?;
    let mut ben = join(&link(&line.url(), "back"), "Ben", 660, &[])?;
    let old = ben.joined().await?;
    meet(&ann, &mut ben, "Ann").await?;
    line.cut();
    ben.wait_for("call-state", |event| event["state"] == "server-lost").await?;
    line.mend();
    ben.wait_for("call-state", |event| event["state"] == "in-call").await?;
    // Ben is somebody new to the page, and the old one goes.
    ann.wait("the end of the old Ben", &format!("call.state.people['{old}'].gone")).await?;
    ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    sees_and_hears(&mut ben, "Ann").await?;
    ben.process.say("back again").await?;
    ann.wait("Ben's words", "call.state.chat.some((message) => message.text === 'back again')").await?;
    Ok(())
}
