//! Chromium as a participant: pages of `tests/interop/page`, driven through `tests/interop/driver.js`.

use crate::cost::tree;
use crate::process::PATIENCE;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::time::timeout;

/// Why a page did not do what a test wants.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// The driver's packages are missing.
    #[error("run `npm ci` in {0} first (make test does)")]
    NotInstalled(PathBuf),
    /// Node or a pipe to it failed.
    #[error("the browser's driver: {0}")]
    Io(#[from] io::Error),
    /// The driver ended: Chromium could not be started, or crashed.
    #[error("the browser's driver has ended; its reason is on standard error")]
    Ended,
    /// The page did not do it.
    #[error("{what}: {why}")]
    Page {
        /// What was asked.
        what: String,
        /// What came instead.
        why: String,
    },
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>>;

#[derive(Debug)]
struct Driver {
    stdin: AsyncMutex<ChildStdin>,
    waiting: Waiting,
    last: Mutex<u64>,
}

/// A running Chromium. It ends when this and every [`Page`] of it are dropped.
#[derive(Debug, Clone)]
pub struct Browser {
    driver: Arc<Driver>,
    id: u32,
}

impl Browser {
    /// Starts one. `CONFAB_CHROMIUM` names another program than `/usr/bin/chromium`.
    pub async fn start() -> Result<Self, BrowserError> {
        Self::start_with(&[]).await
    }

    /// Starts one with further command-line switches, none of which may hold a blank.
    pub async fn start_with(switches: &[&str]) -> Result<Self, BrowserError> {
        Self::start_prepared(switches, |_| Ok(())).await
    }

    /// The same with a head: windows on the X display called `display`, whose pages have `size` pixels.
    pub async fn start_on(display: &str, size: (u32, u32), switches: &[&str]) -> Result<Self, BrowserError> {
        Self::start_headed(display, size, switches, |_| {}).await
    }

    /// The same whose pages share all of that display when they ask for a screen.
    pub async fn start_sharing(display: &str, size: (u32, u32)) -> Result<Self, BrowserError> {
        Self::start_headed(display, size, &[], |command| {
            command.env("CONFAB_CHROMIUM_SCREEN", "1");
        })
        .await
    }

    async fn start_headed(
        display: &str,
        size: (u32, u32),
        switches: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Self, BrowserError> {
        let size = format!("{}x{}", size.0, size.1);
        Self::start_prepared(switches, |command| {
            command.env("DISPLAY", display).env("CONFAB_CHROMIUM_WINDOW", size).env_remove("WAYLAND_DISPLAY");
            prepare(command);
            Ok(())
        })
        .await
    }

    /// The same with a microphone and a speaker: the default ones of the sound server that `prepare` leads the command to.
    pub async fn start_with_sound(prepare: impl FnOnce(&mut Command) -> io::Result<()>) -> Result<Self, BrowserError> {
        Self::start_prepared(&[], |command| {
            command.env("CONFAB_CHROMIUM_SOUND", "1");
            prepare(command)
        })
        .await
    }

    /// The same after `prepare` had its way with the command (another network, for example). The pages are served on
    /// the loopback interface of the network that the browser is in.
    pub async fn start_prepared(
        switches: &[&str],
        prepare: impl FnOnce(&mut Command) -> io::Result<()>,
    ) -> Result<Self, BrowserError> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop");
        if !folder.join("node_modules/playwright-core").is_dir() {
            return Err(BrowserError::NotInstalled(folder));
        }
        // Not killed on drop: it ends with its input, and takes Chromium along in order.
        let mut command = Command::new("node");
        command.arg(folder.join("driver.js")).env("CONFAB_CHROMIUM_SWITCHES", switches.join(" "));
        prepare(&mut command)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let id = child.id().ok_or(BrowserError::Ended)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(BrowserError::Ended);
        };
        let waiting = Waiting::default();
        tokio::spawn(read(stdout, Arc::clone(&waiting)));
        // Waits for the child, so that no zombie stays.
        tokio::spawn(async move { child.wait().await });
        let driver = Driver { stdin: AsyncMutex::new(stdin), waiting, last: Mutex::new(0) };
        Ok(Self { driver: Arc::new(driver), id })
    }

    /// Process id of the driver; Chromium's processes are its descendants.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Opens a page of its own, called `name` in what the driver prints.
    pub async fn open(&self, name: &str) -> Result<Page, BrowserError> {
        let page = Page { browser: self.clone(), name: name.to_owned() };
        page.command("open", "a new page", json!({})).await?;
        Ok(page)
    }

    /// Stops every process of Chromium, as a computer that falls asleep does. They go on when the answer is dropped.
    pub fn freeze(&self) -> io::Result<Frozen> {
        // Not the driver itself: it is no part of the computer.
        let frozen = Frozen { ids: tree(self.id).split_off(1) };
        frozen.signal("STOP")?;
        Ok(frozen)
    }

    async fn call(&self, what: &str, mut command: Value) -> Result<Value, BrowserError> {
        let (answered, answer) = oneshot::channel();
        let id = {
            let mut last = self.driver.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last += 1;
            *last
        };
        command["id"] = json!(id);
        waiting(&self.driver.waiting).insert(id, answered);
        let line = format!("{command}\n");
        self.driver.stdin.lock().await.write_all(line.as_bytes()).await?;
        let failed = |why: String| BrowserError::Page { what: what.to_owned(), why };
        // The driver has a limit of its own for each wait; this one is for a driver that hangs.
        match timeout(2 * PATIENCE, answer).await {
            Ok(Ok(answer)) => answer.map_err(failed),
            Ok(Err(_)) => Err(BrowserError::Ended),
            Err(_) => Err(failed("no answer".to_owned())),
        }
    }
}

/// A Chromium that is stopped. It goes on when this is dropped.
#[derive(Debug)]
pub struct Frozen {
    ids: Vec<u32>,
}

impl Frozen {
    fn signal(&self, name: &str) -> io::Result<()> {
        let ids = self.ids.iter().map(u32::to_string);
        let status = std::process::Command::new("kill").arg(format!("-{name}")).args(ids).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill -{name}: {status}"))) }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Err(error) = self.signal("CONT") {
            tracing::error!(%error, "Chromium stays stopped");
        }
    }
}

fn waiting(waiting: &Waiting) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Result<Value, String>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands each answer to who waits for it, until the driver ends.
async fn read(stdout: ChildStdout, calls: Waiting) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(mut answer) = serde_json::from_str::<Value>(&line) else { continue };
        let Some(call) = answer["id"].as_u64().and_then(|id| waiting(&calls).remove(&id)) else { continue };
        let result = match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["value"].take()),
        };
        // Who no longer waits needs no answer.
        let _ = call.send(result);
    }
    waiting(&calls).clear();
}

/// One page: a participant of a call, once it has joined.
#[derive(Debug)]
pub struct Page {
    browser: Browser,
    name: String,
}

impl Page {
    /// Joins the room behind `link` under the page's name, with a tone of `audio` Hz and the test pattern at `video`
    /// (width, height, frames per second), or without. Returns the page's peer id.
    pub async fn join(
        &self,
        link: &str,
        audio: Option<u32>,
        video: Option<(u32, u32, u32)>,
    ) -> Result<String, BrowserError> {
        self.join_server(link, audio, video, true).await
    }

    /// The same on a server that answers no joins.
    pub async fn join_unanswered(
        &self,
        link: &str,
        audio: Option<u32>,
        video: Option<(u32, u32, u32)>,
    ) -> Result<String, BrowserError> {
        self.join_server(link, audio, video, false).await
    }

    async fn join_server(
        &self,
        link: &str,
        audio: Option<u32>,
        video: Option<(u32, u32, u32)>,
        answers: bool,
    ) -> Result<String, BrowserError> {
        let link: confab_wire::room::RoomLink =
            link.parse().map_err(|error| BrowserError::Page { what: "join".into(), why: format!("{error}") })?;
        let video = video.map(|(width, height, fps)| json!({ "width": width, "height": height, "fps": fps }));
        let wish = json!({
            "server": link.server, "room": link.room, "name": self.name, "audio": audio, "video": video,
            "answers": answers
        });
        let id = self.eval(&format!("return call.join({wish})")).await?;
        Ok(id.as_str().unwrap_or_default().to_owned())
    }

    /// Runs the body of an async function and answers with what it returns. `call` is the page's participant.
    pub async fn eval(&self, script: &str) -> Result<Value, BrowserError> {
        self.command("eval", script, json!({ "script": script })).await
    }

    /// Waits until the expression `script` is truthy and answers with its value; at most [`PATIENCE`].
    pub async fn wait(&self, what: &str, script: &str) -> Result<Value, BrowserError> {
        let command = json!({ "script": script, "timeout": PATIENCE.as_millis() as u64 });
        match self.command("wait", what, command).await {
            Err(BrowserError::Page { what, why }) => {
                let state = self.eval("return call.state").await.unwrap_or_default();
                let page = &self.name;
                Err(BrowserError::Page { what, why: format!("{why}\nthe page {page} was left in {state:#}") })
            }
            other => other,
        }
    }

    /// Waits until the person called `name` is connected and `condition`, an expression over `person` and its `video`
    /// and `audio`, holds. Answers with the person.
    pub async fn wait_for_person(&self, name: &str, condition: &str) -> Result<Value, BrowserError> {
        let script = format!(
            "(() => {{ const person = call.person({}); if (!person) return false; const {{ video, audio }} = person; \
             return ({condition}) && person; }})()",
            json!(name)
        );
        self.wait(&format!("{name} with {condition}"), &script).await
    }

    /// Closes the page, as a person does.
    pub async fn close(self) -> Result<(), BrowserError> {
        self.command("close", "closing", json!({})).await.map(drop)
    }

    /// Ends the page's process: no one is told.
    pub async fn crash(self) -> Result<(), BrowserError> {
        self.command("crash", "a crash", json!({})).await.map(drop)
    }

    async fn command(&self, action: &str, what: &str, mut command: Value) -> Result<Value, BrowserError> {
        command["do"] = json!(action);
        command["page"] = json!(self.name);
        self.browser.call(&format!("page {}, {what}", self.name), command).await
    }
}
