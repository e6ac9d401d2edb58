//! A signaling server of npm's socket.io with the handlers of rtc.io's documentation: it neither answers joins nor tells ids.

use crate::process::{Process, ProcessError};
use serde_json::Value;
use std::path::Path;
use tokio::process::Command;

/// A running one; killed on drop.
#[derive(Debug)]
pub struct StockServer {
    process: Process,
    /// Where it listens on the loopback.
    pub port: u16,
}

impl StockServer {
    /// Starts one on a free port.
    pub async fn start() -> Result<Self, ProcessError> {
        Self::start_on(0).await
    }

    /// Starts one on `port`.
    pub async fn start_on(port: u16) -> Result<Self, ProcessError> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop");
        if !folder.join("node_modules/socket.io").is_dir() {
            return Err(ProcessError::NotBuilt(folder.join("node_modules/socket.io")));
        }
        let mut command = Command::new("node");
        command.arg(folder.join("stock-server.js")).arg(port.to_string());
        let mut process = Process::start(command)?;
        let port = process
            .wait_for("the port of the stock server", |lines| {
                let said: Value = serde_json::from_str(lines.first()?).ok()?;
                u16::try_from(said["port"].as_u64()?).ok()
            })
            .await?;
        Ok(Self { process, port })
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Stops it.
    pub async fn stop(self) -> Result<(), ProcessError> {
        self.process.stop().await.map(|_| ())
    }
}
