//! Windows of the app under displays of their own, driven through WebKitWebDriver as a person would use them.

use crate::process::{self, PATIENCE, ProcessError};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval, timeout};

/// How often a condition in the page is looked at. WebDriver has no events.
const LOOK: Duration = Duration::from_millis(100);

/// Why a window did not do what a test waits for.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// A program of ours or of the system.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The system refused.
    #[error("{0}: {1}")]
    Io(&'static str, std::io::Error),
    /// The driver could not be reached or refused the session.
    #[error("WebDriver: {0}")]
    Session(String),
    /// A command in the page failed.
    #[error("WebDriver, {0}: {1}")]
    Command(String, Box<fantoccini::error::CmdError>),
    /// A condition did not come true in time.
    #[error("{window}: waited for {what} in vain; the page says:\n{page}")]
    TimedOut {
        /// Whose window.
        window: String,
        /// The condition.
        what: String,
        /// Text of the page.
        page: String,
    },
}

/// An X server without a screen.
#[derive(Debug)]
pub struct Display {
    server: Child,
    /// Value of `DISPLAY`.
    pub name: String,
}

impl Display {
    /// Starts Xvfb on a free display.
    pub async fn start(width: u32, height: u32) -> Result<Self, WindowError> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0", &format!("{width}x{height}x24")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| WindowError::Io("start Xvfb (package xvfb)", error))?;
        let mut number = String::new();
        if let Some(stdout) = server.stdout.take() {
            let read = timeout(PATIENCE, BufReader::new(stdout).read_line(&mut number)).await;
            if !matches!(read, Ok(Ok(read)) if read > 0) {
                return Err(WindowError::Session("Xvfb did not start".into()));
            }
        }
        Ok(Self { server, name: format!(":{}", number.trim()) })
    }

    /// Process id of the server, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.server.id()
    }

    /// Saves what the display shows as a PNG.
    pub async fn screenshot(&self, path: &Path) -> Result<(), WindowError> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|error| WindowError::Io("make a folder for screenshots", error))?;
        }
        let taken = Command::new("import")
            .args(["-display", &self.name, "-window", "root"])
            .arg(path)
            .status()
            .await
            .map_err(|error| WindowError::Io("run import (package imagemagick)", error))?;
        if taken.success() { Ok(()) } else { Err(WindowError::Session("import took no screenshot".into())) }
    }
}

/// One running app with a window, on a display and with a data folder of its own.
#[derive(Debug)]
pub struct Window {
    /// Whose window, for messages.
    pub name: String,
    /// The display it is on.
    pub display: Display,
    /// The WebDriver session.
    pub client: Client,
    driver: Child,
    home: TempDir,
}

impl Window {
    /// Starts the app with `arguments` in a window of `width` x `height` pixels.
    pub async fn open(name: &str, size: (u32, u32), arguments: &[&str]) -> Result<Self, WindowError> {
        let display = Display::start(size.0, size.1).await?;
        let home = TempDir::new().map_err(|error| WindowError::Io("make a data folder", error))?;
        let app = process::binary("confab")?;
        let port = free_port()?;
        let folder = |part: &str| -> PathBuf { home.path().join(part) };
        let mut command = Command::new("WebKitWebDriver");
        command
            .arg(format!("--port={port}"))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("DISPLAY", &display.name)
            .env("XDG_DATA_HOME", folder("share"))
            .env("XDG_CONFIG_HOME", folder("config"))
            .env("XDG_CACHE_HOME", folder("cache"))
            .env_remove("WAYLAND_DISPLAY")
            .env("XDG_SESSION_TYPE", "x11")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        // A group of its own, so that the app ends with its driver.
        #[cfg(unix)]
        command.process_group(0);
        let driver = command
            .spawn()
            .map_err(|error| WindowError::Io("start WebKitWebDriver (package webkit2gtk-driver)", error))?;
        let data = folder("data");
        let mut args = vec!["--data-dir".to_owned(), data.to_string_lossy().into_owned()];
        args.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let options = json!({ "binary": app, "args": args });
        let client = connect(port, options).await;
        match client {
            Ok(client) => Ok(Self { name: name.to_owned(), display, client, driver, home }),
            Err(error) => {
                end_group(&driver).await;
                Err(error)
            }
        }
    }

    /// Process id of the driver, while it runs; the app's processes are its descendants.
    pub fn driver_id(&self) -> Option<u32> {
        self.driver.id()
    }

    /// Process id of the web view's process in which the page lives, while there is one.
    pub fn page_process(&self) -> Option<u32> {
        let driver = self.driver.id()?;
        let stat = |id: u32| std::fs::read_to_string(format!("/proc/{id}/stat")).ok();
        // `id (name) state parent …`
        let parent = |id: u32| stat(id)?.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok();
        let belongs =
            |id: u32| std::iter::successors(Some(id), |id| parent(*id).filter(|id| *id > 1)).any(|id| id == driver);
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        // The kernel keeps fifteen characters of a name. One that has died and was not waited for yet is a zombie.
        ids.find(|id| {
            stat(*id).is_some_and(|stat| stat.contains("(WebKitWebProces) ") && !stat.contains(") Z ")) && belongs(*id)
        })
    }

    /// Folder in which this window's app keeps its data.
    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The element with `data-testid="id"`, waited for.
    pub async fn find(&self, id: &str) -> Result<Element, WindowError> {
        let selector = selector(id);
        self.wait(id, &format!("return document.querySelector({}) !== null", json!(selector))).await?;
        self.client
            .find(Locator::Css(&selector))
            .await
            .map_err(|error| WindowError::Command(id.to_owned(), error.into()))
    }

    /// Clicks `id` as a person would.
    pub async fn click(&self, id: &str) -> Result<(), WindowError> {
        let element = self.find(id).await?;
        let Err(error) = element.click().await else { return Ok(()) };
        let script = format!(
            "const box = document.querySelector({}).getBoundingClientRect();
            const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return JSON.stringify(box) + ' under ' + at?.outerHTML.slice(0, 400)",
            json!(selector(id))
        );
        let there = self.eval(&script).await.unwrap_or_default();
        Err(WindowError::Command(format!("click {id} at {there}"), error.into()))
    }

    /// Replaces the text of the field `id`.
    pub async fn fill(&self, id: &str, text: &str) -> Result<(), WindowError> {
        let element = self.find(id).await?;
        let failed = |error: fantoccini::error::CmdError| WindowError::Command(format!("fill {id}"), error.into());
        element.clear().await.map_err(failed)?;
        element.send_keys(text).await.map_err(failed)
    }

    /// Visible text of `id`.
    pub async fn text(&self, id: &str) -> Result<String, WindowError> {
        let element = self.find(id).await?;
        element.text().await.map_err(|error| WindowError::Command(format!("text of {id}"), error.into()))
    }

    /// Runs a script in the page.
    pub async fn eval(&self, script: &str) -> Result<Value, WindowError> {
        let run = self.client.execute(script, Vec::new());
        run.await.map_err(|error| WindowError::Command(script.to_owned(), error.into()))
    }

    /// Waits until `script` returns something that is true, and returns that.
    pub async fn wait(&self, what: &str, script: &str) -> Result<Value, WindowError> {
        let end = Instant::now() + PATIENCE;
        let mut looks = interval(LOOK);
        while Instant::now() < end {
            looks.tick().await;
            let value = self.eval(script).await?;
            if !matches!(value, Value::Null | Value::Bool(false)) && value != json!(0) && value != json!("") {
                return Ok(value);
            }
        }
        let page = self.eval("return document.body.innerText").await.unwrap_or_default();
        Err(WindowError::TimedOut {
            window: self.name.clone(),
            what: what.to_owned(),
            page: page.as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Closes the window and its driver.
    pub async fn close(self) -> Result<(), WindowError> {
        // A session that is gone already is closed.
        let _ = timeout(PATIENCE, self.client.close()).await;
        end_group(&self.driver).await;
        Ok(())
    }
}

fn selector(id: &str) -> String {
    format!("[data-testid='{id}']")
}

async fn connect(port: u16, options: Value) -> Result<Client, WindowError> {
    let Value::Object(capabilities) = json!({ "webkitgtk:browserOptions": options }) else {
        return Err(WindowError::Session("capabilities".into()));
    };
    let end = Instant::now() + PATIENCE;
    let mut looks = interval(LOOK);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if Instant::now() > end {
            return Err(WindowError::Session("WebKitWebDriver does not listen".into()));
        }
        looks.tick().await;
    }
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities);
    match timeout(PATIENCE, builder.connect(&format!("http://127.0.0.1:{port}"))).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(WindowError::Session(error.to_string())),
        Err(_) => Err(WindowError::Session("the app did not open in time".into())),
    }
}

async fn end_group(driver: &Child) {
    if let Some(id) = driver.id() {
        // Already ended is as good.
        let _ = Command::new("kill").args(["-TERM", "--", &format!("-{id}")]).stderr(Stdio::null()).status().await;
    }
}

fn free_port() -> Result<u16, WindowError> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| WindowError::Io("find a free port", error))?;
    Ok(listener.local_addr().map_err(|error| WindowError::Io("find a free port", error))?.port())
}
