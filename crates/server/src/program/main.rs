//! `confab-server`: the signaling server alone.

mod arguments;
mod input;
mod logging;
mod metered;
mod peerjs;

use arguments::Arguments;
use confab_server::{BindError, Server};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = Arguments::read();
    if let Some(command) = arguments.command.take() {
        return match command.run() {
            Ok(token) => {
                println!("{token}");
                ExitCode::SUCCESS
            }
            Err(error) => wrong(&error),
        };
    }
    if let Err(error) = logging::start() {
        return wrong(&error);
    }
    confab_server::raise_descriptor_limit();

    let config = match arguments.config() {
        Ok(config) => config,
        Err(error) => return wrong(&error),
    };
    let server = match Server::bind(config).await {
        Ok(server) => server,
        Err(error) => {
            let (advice, code) = match &error {
                BindError::Config(error) => return wrong(&error.to_string()),
                BindError::PortInUse { .. } => ("choose another port, or 0 for any free one", ExitCode::from(3)),
                BindError::Listen { .. } => ("check that it belongs to this computer", ExitCode::from(4)),
                _ => ("nothing is served", ExitCode::FAILURE),
            };
            eprintln!("confab-server: {error}; {advice}");
            return code;
        }
    };
    for url in server.urls() {
        println!("{url}");
    }
    if let Err(error) = asked_to_stop().await {
        eprintln!("confab-server: signals can't be received: {error}");
        server.shutdown().await;
        return ExitCode::FAILURE;
    }
    server.shutdown().await;
    ExitCode::SUCCESS
}

/// Says what is wrong with the arguments.
fn wrong(error: &str) -> ExitCode {
    eprintln!("confab-server: {error}");
    ExitCode::from(2)
}

/// Waits for ctrl-c, or for what a service manager sends.
#[cfg(unix)]
async fn asked_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// Waits for ctrl-c.
#[cfg(not(unix))]
async fn asked_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
