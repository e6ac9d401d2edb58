//! A line to a server that can be frozen or cut, without the server's or the client's knowledge.

use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Frozen,
    Cut,
}

/// A TCP proxy in front of a server. Ends when dropped.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    task: JoinHandle<()>,
}

impl TcpProxy {
    /// Opens one in front of `target`.
    pub async fn to(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = watch::Sender::new(State::Open);
        let states = state.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(serve(client, target, states.subscribe()));
            }
        });
        Ok(Self { address, state, task })
    }

    /// URL of the server at the other end, over this line.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on nothing of what either side says is passed on, as if the server's machine were stopped.
    pub fn freeze(&self) {
        self.state.send_replace(State::Frozen);
    }

    /// Every connection breaks, and new ones break at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// All is passed on again, also what was said while the line was frozen.
    pub fn mend(&self) {
        self.state.send_replace(State::Open);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(client: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    let passing = state.clone();
    let pass_all = async {
        let Ok(server) = TcpStream::connect(target).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::join!(pass(from_client, to_server, passing.clone()), pass(from_server, to_client, passing));
    };
    tokio::select! {
        // An end of the line itself is a cut, too.
        _ = state.wait_for(|state| *state == State::Cut) => {}
        () = pass_all => {}
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        let open = state.wait_for(|state| *state == State::Open).await.is_ok();
        if !open || read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    // Who is gone already needs no end.
    to.shutdown().await.ok();
}
