//! The media socket: encoded pictures from the call to the window, over a WebSocket on the loopback interface.
//!
//! A WebSocket on loopback can be dialled by every program and every web page on this computer, so a client must
//! show three things: a one-time token that only our window was given, the `Origin` of our window (a browser
//! does not let a page choose it), and the `Host` we gave out (against DNS rebinding). The frames are those of
//! [`confab_ipc::frame`].

use super::drawn_tracks::{ConnectionTracks, DrawnTracks};
use super::frame_queue::FrameQueue;
use super::newest::Newest;
use super::source::FrameSource;
use super::tokens::OneTimeTokens;
use confab_call::TrackFrame;
use confab_ipc::frame::MediaRequest;
use confab_wire::layers::RenderedSize;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one frame may take to leave. A window that stands still for longer connects again.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after an error of the listener (out of file descriptors), which would repeat at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Handshakes at once. Every program of this computer can begin one and say nothing; with one more the oldest is cut, and a window
/// says what it has to say at once.
const HANDSHAKES: usize = 64;
/// Windows at once, each let in by a token: the one there is, and its successors after reloads; with one more the oldest is cut.
const WINDOWS: usize = 4;
/// Largest message from the window, in bytes; a [`MediaRequest`] has about 30.
const REQUEST_BYTES: usize = 256;
/// Path of the socket; the token follows.
const PATH: &str = "/media/";

/// Gives out addresses of the media socket; cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaSocketAddress {
    address: SocketAddr,
    tokens: Arc<OneTimeTokens>,
}

impl MediaSocketAddress {
    /// An address for one connection, which is good for a short time.
    pub fn url(&self) -> String {
        format!("ws://{}{PATH}{}", self.address, self.tokens.issue(Instant::now()))
    }

    fn check(&self, request: &Request, origins: &[String]) -> Result<(), &'static str> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if header(header::HOST) != Some(self.address.to_string().as_str()) {
            return Err("host");
        }
        if !header(header::ORIGIN).is_some_and(|origin| origins.iter().any(|known| known == origin)) {
            return Err("origin");
        }
        let token = request.uri().path().strip_prefix(PATH).unwrap_or_default();
        if self.tokens.redeem(token, Instant::now()) { Ok(()) } else { Err("token") }
    }
}

/// Decides about one handshake.
struct HandshakeCheck<'a> {
    address: &'a MediaSocketAddress,
    origins: &'a [String],
}

impl Callback for HandshakeCheck<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        self.address.check(request, self.origins).map(|()| response).map_err(|wrong| {
            warn!(wrong, "a connection to the media socket is refused");
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::FORBIDDEN;
            refusal
        })
    }
}

/// The listener and the connections it accepted; owns both.
#[derive(Debug)]
pub struct MediaSocket<P> {
    listener: TcpListener,
    address: MediaSocketAddress,
    origins: Arc<[String]>,
    pictures: watch::Receiver<Option<P>>,
    drawn: DrawnTracks,
}

impl<P: FrameSource> MediaSocket<P> {
    /// Listens on a free loopback port for windows of one of `origins`. `pictures` is what runs now.
    pub async fn bind(
        origins: Vec<String>,
        pictures: watch::Receiver<Option<P>>,
    ) -> io::Result<(Self, MediaSocketAddress)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let given = MediaSocketAddress { address: listener.local_addr()?, tokens: Arc::default() };
        let socket =
            Self { listener, address: given.clone(), origins: origins.into(), pictures, drawn: DrawnTracks::default() };
        Ok((socket, given))
    }

    /// Serves until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let (mut handshakes, mut windows) = (Newest::new(HANDSHAKES), Newest::new(WINDOWS));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                Some(socket) = handshakes.next() => {
                    if let Some(socket) = socket {
                        let connection = Connection::new(self.pictures.clone(), self.drawn.connect());
                        windows.spawn(|cut| connection.run(socket, cut));
                    }
                    continue;
                }
                Some(()) = windows.next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) if from.ip().is_loopback() => {
                    let (address, origins) = (self.address.clone(), Arc::clone(&self.origins));
                    handshakes.spawn(|cut| async move {
                        cut.run_until_cancelled(shake_hands(stream, address, origins)).await.flatten()
                    });
                }
                Ok((_, from)) => warn!(%from, "not a program of this computer"),
                Err(error) => {
                    warn!(%error, "the media socket can't accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// The socket of a window; `None` for everybody else.
async fn shake_hands(stream: TcpStream, address: MediaSocketAddress, origins: Arc<[String]>) -> Option<Socket> {
    // Small frames must not wait for an acknowledgement of the ones before (RFC 896).
    let _ = stream.set_nodelay(true);
    let bounds = WebSocketConfig::default()
        .max_message_size(Some(REQUEST_BYTES))
        .max_frame_size(Some(REQUEST_BYTES))
        .write_buffer_size(0);
    let check = HandshakeCheck { address: &address, origins: &origins };
    match timeout(HANDSHAKE_TIMEOUT, accept_hdr_async_with_config(stream, check, Some(bounds))).await {
        Ok(Ok(socket)) => return Some(socket),
        Ok(Err(error)) => debug!(%error, "no media socket"),
        Err(_) => debug!("the handshake of a media socket took too long"),
    }
    None
}

type Socket = WebSocketStream<TcpStream>;

/// One window.
struct Connection<P> {
    pictures: watch::Receiver<Option<P>>,
    queue: Mutex<FrameQueue>,
    filled: Notify,
    tracks: ConnectionTracks,
}

impl<P: FrameSource> Connection<P> {
    fn new(pictures: watch::Receiver<Option<P>>, tracks: ConnectionTracks) -> Self {
        Self { pictures, queue: Mutex::default(), filled: Notify::new(), tracks }
    }

    async fn run(self, socket: Socket, cut: CancellationToken) {
        let (sink, stream) = socket.split();
        let current = self.pictures.clone();
        tokio::select! {
            sent = self.send(sink) => {
                if let Err(error) = sent {
                    debug!(%error, "the window does not read its media socket");
                }
            }
            () = self.listen(stream) => {}
            () = cut.cancelled() => debug!("newer windows took the place of an older one"),
            () = self.fill(current) => {}
        }
        // Peers need not send what is not drawn.
        let hidden = self.tracks.disconnect();
        if let Some(call) = &*self.pictures.borrow() {
            hidden.into_iter().for_each(|handle| call.set_rendered_size(handle, RenderedSize::HIDDEN));
        }
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, FrameQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves frames from the call into the queue, from one call to the next.
    async fn fill(&self, mut current: watch::Receiver<Option<P>>) {
        loop {
            self.queue().clear();
            let call = current.borrow_and_update().clone();
            tokio::select! {
                changed = current.changed() => if changed.is_err() { return },
                () = self.fill_from(call) => {
                    if current.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Ends with the call.
    async fn fill_from(&self, call: Option<P>) {
        let Some(call) = call else { return };
        let mut frames = call.frames();
        loop {
            match frames.recv().await {
                Ok(TrackFrame { handle, frame }) => {
                    if self.queue().push(handle, &frame, Instant::now()) {
                        call.request_key_frame(handle);
                    }
                    self.filled.notify_one();
                }
                Err(broadcast::error::RecvError::Lagged(lost)) => {
                    debug!(lost, "the media socket came too late for frames");
                    let asked = self.queue().skip_all(Instant::now());
                    asked.into_iter().for_each(|handle| call.request_key_frame(handle));
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn send(&self, mut sink: SplitSink<Socket, Message>) -> Result<(), tungstenite::Error> {
        loop {
            let next = self.queue().pop();
            let Some(message) = next else {
                self.filled.notified().await;
                continue;
            };
            timeout(SEND_TIMEOUT, sink.send(Message::Binary(message)))
                .await
                .map_err(|_| tungstenite::Error::Io(io::ErrorKind::TimedOut.into()))??;
        }
    }

    /// Reads requests of the window until it closes the socket or sends something else.
    async fn listen(&self, mut stream: SplitStream<Socket>) {
        while let Some(Ok(message)) = stream.next().await {
            let request = match &message {
                Message::Text(text) => serde_json::from_str(text.as_str()),
                Message::Close(_) => return,
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Binary(_) | Message::Frame(_) => return,
            };
            match request {
                Ok(MediaRequest::KeyFrame { handle }) => {
                    if let Some(call) = &*self.pictures.borrow() {
                        call.request_key_frame(handle);
                    }
                }
                Ok(MediaRequest::RenderedSize { handle, width, height }) => {
                    self.tracks.insert(handle);
                    if (width, height) == (0, 0) {
                        self.queue().forget(handle);
                    }
                    if let Some(call) = &*self.pictures.borrow() {
                        call.set_rendered_size(handle, RenderedSize { width, height });
                    }
                }
                Err(error) => {
                    warn!(%error, "the window sent what is no request");
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
