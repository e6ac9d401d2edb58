//! Bodies of tests that run in a process of their own, since an environment variable belongs to a whole process: the sound
//! server of a test is named by one.
//!
//! A module of tests has one ignored test called `body`, which looks at [`name`] and runs what is called so.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;

/// The variable that names the body.
const BODY: &str = "CONFAB_TEST_BODY";

/// The name of the body that this process is to run, if it is one.
pub fn name() -> Option<String> {
    std::env::var(BODY).ok()
}

/// Waits, inside a body, until it is told to end.
pub async fn told_to_end() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}

/// How long a test and its body wait for each other.
const PATIENCE: Duration = Duration::from_secs(40);

/// The folder of a body, inside it.
pub fn folder() -> io::Result<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("no body runs here"))
}

/// Says, in the folder of a body, that it or its test has come to `name`.
pub fn tell(folder: &Path, name: &str) -> io::Result<()> {
    std::fs::write(folder.join(name), [])
}

/// Waits until the other side [has come](tell) to `name`.
pub fn wait_for(folder: &Path, name: &str) -> io::Result<()> {
    let start = Instant::now();
    while !folder.join(name).exists() {
        if start.elapsed() > PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{name} is not told")));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// A running body; killed on drop.
#[derive(Debug)]
pub struct Body(Child);

impl Body {
    /// Starts the body `name` of a module of this program (its `module_path!()`) in a process that finds its sound server at
    /// `server` and its files in `dir`.
    pub fn start(module: &str, name: &str, server: &str, dir: &Path) -> io::Result<Self> {
        Self::start_with(module, name, server, dir, &[])
    }

    /// The same with further variables of the environment.
    pub fn start_with(
        module: &str,
        name: &str,
        server: &str,
        dir: &Path,
        variables: &[(&str, &str)],
    ) -> io::Result<Self> {
        // The name of a test has no crate in it.
        let test = module.split_once("::").map_or("body".to_owned(), |(_, module)| format!("{module}::body"));
        let child = Command::new(std::env::current_exe()?)
            .args(["--exact", &test, "--ignored", "--nocapture"])
            .env(BODY, name)
            .env("PULSE_SERVER", server)
            .env("XDG_RUNTIME_DIR", dir)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .spawn()?;
        Ok(Self(child))
    }

    /// Tells the body to end and waits for it. Fails if something in it did.
    pub fn finish(mut self) -> io::Result<()> {
        drop(self.0.stdin.take());
        let status = self.0.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("the body failed: {status}"))) }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
