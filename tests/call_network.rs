//! A signaling server and participants of a call, each on a host of its own in the network laboratory.

use confab_testkit::browser::{Browser, BrowserError, Page};
use confab_testkit::network::inside::LabError;
use confab_testkit::network::lab::{Lab, Node};
use confab_testkit::network::profile::Profile;
use confab_testkit::process::{Peer, Process, ProcessError, Server};
use confab_testkit::turn::{TurnOptions, TurnServer};
use serde_json::Value;
use std::io;

/// What the signaling server and the TURN server share.
const TURN_SECRET: &str = "of-the-laboratory";

/// Why a network or a guest of it did not come to be.
#[derive(Debug, thiserror::Error)]
pub enum CallNetworkError {
    /// No host for it.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// No program on it.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// No browser on it.
    #[error(transparent)]
    Browser(#[from] BrowserError),
}

/// The network and the servers in it.
pub struct CallNetwork {
    lab: Lab,
    /// The signaling server's host.
    pub server_host: Node,
    server: Server,
    relay: Option<Relay>,
}

/// A TURN server over TCP and its host, which stay while the network does.
struct Relay {
    _host: Node,
    _server: TurnServer,
}

impl CallNetwork {
    /// A network with a signaling server.
    pub async fn new() -> Result<Self, CallNetworkError> {
        let mut lab = Lab::new(3);
        let server_host = lab.server()?;
        let server = signaling(&server_host, None).await?;
        Ok(Self { lab, server_host, server, relay: None })
    }

    /// The same with a TURN server that the signaling server tells everybody of, over TCP.
    pub async fn with_relay() -> Result<Self, CallNetworkError> {
        let mut lab = Lab::new(3);
        let (server_host, relay_host) = (lab.server()?, lab.server()?);
        let options =
            TurnOptions { address: relay_host.address(), port: 3478, tls_port: 5349, shared_secret: Some(TURN_SECRET) };
        let turn = TurnServer::start_with(options, |command| host(&relay_host, command.as_std_mut())).await?;
        let server = signaling(&server_host, Some(&turn.url("tcp"))).await?;
        let relay = Some(Relay { _host: relay_host, _server: turn });
        Ok(Self { lab, server_host, server, relay })
    }

    /// Whether there is a TURN server.
    pub fn has_relay(&self) -> bool {
        self.relay.is_some()
    }

    /// Someone joins without a window behind a network like `profile`, with further `arguments` of `confab-peer`.
    pub async fn guest(&mut self, name: &str, profile: Profile, arguments: &[&str]) -> Result<Guest, CallNetworkError> {
        self.guest_with(name, profile, arguments, &[]).await
    }

    /// The same with environment variables.
    pub async fn guest_with(
        &mut self,
        name: &str,
        profile: Profile,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Guest, CallNetworkError> {
        let node = self.lab.node(profile)?;
        let mut command = Peer::command(&self.link(), name, arguments)?;
        command.envs(environment.iter().copied());
        host(&node, command.as_std_mut())?;
        let mut peer = Peer { process: Process::start(command)? };
        let id = peer.joined().await?;
        Ok(Guest { peer, host: node, id })
    }

    /// A Chromium of its own behind a network like `profile`, with a page called `name` that has joined nothing yet.
    pub async fn page(&mut self, name: &str, profile: Profile) -> Result<PageGuest, CallNetworkError> {
        let node = self.lab.node(profile)?;
        let inside = |command: &mut tokio::process::Command| node.host(command.as_std_mut()).map_err(io::Error::other);
        let browser = Browser::start_prepared(&[], inside).await?;
        let page = browser.open(name).await?;
        Ok(PageGuest { page, host: node })
    }

    /// The same with the microphone and the speaker of the sound server that `environment` names.
    pub async fn page_with_sound(
        &mut self,
        name: &str,
        profile: Profile,
        environment: &[(&str, &str)],
    ) -> Result<PageGuest, CallNetworkError> {
        let node = self.lab.node(profile)?;
        let inside = |command: &mut tokio::process::Command| {
            command.envs(environment.iter().copied());
            node.host(command.as_std_mut()).map_err(io::Error::other)
        };
        let browser = Browser::start_with_sound(inside).await?;
        let page = browser.open(name).await?;
        Ok(PageGuest { page, host: node })
    }

    /// The link to the call.
    pub fn link(&self) -> String {
        self.server.link("network")
    }
}

/// A participant without a window and its host.
pub struct Guest {
    /// The program.
    pub peer: Peer,
    /// Its host.
    pub host: Node,
    /// Its peer id.
    pub id: String,
}

impl Guest {
    /// Waits until the picture of `name` has advanced by `frames` from now on, and its tone is heard. Returns the numbers.
    pub async fn sees(&mut self, name: &str, frames: u64) -> Result<Value, ProcessError> {
        let since = self.now();
        let mut first = None;
        self.peer
            .wait_for_stats_since(since, name, |stats| {
                let Some(number) = stats["pattern"].as_u64() else { return false };
                number > *first.get_or_insert(number) + frames && stats["audioLevel"].as_f64() > Some(0.02)
            })
            .await
    }

    /// Milliseconds since this participant started, as of its last event.
    pub fn now(&self) -> u64 {
        self.peer.events().iter().rev().find_map(|event| event["t"].as_u64()).unwrap_or(0)
    }

    /// The states that the connection to `peer` went through, in order.
    pub fn states_of(&self, peer: &str) -> Vec<String> {
        let events = self.peer.events();
        let states = events.iter().filter(|event| event["event"] == "peer-state" && event["id"] == peer);
        states.filter_map(|event| event["state"].as_str().map(str::to_owned)).collect()
    }
}

/// A page of Chromium and its host.
pub struct PageGuest {
    /// The page.
    pub page: Page,
    /// The host of its browser.
    pub host: Node,
}

async fn signaling(node: &Node, turn: Option<&str>) -> Result<Server, ProcessError> {
    let address = format!("{}:7420", node.address());
    Server::start_with(&address, |command| {
        if let Some(url) = turn {
            command.args(["--turn-url", url]).env("CONFAB_TURN_SECRET", TURN_SECRET);
        }
        host(node, command.as_std_mut())
    })
    .await
}

fn host(node: &Node, command: &mut std::process::Command) -> Result<(), ProcessError> {
    node.host(command).map_err(|error| ProcessError::Io("a namespace", io::Error::other(error)))
}
