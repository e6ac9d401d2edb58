//! What the engine reports to the application, in order.

use crate::connect_error::ConnectError;
use crate::listeners::{Listeners, Message, ServerMessage};
use confab_transport::receive::remote_track::{RemoteStream, RemoteTrack};
use confab_transport::{ConnectionState, RemotePeer};
use confab_wire::ctrl::{PEER_CONNECT, PEER_DISCONNECT, TRACK_ADDED, TRACK_REMOVED};
use futures_util::Stream;
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Events that wait for one reader.
const EVENTS: usize = 1024;

/// An event of a [`crate::Socket`]. Names follow rtc.io.
#[derive(Debug, Clone)]
pub enum Event {
    /// Signaling is open. The application joins its room now, each time.
    Connected {
        /// False for the first time.
        reconnect: bool,
    },
    /// Signaling is gone. Peers stay; the engine reconnects by itself unless [`crate::Socket::disconnect`] was called.
    Disconnected {
        /// Why, in technical words.
        reason: String,
    },
    /// An attempt to reach the server failed; the next one follows after a pause.
    ConnectError {
        /// Why.
        error: ConnectError,
    },
    /// An application event from the server.
    Server {
        /// Event name.
        event: String,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// `ctrl` to a peer is open.
    PeerConnect {
        /// Peer id.
        peer: String,
    },
    /// A peer for which [`Event::PeerConnect`] came is gone.
    PeerDisconnect {
        /// Peer id.
        peer: String,
    },
    /// The connection to a peer changed its health. `Connecting` is the first event of each peer.
    PeerState {
        /// Peer id.
        peer: String,
        /// New state.
        state: ConnectionState,
    },
    /// An event on the peer's `ctrl` channel.
    Message {
        /// Peer id.
        peer: String,
        /// Event name; never a reserved one.
        event: String,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// An event that carries a stream. It may come before or after the first [`Event::TrackAdded`] of the stream.
    Stream {
        /// Peer id.
        peer: String,
        /// Event name; never a reserved one.
        event: String,
        /// Its arguments; where the stream was stands its placeholder string.
        args: Vec<Value>,
        /// The stream.
        stream: RemoteStream,
    },
    /// A remote track exists (by SDP; its first packet may come later or never).
    TrackAdded {
        /// Peer id.
        peer: String,
        /// The stream it belongs to.
        stream: RemoteStream,
        /// The track.
        track: RemoteTrack,
        /// True for the first track of its stream.
        first: bool,
    },
    /// A remote track ended: its m-line turned inactive, or the peer is gone.
    TrackRemoved {
        /// Peer id.
        peer: String,
        /// The stream it belonged to.
        stream: RemoteStream,
        /// The track.
        track: RemoteTrack,
    },
    /// An ICE server can't be used for a peer (W3C `icecandidateerror`, `ice-candidate-error` of Metered's RemotePeer).
    /// The connection goes on over other servers and paths, if there are any. Each server at most once a connection,
    /// and each time a relay is lost.
    IceCandidateError {
        /// Peer id.
        peer: String,
        /// URL of the server; empty if none is usable though the policy allows only relays.
        url: String,
        /// STUN error code (RFC 8489 section 14.8), or 701 for a server that can't be reached.
        code: u16,
        /// Why, in technical words without credentials.
        text: String,
    },
    /// A member of the room is known, with or without a connection to it (`peer-joined` of Metered). It is gone when its
    /// state changes to [`crate::RemotePeerState::Closed`].
    RemotePeer {
        /// The member, which is the same object until it leaves.
        remote: RemotePeer,
    },
    /// A member sent this through the server, with [`crate::Socket::send_to`]. It needs no connection.
    Direct {
        /// Id of the member.
        peer: String,
        /// What it sent.
        data: Value,
    },
    /// A peer sent a flood or rubbish, which was dropped. At most once in five seconds a peer.
    Misbehaving {
        /// Peer id.
        peer: String,
        /// What it did.
        what: String,
    },
}

/// The receiving end of all events of a socket. Bounded: a slow reader slows the peers down, nothing is lost. Who reads
/// only [`crate::Listener`]s drops it.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Event>,
}

impl Events {
    /// The next event; `None` after [`crate::Socket::close`], when all have been read.
    pub async fn recv(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.receiver.poll_recv(context)
    }
}

/// The way of every event to the application: to the listeners of its name, then to all [`Events`].
#[derive(Debug, Default)]
pub(crate) struct Feed {
    state: Mutex<FeedState>,
    /// Listeners of what peers say.
    pub(crate) peers: Listeners<Message>,
    /// Listeners of what the server says.
    pub(crate) server: Listeners<ServerMessage>,
}

#[derive(Debug, Default)]
struct FeedState {
    readers: Vec<mpsc::Sender<Event>>,
    closed: bool,
    /// Signaling is open.
    connected: bool,
    /// Peers whose `peer-connect` was told, and no `peer-disconnect` yet.
    peers: Vec<String>,
}

impl FeedState {
    /// Remembers what a reader who comes later is told first.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Connected { .. } => self.connected = true,
            Event::Disconnected { .. } => self.connected = false,
            Event::PeerConnect { peer } => self.peers.push(peer.clone()),
            Event::PeerDisconnect { peer } => self.peers.retain(|known| known != peer),
            _ => {}
        }
    }
}

impl Feed {
    /// Another receiving end. It begins with what a reader from the beginning would know by now: whether there is a
    /// connection to the server, and the peers.
    pub(crate) fn subscribe(&self) -> Events {
        let (sender, receiver) = mpsc::channel(EVENTS);
        let mut state = self.lock();
        if !state.closed {
            let connected = state.connected.then_some(Event::Connected { reconnect: false });
            let peers = state.peers.iter().map(|peer| Event::PeerConnect { peer: peer.clone() });
            for event in connected.into_iter().chain(peers) {
                // There is room: a socket has far fewer peers than the queue.
                sender.try_send(event).ok();
            }
            state.readers.push(sender);
        }
        Events { receiver }
    }

    fn lock(&self) -> MutexGuard<'_, FeedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports to the application. Waits while it does not read, until `cancel`; then what has no room is dropped.
    pub(crate) async fn report(&self, event: Event, cancel: &CancellationToken) {
        let readers = {
            let mut state = self.lock();
            state.note(&event);
            state.readers.retain(|reader| !reader.is_closed());
            state.readers.clone()
        };
        self.fire(&event);
        for reader in readers {
            tokio::select! {
                biased;
                result = reader.send(event.clone()) => {
                    // The application dropped its end: it wants no events.
                    result.ok();
                }
                () = cancel.cancelled() => {
                    // What ends must be told even then, if there is room at all.
                    reader.try_send(event.clone()).ok();
                }
            }
        }
    }

    /// Nothing comes any more.
    pub(crate) fn close(&self) {
        {
            let mut state = self.lock();
            state.closed = true;
            state.readers.clear();
        }
        self.peers.close();
        self.server.close();
    }

    fn fire(&self, event: &Event) {
        let message = |peer: &String, event: &str, args: Vec<Value>| Message {
            peer: peer.clone(),
            event: event.to_owned(),
            args,
            stream: None,
            track: None,
        };
        let server = |event: &str, args: Vec<Value>| {
            self.server.fire(None, event, || ServerMessage::new(event, args));
        };
        match event {
            Event::Connected { .. } => server("connect", Vec::new()),
            Event::Disconnected { reason } => server("disconnect", vec![json!(reason)]),
            Event::ConnectError { error } => server(
                "connect_error",
                vec![json!({ "message": error.text(), "kind": error.kind, "detail": error.detail })],
            ),
            Event::PeerConnect { peer } => {
                self.peers.fire(None, PEER_CONNECT, || message(peer, PEER_CONNECT, vec![json!({ "id": peer })]));
            }
            Event::PeerDisconnect { peer } => {
                self.peers.fire(None, PEER_DISCONNECT, || message(peer, PEER_DISCONNECT, vec![json!({ "id": peer })]));
                self.peers.end(peer);
            }
            Event::Message { peer, event, args } => {
                self.peers.fire(Some(peer), event, || message(peer, event, args.clone()));
            }
            Event::Stream { peer, event, args, stream } => self.peers.fire(Some(peer), event, || Message {
                stream: Some(stream.clone()),
                ..message(peer, event, args.clone())
            }),
            Event::TrackAdded { peer, stream, track, first: false } => {
                self.peers.fire(None, TRACK_ADDED, || Message {
                    stream: Some(stream.clone()),
                    track: Some(track.clone()),
                    ..message(peer, TRACK_ADDED, vec![json!({ "peerId": peer })])
                });
            }
            Event::TrackRemoved { peer, stream, track } => {
                self.peers.fire(None, TRACK_REMOVED, || Message {
                    stream: Some(stream.clone()),
                    track: Some(track.clone()),
                    ..message(peer, TRACK_REMOVED, vec![json!({ "peerId": peer })])
                });
            }
            _ => {}
        }
    }
}
