//! The stock server, a browser with stock clients, and peers of ours.

use super::Outcome;
use confab_peerjs::{Addresses, DataConnectionEvent, DataConnectionEvents, Peer, PeerBuilder, PeerEvent, PeerEvents};
use confab_testkit::browser::{Browser, Page};
use confab_testkit::process::{PATIENCE, Process};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::path::Path;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

/// The server and the browser.
pub struct World {
    pub browser: Browser,
    pub port: u16,
    _server: Process,
}

impl World {
    /// `options`: those of the stock server.
    pub async fn start(options: Value) -> Outcome<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
        let mut command = Command::new("node");
        command.arg(folder.join("peerserver.js")).arg(options.to_string());
        let mut server = Process::start(command)?;
        let port_in = |line: &String| serde_json::from_str::<Value>(line).ok()?["port"].as_u64();
        let port = server.wait_for("the server's port", |lines| lines.iter().find_map(port_in)).await?;
        let port = u16::try_from(port)?;
        Ok(Self { browser: Browser::start().await?, port, _server: server })
    }

    pub fn builder(&self) -> PeerBuilder {
        let (_, addresses) = watch::channel(Addresses::exactly([Ipv4Addr::LOCALHOST.into()]));
        Peer::builder().host("127.0.0.1").port(self.port).secure(false).addresses(addresses)
    }

    /// A peer of ours that is open.
    pub async fn ours(&self, id: &str) -> Outcome<(Peer, PeerEvents)> {
        let (peer, mut events) = self.builder().id(id).build()?;
        let event = next(&mut events).await?;
        assert!(matches!(&event, PeerEvent::Open { id: given } if given == id), "{event:?}");
        Ok((peer, events))
    }

    /// A page with a stock client that is begun, and open.
    pub async fn stock(&self, id: &str) -> Outcome<Page> {
        let page = self.page(id).await?;
        self.begin(&page, json!(id), json!({})).await?;
        page.wait("the stock client's id", "stock.noted('open')").await?;
        Ok(page)
    }

    /// A page with a stock client.
    pub async fn page(&self, name: &str) -> Outcome<Page> {
        let page = self.browser.open(name).await?;
        page.eval("await import('/page/stock.js')").await?;
        Ok(page)
    }

    pub async fn begin(&self, page: &Page, id: Value, more: Value) -> Outcome {
        let mut options = json!({ "host": "127.0.0.1", "port": self.port, "path": "/", "secure": false, "debug": 1 });
        for (key, value) in more.as_object().into_iter().flatten() {
            options[key] = value.clone();
        }
        page.eval(&format!("stock.start({id}, {options})")).await?;
        Ok(())
    }
}

pub async fn next(events: &mut PeerEvents) -> Outcome<PeerEvent> {
    Ok(timeout(PATIENCE, events.recv()).await?.ok_or("the events end")?)
}

/// The next event of a data connection that is not about ICE.
pub async fn next_of(events: &mut DataConnectionEvents) -> Outcome<DataConnectionEvent> {
    loop {
        match timeout(PATIENCE, events.recv()).await?.ok_or("the events end")? {
            DataConnectionEvent::IceStateChanged(_) => {}
            event => return Ok(event),
        }
    }
}
