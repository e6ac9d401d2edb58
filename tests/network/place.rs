//! A signaling server and headless participants, each on a host of its own.

use confab_testkit::network::lab::{Lab, LabError, Node, inside};
use confab_testkit::network::profile::Profile;
use confab_testkit::process::{Peer, ProcessError, Server};
use serde_json::Value;
use std::io;

/// The network and the server in it.
pub struct Place {
    lab: Lab,
    /// The server's host.
    pub server_host: Node,
    server: Server,
}

/// A participant and its host.
pub struct Guest {
    pub peer: Peer,
    pub host: Node,
    pub id: String,
}

/// A place for the test `name`, or nothing to do here: another process has run it, or it can't be run and says so.
pub async fn place(name: &str) -> Result<Option<Place>, Box<dyn std::error::Error>> {
    match inside(name) {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(error @ LabError::Refused { .. }) => {
            println!("not run: {error}");
            return Ok(None);
        }
    }
    let mut lab = Lab::new(3);
    let server_host = lab.server()?;
    let address = format!("{}:7420", server_host.address());
    let server = Server::start_with(&address, |command| host(&server_host, command.as_std_mut())).await?;
    Ok(Some(Place { lab, server_host, server }))
}

impl Place {
    /// Someone joins with the test pattern and a tone, behind a network like `profile`.
    pub async fn guest(&mut self, name: &str, profile: Profile) -> Result<Guest, Box<dyn std::error::Error>> {
        let node = self.lab.node(profile)?;
        let arguments = ["--video", "pattern", "--size", "640x360", "--bitrate", "600", "--audio", "tone:440"];
        let mut command = Peer::command(&self.server.link("network"), name, &arguments)?;
        host(&node, command.as_std_mut())?;
        let mut peer = Peer { process: confab_testkit::process::Process::start(command)? };
        let id = peer.joined().await?;
        Ok(Guest { peer, host: node, id })
    }
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

fn host(node: &Node, command: &mut std::process::Command) -> Result<(), ProcessError> {
    node.host(command).map_err(|error| ProcessError::Io("a namespace", io::Error::other(error)))
}
