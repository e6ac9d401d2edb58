//! Small proxies (HTTP CONNECT, SOCKS5) and TLS in front of a server.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a proxy was asked for, as it stood in the request.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// A proxy that leads everybody to one server, whatever they ask for. Ends when dropped.
pub struct ProxyServer {
    pub address: SocketAddr,
    pub asked: Asked,
    task: JoinHandle<()>,
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ProxyServer {
    /// HTTP CONNECT; with credentials it wants them in the form of `Basic`.
    pub async fn http(target: SocketAddr, basic: Option<&'static str>) -> Self {
        Self::start(move |mut stream: TcpStream, asked: Asked| async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            asked.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
            if basic.is_some_and(|basic| !head.contains(&format!("Proxy-Authorization: Basic {basic}\r\n"))) {
                return stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
            }
            stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").await?;
            let mut server = TcpStream::connect(target).await?;
            copy_bidirectional(&mut stream, &mut server).await.map(|_| ())
        })
        .await
    }

    /// SOCKS5, with a user name and a password or without.
    pub async fn socks5(target: SocketAddr, credentials: Option<(&'static str, &'static str)>) -> Self {
        Self::start(move |mut stream: TcpStream, asked: Asked| async move {
            let mut head = [0; 2];
            stream.read_exact(&mut head).await?;
            let mut methods = vec![0; usize::from(head[1])];
            stream.read_exact(&mut methods).await?;
            if let Some((user, password)) = credentials {
                if !methods.contains(&2) {
                    return stream.write_all(&[5, 0xff]).await;
                }
                stream.write_all(&[5, 2]).await?;
                let mut said = Vec::new();
                stream.read_u8().await?;
                for _ in 0..2 {
                    let mut part = vec![0; usize::from(stream.read_u8().await?)];
                    stream.read_exact(&mut part).await?;
                    said.push(String::from_utf8_lossy(&part).into_owned());
                }
                let right = said == [user, password];
                stream.write_all(&[1, u8::from(!right)]).await?;
                if !right {
                    return Ok(());
                }
            } else {
                stream.write_all(&[5, 0]).await?;
            }
            let mut request = [0; 4];
            stream.read_exact(&mut request).await?;
            let name = match request[3] {
                1 => {
                    let mut ip = [0; 4];
                    stream.read_exact(&mut ip).await?;
                    std::net::Ipv4Addr::from(ip).to_string()
                }
                3 => {
                    let mut name = vec![0; usize::from(stream.read_u8().await?)];
                    stream.read_exact(&mut name).await?;
                    String::from_utf8_lossy(&name).into_owned()
                }
                _ => return stream.write_all(&[5, 8, 0, 1, 0, 0, 0, 0, 0, 0]).await,
            };
            let port = stream.read_u16().await?;
            asked.lock().unwrap().push(format!("{name}:{port}"));
            let mut server = TcpStream::connect(target).await?;
            stream.write_all(&[5, 0, 0, 3, 4, b'h', b'o', b's', b't', 0, 80]).await?;
            copy_bidirectional(&mut stream, &mut server).await.map(|_| ())
        })
        .await
    }

    async fn start<F, S>(serve: F) -> Self
    where
        F: Fn(TcpStream, Asked) -> S + Send + Sync + 'static,
        S: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Asked::default();
        let log = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log)));
            }
        });
        Self { address, asked, task }
    }

    /// What it was asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// TLS in front of a server, with a certificate of its own for `names`. Ends when dropped.
pub struct TlsFront {
    pub address: SocketAddr,
    /// The certificate, in PEM.
    pub certificate: String,
    task: JoinHandle<()>,
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TlsFront {
    pub async fn start(target: SocketAddr, names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let (certificate, key) = (cert.pem(), signing_key.serialize_pem());
        let identity = native_tls::Identity::from_pkcs8(certificate.as_bytes(), key.as_bytes()).unwrap();
        let acceptor = tokio_native_tls::TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await.ok()?;
                    let mut server = TcpStream::connect(target).await.ok()?;
                    copy_bidirectional(&mut stream, &mut server).await.ok()
                });
            }
        });
        Self { address, certificate, task }
    }
}

/// A server that sends everybody elsewhere: `location` of the request's target.
pub async fn redirecting(location: impl Fn(&str) -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                head.push(byte);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let to = location(head.split(' ').nth(1).unwrap_or("/"));
            let answer = format!("HTTP/1.1 301 Moved Permanently\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    address
}
