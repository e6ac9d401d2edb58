//! `confab-server`: the signaling server alone.

use clap::Parser;
use confab_protocol::{ErrorCode, UserError, room};
use confab_server::{DEFAULT_PORT, PUBLIC_STUN, Server, ServerConfig, TurnConfig};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use url::Url;

/// The place where Confab's participants find each other.
///
/// Exit codes: 0 stopped as asked, 2 wrong arguments, 3 the port is in use, 4 the address can't be listened on,
/// 1 anything else. RUST_LOG sets what is logged (default: info).
#[derive(Debug, Parser)]
#[command(name = "confab-server", version)]
struct Arguments {
    /// Address and port to listen on; port 0 is any free one.
    #[arg(long, value_name = "ADDR", default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT)))]
    listen: SocketAddr,
    /// If the port is taken, use another one.
    #[arg(long)]
    port_fallback: bool,
    /// Address under which others reach this server, behind a reverse proxy for example.
    #[arg(long, value_name = "URL", value_parser = server_url)]
    public_url: Option<Url>,
    /// Where people find the app; shown on the page behind a room link.
    #[arg(long, value_name = "URL", value_parser = server_page)]
    download_url: Option<Url>,
    /// STUN server for the participants, may be repeated; "none" for none at all.
    #[arg(long, value_name = "URL", default_values = PUBLIC_STUN)]
    stun: Vec<String>,
    /// TURN server for the participants (turn:host:port?transport=udp), may be repeated.
    #[arg(long, value_name = "URL", requires = "turn_secret")]
    turn_url: Vec<String>,
    /// Secret shared with the TURN server (coturn: static-auth-secret). Better given in the environment.
    #[arg(long, value_name = "SECRET", env = "CONFAB_TURN_SECRET", hide_env_values = true, requires = "turn_url")]
    turn_secret: Option<String>,
    /// How long a TURN credential is good for, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 12 * 3600, value_parser = clap::value_parser!(u64).range(60..=7 * 86_400))]
    turn_ttl: u64,
    /// Secret that lets participants keep their identity over a restart of this server. Random if not given.
    #[arg(long, value_name = "SECRET", env = "CONFAB_SERVER_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

fn server_url(text: &str) -> Result<Url, UserError> {
    room::parse_server(text)
}

fn server_page(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err("only http and https".to_owned()) }
}

impl Arguments {
    fn config(self) -> ServerConfig {
        let turn = self.turn_secret.map(|secret| TurnConfig {
            secret,
            urls: self.turn_url,
            ttl: Duration::from_secs(self.turn_ttl),
        });
        ServerConfig {
            listen: self.listen,
            fallback_ports: self.port_fallback,
            public_url: self.public_url,
            download_url: self.download_url,
            stun: self.stun.into_iter().filter(|url| url != "none").collect(),
            turn,
            secret: self.secret.map(String::into_bytes),
            ..ServerConfig::default()
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The engines log each malformed packet of each client as an error; what matters of it, the server says itself.
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,socketioxide=off,engineioxide=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let server = match Server::bind(arguments.config()).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("confab-server: {error}");
            return match error.code {
                ErrorCode::PortInUse => ExitCode::from(3),
                ErrorCode::ListenFailed => ExitCode::from(4),
                _ => ExitCode::FAILURE,
            };
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
