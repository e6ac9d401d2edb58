//! The way through a proxy: HTTP CONNECT (RFC 9110 section 9.3.6) and SOCKS5 (RFC 1928, RFC 1929).

use super::failure::unreachable;
use super::stream::{BoxedStream, connect_tcp, connect_tls, resolve};
use crate::connect_error::ConnectError;
use crate::proxy::{Proxy, ProxyKind};
use base64::Engine;
use confab_transport::ice::RootCertificate;
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest answer of a proxy to CONNECT, with its headers.
const ANSWER_BYTES: usize = 16 * 1024;

/// Why a proxy does not let us through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TunnelError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("its answer is none of HTTP")]
    NotHttp,
    #[error("HTTP status {0}")]
    Status(u16),
    #[error("its answer is none of SOCKS5")]
    NotSocks,
    #[error("it wants other credentials")]
    Credentials,
    #[error("SOCKS5 reply {0}")]
    Reply(u8),
    #[error("the name of the server is too long for it")]
    Name,
}

/// A stream to `host` through `proxy`, and the address of this machine that is used.
pub(super) async fn connect(
    proxy: &Proxy,
    host: &str,
    port: u16,
    roots: &[RootCertificate],
) -> Result<(BoxedStream, Option<IpAddr>), ConnectError> {
    let said = |error: TunnelError| unreachable(format!("the proxy: {error}"));
    let (stream, local) = connect_tcp(&proxy.host, proxy.port)
        .await
        .map_err(|error| unreachable(format!("the proxy: {}", error.detail.unwrap_or_default())))?;
    let mut stream: BoxedStream = Box::new(stream);
    match proxy.kind {
        ProxyKind::Http => http_connect(&mut stream, host, port, credentials(proxy)).await.map_err(said)?,
        ProxyKind::Https => {
            stream = connect_tls(&proxy.host, stream, roots).await?;
            http_connect(&mut stream, host, port, credentials(proxy)).await.map_err(said)?;
        }
        ProxyKind::Socks5 { remote_dns: true } => {
            socks5(&mut stream, &Target::of(host), port, credentials(proxy)).await.map_err(said)?;
        }
        ProxyKind::Socks5 { remote_dns: false } => {
            let address = resolve(host, port).await?.into_iter().next().ok_or_else(|| unreachable("no address"))?;
            socks5(&mut stream, &Target::Address(address.ip()), port, credentials(proxy)).await.map_err(said)?;
        }
    }
    Ok((stream, local))
}

fn credentials(proxy: &Proxy) -> Option<(&str, &str)> {
    proxy.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
}

async fn http_connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    host: &str,
    port: u16,
    credentials: Option<(&str, &str)>,
) -> Result<(), TunnelError> {
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some((user, password)) = credentials {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        request.push_str(&format!("Proxy-Authorization: Basic {basic}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    match http_status(stream).await? {
        200..=299 => Ok(()),
        407 => Err(TunnelError::Credentials),
        status => Err(TunnelError::Status(status)),
    }
}

/// Reads the head of an answer and nothing behind it: that belongs to the server.
pub(crate) async fn http_status<S: AsyncRead + Unpin>(stream: &mut S) -> Result<u16, TunnelError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= ANSWER_BYTES {
            return Err(TunnelError::NotHttp);
        }
        head.push(stream.read_u8().await?);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| TunnelError::NotHttp)?;
    let rest = line.strip_prefix("HTTP/1.").ok_or(TunnelError::NotHttp)?;
    rest.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(TunnelError::NotHttp)
}

/// Where a SOCKS5 proxy is asked to connect to.
#[derive(Debug)]
pub(crate) enum Target<'a> {
    Name(&'a str),
    Address(IpAddr),
}

impl<'a> Target<'a> {
    /// The host as it stands: an address needs no name service.
    fn of(host: &'a str) -> Self {
        host.parse().map_or(Self::Name(host), Self::Address)
    }
}

/// The dialogue of SOCKS5 up to the established connection.
pub(crate) async fn socks5<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    target: &Target<'_>,
    port: u16,
    credentials: Option<(&str, &str)>,
) -> Result<(), TunnelError> {
    let methods: &[u8] = if credentials.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    stream.write_all(methods).await?;
    stream.flush().await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    match (chosen, credentials) {
        ([5, 0], _) => {}
        ([5, 2], Some((user, password))) => {
            let mut request = vec![1];
            for part in [user, password] {
                request.push(u8::try_from(part.len()).map_err(|_| TunnelError::Credentials)?);
                request.extend_from_slice(part.as_bytes());
            }
            stream.write_all(&request).await?;
            stream.flush().await?;
            let mut status = [0; 2];
            stream.read_exact(&mut status).await?;
            if status[1] != 0 {
                return Err(TunnelError::Credentials);
            }
        }
        ([5, _], _) => return Err(TunnelError::Credentials),
        _ => return Err(TunnelError::NotSocks),
    }
    let mut request = vec![5, 1, 0];
    match target {
        Target::Address(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend_from_slice(&ip.octets());
        }
        Target::Name(name) => {
            request.extend_from_slice(&[3, u8::try_from(name.len()).map_err(|_| TunnelError::Name)?]);
            request.extend_from_slice(name.as_bytes());
        }
        Target::Address(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend_from_slice(&ip.octets());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await?;
    match reply {
        [5, 0, _, _] => {}
        [5, code, _, _] => return Err(TunnelError::Reply(code)),
        _ => return Err(TunnelError::NotSocks),
    }
    // The address from which the proxy connects, and its port: of no use here.
    let length = match reply[3] {
        1 => 4,
        3 => usize::from(stream.read_u8().await?),
        4 => 16,
        _ => return Err(TunnelError::NotSocks),
    };
    let mut bound = [0; 257];
    stream.read_exact(&mut bound[..length + 2]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    #[tokio::test]
    async fn an_answer_of_http_is_read_to_its_end_and_not_further() {
        let read = async |answer: &str| {
            let mut answer = answer.as_bytes();
            let status = http_status(&mut answer).await;
            (status, answer.len())
        };
        let (status, rest) = read("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nrest").await;
        assert_eq!((status.unwrap(), rest), (200, 4));
        assert_eq!(read("HTTP/1.0 407 \r\n\r\n").await.0.unwrap(), 407);
        assert!(matches!(read("SSH-2.0\r\n\r\n").await.0, Err(TunnelError::NotHttp)));
        assert!(matches!(read("HTTP/1.1 200").await.0, Err(TunnelError::Io(_))));
        assert!(matches!(read(&"x".repeat(ANSWER_BYTES + 1)).await.0, Err(TunnelError::NotHttp)));
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_says_why() {
        for (answers, expected) in [
            (vec![5, 0xff], "it wants other credentials"),
            (vec![4, 0], "its answer is none of SOCKS5"),
            (vec![5, 0, 5, 5, 0, 1], "SOCKS5 reply 5"),
            (vec![5, 0, 5, 0, 0, 9], "its answer is none of SOCKS5"),
            (vec![5], "early eof"),
        ] {
            let (mut near, mut far) = duplex(1_024);
            far.write_all(&answers).await.unwrap();
            far.shutdown().await.unwrap();
            let error = socks5(&mut near, &Target::of("x.example"), 443, None).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
