//! What the program can be told.

use crate::input::{json_object, read_key};
use crate::metered::{MeteredArguments, MeteredToken};
use crate::peerjs::PeerServerArguments;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use confab_server::{
    Claims, DEFAULT_PORT, PUBLIC_STUN, SECRET_BYTES, ServerConfig, TokenConfig, TurnConfig, kept_secret, mint,
};
use confab_wire::room;
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The place where Confab's participants find each other.
///
/// Exit codes: 0 stopped as asked, 2 wrong arguments, 3 the port is in use, 4 the address can't be listened on,
/// 1 anything else. RUST_LOG sets what is logged (default: info).
#[derive(Debug, Parser)]
#[command(name = "confab-server", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Address and port to listen on, as 192.0.2.1:7420, localhost:7420, [::1]:7420 or :7420 for all addresses; port 0 is
    /// any free one.
    #[arg(long, value_name = "ADDR", value_parser = listen_address, default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT)))]
    listen: SocketAddr,
    /// If the port is taken, use another one.
    #[arg(long)]
    port_fallback: bool,
    /// Address under which others reach this server, behind a reverse proxy for example. It has no path.
    #[arg(long, value_name = "URL", value_parser = server_url)]
    public_url: Option<Url>,
    /// Address or network (10.0.0.0/8) of a reverse proxy whose X-Forwarded-For is believed, may be repeated. With
    /// --public-url this computer is one.
    #[arg(long, value_name = "NET", value_parser = network)]
    trusted_proxy: Vec<IpNet>,
    /// Where people find the app; shown on the page behind a room link.
    #[arg(long, value_name = "URL", value_parser = server_page)]
    download_url: Option<Url>,
    /// STUN server for the participants, may be repeated; "none" for none at all.
    #[arg(long, value_name = "URL", default_values = PUBLIC_STUN)]
    stun: Vec<String>,
    /// TURN server for the participants (turn:host:port?transport=udp), may be repeated.
    #[arg(long, value_name = "URL")]
    turn_url: Vec<String>,
    /// Secret shared with the TURN server (coturn: static-auth-secret). Better given in the environment.
    #[arg(long, value_name = "SECRET", env = "CONFAB_TURN_SECRET", hide_env_values = true)]
    turn_secret: Option<String>,
    /// How long a TURN credential is good for, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 4 * 3600, value_parser = clap::value_parser!(u64).range(60..=7 * 86_400))]
    turn_ttl: u64,
    /// Secret that lets participants keep their identity over a restart of this server, 32 bytes or more. Better given in
    /// the environment, or in a file. An empty variable is none.
    #[arg(long, value_name = "SECRET", env = "CONFAB_SERVER_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// File in which such a secret is kept; made if it is not there, for its owner alone. Without this and --secret it is
    /// in the folder that the system has for the state of programs. Replace it to revoke all resume tokens.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// File with the key of the tokens that participants may bring (JWT, HS256), 32 bytes or more. Without it tokens are
    /// not looked at.
    #[arg(long, value_name = "FILE")]
    token_key_file: Option<PathBuf>,
    /// Let in only participants with a token.
    #[arg(long, requires = "token_key_file")]
    require_token: bool,
    #[command(flatten)]
    peerjs: PeerServerArguments,
    #[command(flatten)]
    metered: MeteredArguments,
}

#[derive(Debug, Subcommand)]
pub enum Command {
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
        #[command(flatten)]
        metered: MeteredToken,
    },
}

fn server_url(text: &str) -> Result<Url, String> {
    let server = room::parse_server(text).map_err(|error| error.to_string())?;
    // With its path, if it has one: the configuration is checked as a whole.
    Ok(Url::parse(text.trim()).unwrap_or(server))
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| "an address, or a network as 10.0.0.0/8".to_owned())
}

/// An address with its port, or the first address of a name, IPv4 before IPv6.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let form = "an address and a port, as 0.0.0.0:7420, localhost:7420 or [::1]:7420";
    let (host, port) = text.rsplit_once(':').ok_or(form)?;
    let port: u16 = port.parse().map_err(|_| form)?;
    if host.is_empty() {
        return Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    }
    if host.contains(':') {
        return Err(form.to_owned());
    }
    let found = (host, port).to_socket_addrs().map_err(|error| format!("no address of {host:?} is known: {error}"))?;
    found.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| format!("no address of {host:?} is known"))
}

fn server_page(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err("only http and https".to_owned()) }
}

impl Arguments {
    /// Reads them, and the environment. Ends the program if they are wrong, or ask for help.
    pub fn read() -> Self {
        let matches = Self::command().get_matches();
        let mut arguments = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        // A variable that is set to nothing, as files of services have it, is no variable.
        let is_variable = |name: &str| matches.value_source(name) == Some(ValueSource::EnvVariable);
        arguments.metered.forget_empty_variables(is_variable);
        for (name, value) in [("secret", &mut arguments.secret), ("turn_secret", &mut arguments.turn_secret)] {
            if value.as_deref() == Some("") && is_variable(name) {
                *value = None;
            }
        }
        arguments
    }

    /// What they mean for the server.
    pub fn config(self) -> Result<ServerConfig, String> {
        let secret = self.kept_secret()?;
        let require = self.require_token;
        let tokens = match &self.token_key_file {
            Some(path) => Some(TokenConfig { key: read_key(path)?, require }),
            None => None,
        };
        let turn = match (self.turn_secret, self.turn_url) {
            (None, urls) if urls.is_empty() => None,
            (Some(secret), urls) if !urls.is_empty() => {
                Some(TurnConfig { secret, urls, ttl: Duration::from_secs(self.turn_ttl) })
            }
            (None, _) => return Err("--turn-url needs --turn-secret, or CONFAB_TURN_SECRET, as well".to_owned()),
            (Some(_), _) => return Err("a secret of TURN servers needs --turn-url as well".to_owned()),
        };
        let stun = match self.stun.as_slice() {
            [none] if none == "none" => Vec::new(),
            _ => self.stun,
        };
        let mut trusted_proxies = self.trusted_proxy;
        if self.public_url.is_some() {
            trusted_proxies.extend([
                IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST)),
                IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST)),
            ]);
        }
        let config = ServerConfig {
            tokens,
            listen: self.listen,
            fallback_ports: self.port_fallback,
            public_url: self.public_url,
            trusted_proxies,
            download_url: self.download_url,
            stun,
            turn,
            secret,
            peerjs: self.peerjs.config(),
            metered: self.metered.config()?,
            ..ServerConfig::default()
        };
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    /// The secret that is given, or the one that is kept.
    fn kept_secret(&self) -> Result<Option<Vec<u8>>, String> {
        if self.secret.is_some() && self.secret_file.is_some() {
            return Err("give either --secret (or CONFAB_SERVER_SECRET) or --secret-file".to_owned());
        }
        if let Some(secret) = &self.secret {
            if secret.len() < SECRET_BYTES {
                return Err(format!(
                    "the secret has {} bytes; it needs {SECRET_BYTES}: make one with openssl rand -base64 32",
                    secret.len()
                ));
            }
            return Ok(Some(secret.clone().into_bytes()));
        }
        if let Some(path) = &self.secret_file {
            return kept_secret(path).map(Some).map_err(|error| error.to_string());
        }
        let Some(path) = state_file("secret") else { return Ok(None) };
        match kept_secret(&path) {
            Ok(secret) => Ok(Some(secret)),
            Err(error) => {
                tracing::warn!(%error, "who comes back after a restart will be someone else; see --secret-file");
                Ok(None)
            }
        }
    }
}

/// A file in the folder that the system has for the state of this program: systemd's, or that of the user.
fn state_file(name: &str) -> Option<PathBuf> {
    if let Some(folders) = std::env::var_os("STATE_DIRECTORY").filter(|folders| !folders.is_empty()) {
        return std::env::split_paths(&folders).next().map(|folder| folder.join(name));
    }
    let folders = directories::ProjectDirs::from("", "", "confab-server")?;
    Some(folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).join(name))
}

impl Command {
    /// Does it, and returns what is printed.
    pub fn run(self) -> Result<String, String> {
        let Command::Token { token_key_file, sub, metadata, room, lifetime, metered } = self;
        if metered.metered.is_some() {
            return metered.mint(&read_key(&token_key_file)?, sub, metadata, Duration::from_secs(lifetime));
        }
        let rooms = (!room.is_empty()).then_some(room);
        let claims = Claims { sub, peer_metadata: metadata, rooms, ..Claims::lasting(Duration::from_secs(lifetime)) };
        mint(&read_key(&token_key_file)?, &claims).map_err(|error| error.to_string())
    }
}
