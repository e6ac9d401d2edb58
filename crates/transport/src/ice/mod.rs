//! ICE: which servers are used, and how relays are reached.

mod config;
mod framing;
mod privacy;
mod receive_errors;
mod relay;
mod root;
mod servers;
mod upstream;
mod url;

pub use config::{IceConfig, IceTransportPolicy};
pub(crate) use privacy::{hide_addresses, hide_related_address};
pub(crate) use relay::{FailureCallback, IceServerFailure, Relays, UNREACHABLE};
pub use root::{CertificateError, RootCertificate};
pub use url::IceServerError;
