//! Root certificates beside those of the system.

/// A root certificate, checked when it was read.
#[derive(Clone)]
pub struct RootCertificate(native_tls::Certificate);

impl std::fmt::Debug for RootCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootCertificate")
    }
}

/// A root certificate that is none: it must be one X.509 certificate in PEM.
#[derive(Debug, thiserror::Error)]
#[error("this is no certificate in PEM: {0}")]
pub struct CertificateError(String);

impl RootCertificate {
    /// The certificate as the TLS library takes it.
    pub fn certificate(&self) -> &native_tls::Certificate {
        &self.0
    }

    /// Reads one certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        native_tls::Certificate::from_pem(pem).map(Self).map_err(|error| CertificateError(error.to_string()))
    }
}
