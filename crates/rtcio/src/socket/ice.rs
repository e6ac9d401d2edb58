//! ICE servers of a socket.

use super::builder::SocketBuilder;
use super::handle::Socket;
use crate::AskIceError;
use confab_transport::ice::{CertificateError, IceTransportPolicy, RootCertificate};
use confab_wire::signaling::{ASK_ICE, IceServer};
use serde::Deserialize;

impl SocketBuilder {
    /// ICE servers (`iceServers` of rtc.io). What is not well-formed is left out with a warning that names the reason,
    /// one of [`crate::IceServerError`].
    pub fn ice_servers(mut self, servers: Vec<IceServer>) -> Self {
        self.options.ice_servers = servers;
        self
    }

    /// Which paths may be taken. With [`IceTransportPolicy::Relay`] no address of this computer is told to a peer, and
    /// without a TURN server there is no connection. rtc.io has no option for it.
    pub fn ice_transport_policy(mut self, policy: IceTransportPolicy) -> Self {
        self.options.ice_policy = policy;
        self
    }

    /// Trusts one more root certificate (PEM) beside those of the system for TURN over TLS, as for a server of one's
    /// own.
    pub fn turn_root_certificate(mut self, pem: &[u8]) -> Result<Self, CertificateError> {
        self.options.ice_roots.push(RootCertificate::from_pem(pem)?);
        Ok(self)
    }
}

/// Answer to `ask-ice`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IceAnswer {
    ice_servers: Vec<IceServer>,
}

impl Socket {
    /// ICE servers for connections that are made from now on. What is not well-formed is left out with a warning.
    pub fn set_ice_servers(&self, servers: Vec<IceServer>) {
        self.shared.endpoint.ice.set_servers(servers);
    }

    /// Asks the signaling server for ICE servers (`server.emit("ask-ice", callback)` of rtc.io's guide on ICE and TURN)
    /// and uses them for connections that are made from now on. Returns those that are used.
    pub async fn ask_ice(&self) -> Result<Vec<IceServer>, AskIceError> {
        let answer = self.server().emit_with_ack(ASK_ICE, Vec::new()).await?;
        let answer = answer.into_iter().next().ok_or(AskIceError::Shape)?;
        let IceAnswer { ice_servers } = serde_json::from_value(answer).map_err(|_| AskIceError::Shape)?;
        self.set_ice_servers(ice_servers);
        Ok(self.shared.endpoint.ice.servers())
    }
}
