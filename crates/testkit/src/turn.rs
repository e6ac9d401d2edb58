//! A private coturn: a TURN server over UDP, TCP and TLS, on loopback or on a host of a laboratory.

use crate::process::{Process, ProcessError};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use tempfile::TempDir;
use tokio::process::Command;

/// User name of the only user.
pub const USER: &str = "ann";
/// The credential of the only user.
pub const CREDENTIAL: &str = "of-the-tests";

/// What one is started with.
#[derive(Debug, Clone, Copy)]
pub struct TurnOptions<'a> {
    /// Where it listens and relays; peers are allowed there.
    pub address: Ipv4Addr,
    /// Port for UDP and TCP.
    pub port: u16,
    /// Port for TLS.
    pub tls_port: u16,
    /// Secret of a signaling server that makes credentials for it (draft-uberti-behave-turn-rest-00). Without one there
    /// is one user, [`USER`].
    pub shared_secret: Option<&'a str>,
}

/// `turnserver` with a certificate of its own for `localhost`.
#[derive(Debug)]
pub struct TurnServer {
    process: Process,
    address: Ipv4Addr,
    /// Port for UDP and TCP.
    pub port: u16,
    /// Port for TLS.
    pub tls_port: u16,
    /// The certificate, which signed itself, in PEM.
    pub certificate: String,
    _dir: TempDir,
}

impl TurnServer {
    /// Starts one and waits until it listens.
    pub async fn start() -> Result<Self, ProcessError> {
        let ports = [free_port()?, free_port()?];
        Self::start_on(ports[0], ports[1]).await
    }

    /// Starts one on these ports of loopback.
    pub async fn start_on(port: u16, tls_port: u16) -> Result<Self, ProcessError> {
        let options = TurnOptions { address: Ipv4Addr::LOCALHOST, port, tls_port, shared_secret: None };
        Self::start_with(options, |_| Ok(())).await
    }

    /// Starts one after `prepare` had its way with the command (another network, for example).
    pub async fn start_with(
        options: TurnOptions<'_>,
        prepare: impl FnOnce(&mut Command) -> Result<(), ProcessError>,
    ) -> Result<Self, ProcessError> {
        let TurnOptions { address, port, tls_port, shared_secret } = options;
        let dir = TempDir::new().map_err(|error| ProcessError::Io("make a directory", error))?;
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])
            .map_err(|error| ProcessError::Io("make a certificate", std::io::Error::other(error)))?;
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).map_err(|error| ProcessError::Io("write a file", error))?;
            Ok::<_, ProcessError>(path)
        };
        let (certificate, key) = (write("cert.pem", &cert.pem())?, write("key.pem", &signing_key.serialize_pem())?);
        let mut command = Command::new("turnserver");
        command
            .args(["-n", "--verbose", "--no-cli", "--log-file=stdout", "--simple-log"])
            .args([format!("--listening-ip={address}"), format!("--relay-ip={address}")])
            .arg("--allow-loopback-peers")
            .args([format!("--listening-port={port}"), format!("--tls-listening-port={tls_port}")])
            .args(["--lt-cred-mech", "--realm=confab.test", "--no-dtls", "--relay-threads=1"])
            .arg(match shared_secret {
                Some(secret) => format!("--static-auth-secret={secret}"),
                None => format!("--user={USER}:{CREDENTIAL}"),
            })
            .arg(format!("--cert={}", certificate.display()))
            .arg(format!("--pkey={}", key.display()))
            .arg(format!("--pidfile={}", dir.path().join("pid").display()))
            .arg(format!("--userdb={}", dir.path().join("users").display()));
        prepare(&mut command)?;
        let mut process = Process::start(command)?;
        process
            .wait_for("the TURN server", |lines| {
                let opened = |what: String| lines.iter().any(|line| line.contains(&what));
                (opened(format!("UDP listener opened on: {address}:{port}"))
                    && opened(format!("TCP listener opened on : {address}:{tls_port}"))
                    && opened("Total General servers".to_owned()))
                .then_some(())
            })
            .await?;
        Ok(Self { process, address, port, tls_port, certificate: cert.pem(), _dir: dir })
    }

    /// URL over `udp` or `tcp`.
    pub fn url(&self, transport: &str) -> String {
        format!("turn:{}:{}?transport={transport}", self.address, self.port)
    }

    /// URL over TLS.
    pub fn tls_url(&self) -> String {
        format!("turns:localhost:{}?transport=tcp", self.tls_port)
    }

    /// What it has said so far.
    pub fn log(&self) -> Vec<String> {
        self.process.lines()
    }

    /// Waits until a line of its log satisfies `found`.
    pub async fn wait_for(&mut self, what: &str, mut found: impl FnMut(&str) -> bool) -> Result<(), ProcessError> {
        self.process.wait_for(what, |lines| lines.iter().any(|line| found(line)).then_some(())).await
    }

    /// Ends it at once, as a crash would: connections over TCP break.
    pub async fn kill(mut self) -> Result<(), ProcessError> {
        self.process.signal("KILL").await?;
        self.process.wait().await?;
        Ok(())
    }
}

/// A port that is free for UDP and TCP at this moment.
pub fn free_port() -> Result<u16, ProcessError> {
    let failed = |error| ProcessError::Io("find a free port", error);
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let port = tcp.local_addr().map_err(failed)?.port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}
