//! Why there is no connection to a server.

use serde::Serialize;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// Nobody answers at the address.
    Unreachable,
    /// Somebody answers who is no signaling server.
    NotAServer,
    /// The server refuses.
    Refused,
    /// The certificate of the server (or of its proxy) is not trusted, is out of date, or is that of another name.
    UntrustedCertificate,
}

/// Why an attempt to reach the signaling server failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{kind:?}{}{}", part(.message), part(.detail))]
#[non_exhaustive]
pub struct ConnectError {
    /// The kind.
    pub kind: ConnectErrorKind,
    /// What the server itself says about a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The cause, in technical words; of a refusal, the data that the server sent with it, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

fn part(text: &Option<String>) -> String {
    text.as_ref().map(|text| format!(": {text}")).unwrap_or_default()
}

impl ConnectError {
    /// Without a cause.
    pub(crate) fn new(kind: ConnectErrorKind) -> Self {
        Self { kind, message: None, detail: None }
    }

    /// With a technical cause.
    pub(crate) fn with_detail(kind: ConnectErrorKind, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(kind) }
    }

    /// What `connect_error` of the Socket.IO client has in `message`.
    pub(crate) fn text(&self) -> String {
        self.message.clone().unwrap_or_else(|| self.to_string())
    }
}
