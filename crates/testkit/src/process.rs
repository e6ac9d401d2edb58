//! Programs of ours as child processes: found, started, read line by line, and ended with the test.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long anything may take on a busy machine before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Why a process did not do what a test waits for.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The binary is not built.
    #[error("{0} is not built: run `cargo build --workspace` first (make test does)")]
    NotBuilt(PathBuf),
    /// The system refused.
    #[error("{0}: {1}")]
    Io(&'static str, std::io::Error),
    /// It did not come in time. Holds what came instead.
    #[error("waited for {what} in vain; the last lines were:\n{seen}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The last lines of its output.
        seen: String,
    },
}

/// Path of the program `name` of this workspace, in the profile of the running test.
pub fn binary(name: &str) -> Result<PathBuf, ProcessError> {
    let me = std::env::current_exe().map_err(|error| ProcessError::Io("current executable", error))?;
    let mut dir = me.parent().unwrap_or(Path::new(".")).to_owned();
    if dir.ends_with("deps") {
        dir.pop();
    }
    let path = dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() { Ok(path) } else { Err(ProcessError::NotBuilt(path)) }
}

/// A child process whose standard output is kept line by line.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: watch::Receiver<Vec<String>>,
}

impl Process {
    /// Starts `command`. Its standard error goes to that of the test.
    pub fn start(mut command: Command) -> Result<Self, ProcessError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| ProcessError::Io("start a program", error))?;
        let stdin = child.stdin.take();
        let (sender, lines) = watch::channel(Vec::new());
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(async move {
                let mut stdout = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = stdout.next_line().await {
                    sender.send_modify(|lines: &mut Vec<String>| lines.push(line));
                }
            });
        }
        Ok(Self { child, stdin, lines })
    }

    /// Process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Everything it printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// Waits until `found` finds something in the output so far, at most [`PATIENCE`].
    pub async fn wait_for<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&[String]) -> Option<T>,
    ) -> Result<T, ProcessError> {
        let mut result = None;
        let waited = timeout(
            PATIENCE,
            self.lines.wait_for(|lines| {
                result = found(lines);
                result.is_some()
            }),
        )
        .await
        .is_ok_and(|waited| waited.is_ok());
        match result {
            Some(result) if waited => Ok(result),
            _ => {
                let lines = self.lines();
                let seen = lines[lines.len().saturating_sub(12)..].join("\n");
                Err(ProcessError::TimedOut { what: what.to_owned(), seen })
            }
        }
    }

    /// Writes a line to its standard input.
    pub async fn say(&mut self, line: &str) -> Result<(), ProcessError> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        let line = format!("{line}\n");
        stdin.write_all(line.as_bytes()).await.map_err(|error| ProcessError::Io("write to a program", error))
    }

    /// Asks it to end and waits for it. Returns its exit code.
    pub async fn stop(mut self) -> Result<Option<i32>, ProcessError> {
        self.signal("TERM").await?;
        self.wait().await
    }

    /// Sends a signal by name (`TERM`, `STOP`, `CONT`, `KILL`).
    pub async fn signal(&self, name: &str) -> Result<(), ProcessError> {
        let Some(id) = self.child.id() else { return Ok(()) };
        let sent = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().await;
        sent.map(|_| ()).map_err(|error| ProcessError::Io("send a signal", error))
    }

    /// Waits until it ends by itself. Returns its exit code.
    pub async fn wait(&mut self) -> Result<Option<i32>, ProcessError> {
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => Ok(status.map_err(|error| ProcessError::Io("wait for a program", error))?.code()),
            Err(_) => Err(ProcessError::TimedOut { what: "the end of a program".into(), seen: String::new() }),
        }
    }
}

/// `confab-server` on a free loopback port.
#[derive(Debug)]
pub struct Server {
    process: Process,
    /// Base URL, without a slash at the end.
    pub url: String,
}

impl Server {
    /// Starts one and waits until it listens.
    pub async fn start() -> Result<Self, ProcessError> {
        Self::start_on("127.0.0.1:0").await
    }

    /// Starts one on `address`.
    pub async fn start_on(address: &str) -> Result<Self, ProcessError> {
        Self::start_with(address, |_| Ok(())).await
    }

    /// Starts one on `address` after `prepare` had its way with the command (another network, for example).
    pub async fn start_with(
        address: &str,
        prepare: impl FnOnce(&mut Command) -> Result<(), ProcessError>,
    ) -> Result<Self, ProcessError> {
        let mut command = Command::new(binary("confab-server")?);
        // Nothing of a test leaves this machine, and a server that is started again knows its members.
        command.arg("--listen").arg(address).args(["--stun", "none"]);
        command.env("RUST_LOG", "info").env("CONFAB_SERVER_SECRET", "of the tests, as long as the server wants it");
        prepare(&mut command)?;
        let mut process = Process::start(command)?;
        let host = format!("http://{}:", address.rsplit_once(':').map_or(address, |(host, _)| host));
        let url = process
            .wait_for("the server's address", |lines| {
                lines.iter().find_map(|line| {
                    let start = line.find(&host)?;
                    let url = line[start..].split(|c: char| c.is_whitespace() || c == ',').next()?;
                    Some(url.trim_end_matches('/').to_owned())
                })
            })
            .await?;
        Ok(Self { process, url })
    }

    /// A link to `room` on it.
    pub fn link(&self, room: &str) -> String {
        format!("{}/r/{room}", self.url)
    }

    /// Stops it gracefully.
    pub async fn stop(self) -> Result<Option<i32>, ProcessError> {
        self.process.stop().await
    }
}

/// A `confab-peer` in a call; its events are JSON objects.
#[derive(Debug)]
pub struct Peer {
    /// The process.
    pub process: Process,
}

impl Peer {
    /// Joins `link` as `name` with further arguments (`--video`, `--audio`, …).
    pub fn join(link: &str, name: &str, arguments: &[&str]) -> Result<Self, ProcessError> {
        Self::join_with(link, name, arguments, &[])
    }

    /// The same with environment variables.
    pub fn join_with(
        link: &str,
        name: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self, ProcessError> {
        let mut command = Self::command(link, name, arguments)?;
        command.envs(environment.iter().copied());
        Ok(Self { process: Process::start(command)? })
    }

    /// The command that [`Peer::join`] runs, for one that starts it elsewhere.
    pub fn command(link: &str, name: &str, arguments: &[&str]) -> Result<Command, ProcessError> {
        let mut command = Command::new(binary("confab-peer")?);
        command.args(["join", link, "--name", name, "--json"]).args(arguments);
        Ok(command)
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Value> {
        self.process.lines().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for the first event of kind `event` that `matches`.
    pub async fn wait_for(
        &mut self,
        event: &str,
        mut matches: impl FnMut(&Value) -> bool,
    ) -> Result<Value, ProcessError> {
        // Lines already looked at are not parsed again: statistics come for minutes.
        let mut looked = 0;
        self.process
            .wait_for(&format!("the event {event}"), |lines| {
                let new = &lines[looked..];
                looked = lines.len();
                new.iter()
                    .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                    .find(|value| value["event"] == event && matches(value))
            })
            .await
    }

    /// Waits until this peer is in the room. Returns its id.
    pub async fn joined(&mut self) -> Result<String, ProcessError> {
        let connected = self.wait_for("connected", |_| true).await?;
        Ok(connected["id"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the statistics about the peer called `name` satisfy `matches`.
    pub async fn wait_for_stats(
        &mut self,
        name: &str,
        matches: impl FnMut(&Value) -> bool,
    ) -> Result<Value, ProcessError> {
        self.wait_for_stats_since(0, name, matches).await
    }

    /// The same, with statistics that came `since` milliseconds after its start or later.
    pub async fn wait_for_stats_since(
        &mut self,
        since: u64,
        name: &str,
        mut matches: impl FnMut(&Value) -> bool,
    ) -> Result<Value, ProcessError> {
        let id = self.wait_for("peer-connect", |event| event["name"] == name).await?["id"].clone();
        let what = |stats: &Value| {
            stats["peers"].as_array().and_then(|peers| peers.iter().find(|peer| peer["id"] == id)).cloned()
        };
        let stats = self
            .wait_for("stats", |stats| {
                stats["t"].as_u64() >= Some(since) && what(stats).is_some_and(|peer| matches(&peer))
            })
            .await?;
        Ok(what(&stats).unwrap_or_default())
    }

    /// Leaves and waits for the end. Returns the exit code.
    pub async fn leave(self) -> Result<Option<i32>, ProcessError> {
        self.process.stop().await
    }
}
