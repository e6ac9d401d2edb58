//! `confab-server`: the signaling server alone.

use clap::{Parser, Subcommand};
use confab_server::{
    BindError, Claims, DEFAULT_PORT, PUBLIC_STUN, Server, ServerConfig, TokenConfig, TurnConfig, mint,
};
use confab_wire::room::{self, ServerAddressError};
use serde_json::{Map, Value};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use url::Url;

/// The place where Confab's participants find each other.
///
/// Exit codes: 0 stopped as asked, 2 wrong arguments, 3 the port is in use, 4 the address can't be listened on,
/// 1 anything else. RUST_LOG sets what is logged (default: info).
#[derive(Debug, Parser)]
#[command(name = "confab-server", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
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
    /// File with the key of the tokens that participants may bring (JWT, HS256), 32 bytes or more. Without it tokens are
    /// not looked at.
    #[arg(long, value_name = "FILE")]
    token_key_file: Option<PathBuf>,
    /// Let in only participants with a token.
    #[arg(long, requires = "token_key_file")]
    require_token: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a token for a participant.
    Token {
        /// File with the key, the same as the server's.
        #[arg(long, value_name = "FILE")]
        token_key_file: PathBuf,
        /// Who it is for.
        #[arg(long, value_name = "NAME")]
        sub: Option<String>,
        /// What the others learn about them: a JSON object.
        #[arg(long, value_name = "JSON", value_parser = json_object)]
        metadata: Option<Map<String, Value>>,
        /// Room that it opens, may be repeated; a * at the end stands for anything. All rooms if not given.
        #[arg(long, value_name = "ROOM")]
        room: Vec<String>,
        /// How long it is good, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
        lifetime: u64,
    },
}

fn json_object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}

/// Shorter keys can be guessed from one token (RFC 7518 section 3.2).
const KEY_BYTES: usize = 32;

/// Reads a key; a line break at its end, as editors leave one, is not part of it.
fn read_key(path: &Path) -> Result<Vec<u8>, String> {
    let key = std::fs::read(path).map_err(|error| format!("the key file {} can't be read: {error}", path.display()))?;
    let key = key.trim_ascii_end().to_vec();
    if key.len() < KEY_BYTES {
        return Err(format!("the key in {} has {} bytes; it needs {KEY_BYTES}", path.display(), key.len()));
    }
    Ok(key)
}

fn server_url(text: &str) -> Result<Url, ServerAddressError> {
    room::parse_server(text)
}

fn server_page(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err("only http and https".to_owned()) }
}

impl Arguments {
    fn config(self) -> Result<ServerConfig, String> {
        let require = self.require_token;
        let tokens = match &self.token_key_file {
            Some(path) => Some(TokenConfig { key: read_key(path)?, require }),
            None => None,
        };
        let turn = self.turn_secret.map(|secret| TurnConfig {
            secret,
            urls: self.turn_url,
            ttl: Duration::from_secs(self.turn_ttl),
        });
        Ok(ServerConfig {
            tokens,
            listen: self.listen,
            fallback_ports: self.port_fallback,
            public_url: self.public_url,
            download_url: self.download_url,
            stun: self.stun.into_iter().filter(|url| url != "none").collect(),
            turn,
            secret: self.secret.map(String::into_bytes),
            ..ServerConfig::default()
        })
    }
}

impl Command {
    fn run(self) -> Result<String, String> {
        let Command::Token { token_key_file, sub, metadata, room, lifetime } = self;
        let rooms = (!room.is_empty()).then_some(room);
        let claims = Claims { sub, peer_metadata: metadata, rooms, ..Claims::lasting(Duration::from_secs(lifetime)) };
        mint(&read_key(&token_key_file)?, &claims).map_err(|error| error.to_string())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if let Some(command) = arguments.command.take() {
        return match command.run() {
            Ok(token) => {
                println!("{token}");
                ExitCode::SUCCESS
            }
            Err(error) => wrong(&error),
        };
    }
    // The engines log each malformed packet of each client as an error; what matters of it, the server says itself.
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,socketioxide=off,engineioxide=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let config = match arguments.config() {
        Ok(config) => config,
        Err(error) => return wrong(&error),
    };
    let server = match Server::bind(config).await {
        Ok(server) => server,
        Err(error) => {
            let (advice, code) = match &error {
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
