//! The sending side of a connected socket.

use crate::rooms::RoomEvent;
use confab_wire::signaling::{INIT_OFFER, InitOffer, PEER_LEFT, PeerRef, USER_CONNECTED, USER_DISCONNECTED};
use serde::Serialize;
use socketioxide::extract::SocketRef;
use socketioxide::socket::Socket;

/// A socket, as the server sends to it. Nothing here waits: a message goes into the socket's queue, whose bound and drop
/// rule are [`Limits::send_queue`](crate::Limits::send_queue).
#[derive(Clone)]
pub(super) struct Connection(SocketRef);

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Connection {
    pub(super) fn new(socket: SocketRef) -> Self {
        Self(socket)
    }

    /// The socket's own id, unique over the life of the server.
    pub(super) fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// Queues an event. False if the socket is gone or its queue is full: it does not get it.
    pub(super) fn emit<T: Serialize>(&self, event: &str, data: &T) -> bool {
        let queued = Socket::emit(&self.0, event, data);
        if let Err(error) = &queued {
            tracing::debug!(socket = %self.0.id, event, %error, "the queue of a socket is full: a message is dropped");
        }
        queued.is_ok()
    }

    /// Queues the events of rtc.io that an event of a room is.
    pub(super) fn notify(&self, event: RoomEvent) {
        match event {
            RoomEvent::Joined(member) => {
                self.emit(USER_CONNECTED, &member);
            }
            RoomEvent::Offer(member) => {
                self.emit(INIT_OFFER, &InitOffer { source: member.id, metadata: member.metadata });
            }
            RoomEvent::Left(id) => {
                let gone = PeerRef { id };
                self.emit(PEER_LEFT, &gone);
                self.emit(USER_DISCONNECTED, &gone);
            }
        }
    }

    /// Disconnects. The socket's disconnect handler runs before this returns.
    pub(super) fn disconnect(&self) {
        if let Err(error) = self.0.clone().disconnect() {
            // Its queue is full: the ping will find no place either, and ends it.
            tracing::debug!(socket = %self.0.id, %error, "a socket cannot be disconnected");
        }
    }
}
