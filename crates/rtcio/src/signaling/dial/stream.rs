//! TCP to the server or its proxy, and TLS on it.

use super::failure::{self, unreachable};
use crate::connect_error::{ConnectError, ConnectErrorKind};
use confab_transport::ice::RootCertificate;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// How long one address may take to be connected; the next one is tried then.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);

/// A byte stream, perhaps with TLS on it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream of any kind.
pub(crate) type BoxedStream = Box<dyn Stream>;

/// Connects to the first address of a host that can be reached; also says which address of this machine is used.
pub(super) async fn connect_tcp(host: &str, port: u16) -> Result<(TcpStream, Option<IpAddr>), ConnectError> {
    let mut failed = None;
    for address in resolve(host, port).await? {
        let error = match timeout(ADDRESS_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Signals are small and must not wait for each other.
                stream.set_nodelay(true).ok();
                let local = stream.local_addr().ok().map(|local| local.ip());
                return Ok((stream, local));
            }
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        failed = Some(error);
    }
    Err(unreachable(format!("no connection: {}", failed.unwrap_or_else(|| io::ErrorKind::NotFound.into()))))
}

/// The addresses of a host.
pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let found = lookup_host((host, port)).await;
    Ok(found.map_err(|error| unreachable(format!("the name is not found: {error}")))?.collect())
}

/// TLS to `host`, whose certificate must be trusted by the system or by one of `roots`.
pub(super) async fn connect_tls(
    host: &str,
    stream: BoxedStream,
    roots: &[RootCertificate],
) -> Result<BoxedStream, ConnectError> {
    let mut connector = native_tls::TlsConnector::builder();
    for root in roots {
        connector.add_root_certificate(root.certificate().clone());
    }
    let connector = connector.build().map_err(|error| unreachable(failure::chain(&error)))?;
    match tokio_native_tls::TlsConnector::from(connector).connect(host, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => {
            let text = failure::chain(&error);
            let kind = if is_about_certificate(&text) {
                ConnectErrorKind::UntrustedCertificate
            } else {
                ConnectErrorKind::Unreachable
            };
            Err(ConnectError::with_detail(kind, format!("TLS: {text}")))
        }
    }
}

/// The libraries of the platforms tell only by their words that the certificate is what they do not like: OpenSSL, Security
/// Framework, SChannel.
fn is_about_certificate(text: &str) -> bool {
    let text = text.to_lowercase();
    ["certificate verify failed", "not trusted", "self-signed", "self signed", "certificate chain", "cert_e_"]
        .iter()
        .any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_from_other_failures_of_tls() {
        assert!(is_about_certificate(
            "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed (self-signed certificate)"
        ));
        assert!(is_about_certificate("The certificate was not trusted."));
        assert!(!is_about_certificate("error:0A00010B:SSL routines:ssl3_get_record:wrong version number"));
        assert!(!is_about_certificate("sslv3 alert handshake failure"));
    }
}
