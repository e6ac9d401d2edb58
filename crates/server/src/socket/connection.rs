//! The sending side of a connected socket.

use super::outbox::Outbox;
use crate::net::Address;
use crate::rooms::RoomEvent;
use confab_wire::signaling::{INIT_OFFER, InitOffer, PEER_LEFT, PeerRef, USER_CONNECTED, USER_DISCONNECTED};
use serde::Serialize;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::socket::Socket;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What an event costs besides its name and its data: brackets, quotes, types of packets, the head of the frame.
const FRAMING_BYTES: usize = 24;
/// How long a socket that was told to go may take for it.
const GOODBYE: Duration = Duration::from_secs(5);
/// How often it is looked whether a socket is open, and the time between two looks.
const OPENING: (u32, Duration) = (100, Duration::from_millis(1));

/// A socket, as the server sends to it. Nothing here waits: a message goes into the socket's queue, whose bounds are
/// [`Limits::send_queue`](crate::Limits::send_queue) and
/// [`Limits::send_queue_bytes`](crate::Limits::send_queue_bytes).
#[derive(Clone)]
pub(super) struct Connection {
    socket: SocketRef,
    outbox: Arc<Outbox>,
}

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        self.socket.id == other.socket.id
    }
}

impl Connection {
    pub(super) fn new(socket: SocketRef, outbox: Arc<Outbox>) -> Self {
        Self { socket, outbox }
    }

    /// The socket's own id, unique over the life of the server.
    pub(super) fn id(&self) -> String {
        self.socket.id.to_string()
    }

    /// Waits a moment for the engine to let this socket send: it tells the client that it is connected a few instructions
    /// before, and the client may be faster.
    pub(super) fn wait_until_open(&self) {
        let (looks, pause) = OPENING;
        for _ in 0..looks {
            if self.socket.connected() {
                return;
            }
            std::thread::sleep(pause);
        }
    }

    /// True while the client is there.
    pub(super) fn is_connected(&self) -> bool {
        self.socket.connected()
    }

    /// Queues what another member, at the address `from`, has sent. False if this one does not get it: its queue has no
    /// room, or it gets more than it should. What is relayed never takes the room that events of the server need.
    pub(super) fn relay<T: Serialize>(&self, from: &Arc<Address>, event: &str, data: &T) -> bool {
        let admitted = self.outbox.admits_relay(from, Instant::now());
        let queued = admitted && self.queue(event, data, self.outbox.reserved);
        if !queued {
            tracing::debug!(socket = %self.socket.id, "a socket gets more than it takes: a message to it is dropped");
        }
        queued
    }

    /// Queues an event of the server. A socket that has no room for it is cut: it comes back and learns who is there.
    pub(super) fn tell<T: Serialize>(&self, event: &str, data: &T) {
        if !self.queue(event, data, 0) {
            self.cut();
        }
    }

    /// Acknowledges an event. A socket that has no room for it is cut.
    pub(super) fn answer<T: Serialize>(&self, ack: AckSender, reply: &T) {
        let bytes = FRAMING_BYTES + json_bytes(reply);
        if self.outbox.session.is_cut() {
            return;
        }
        // A client that asked for no answer has none coming, and `send` knows.
        if !self.outbox.session.backlog.queue(bytes, 0) || ack.send(reply).is_err() {
            self.cut();
        }
    }

    fn queue<T: Serialize>(&self, event: &str, data: &T, reserved: usize) -> bool {
        let bytes = FRAMING_BYTES + event.len() + json_bytes(data);
        if self.outbox.session.is_cut() || !self.outbox.session.backlog.queue(bytes, reserved) {
            return false;
        }
        let queued = Socket::emit(&self.socket, event, data).is_ok();
        if !queued {
            self.outbox.session.backlog.written(bytes);
        }
        queued
    }

    /// Queues the events of rtc.io that an event of a room is.
    pub(super) fn notify(&self, event: RoomEvent) {
        match event {
            RoomEvent::Joined(member) => self.tell(USER_CONNECTED, &member),
            RoomEvent::Offer(member) => {
                self.tell(INIT_OFFER, &InitOffer { source: member.id, metadata: member.metadata });
            }
            RoomEvent::Left(id) => {
                let gone = PeerRef { id };
                self.tell(PEER_LEFT, &gone);
                self.tell(USER_DISCONNECTED, &gone);
            }
        }
    }

    /// Ends the session without a word. Its disconnect handler runs later.
    fn cut(&self) {
        if self.is_connected() && !self.outbox.session.is_cut() {
            tracing::warn!(socket = %self.socket.id, "a socket does not take what it must know: cut");
        }
        self.outbox.session.cut();
    }

    /// Disconnects. The socket's disconnect handler runs before this returns.
    pub(super) fn disconnect(&self) {
        if self.socket.clone().disconnect().is_err() {
            // Its queue is full.
            return self.cut();
        }
        // The engine leaves the session to the client.
        let outbox = Arc::clone(&self.outbox);
        tokio::spawn(async move {
            tokio::time::sleep(GOODBYE).await;
            outbox.session.cut();
        });
    }
}

/// How many bytes `data` is as JSON.
fn json_bytes<T: Serialize>(data: &T) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What has no JSON is not sent either.
    serde_json::to_writer(&mut count, data).ok();
    count.0
}
