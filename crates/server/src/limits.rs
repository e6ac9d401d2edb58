//! Bounds of a server.

use confab_wire::limits;
use std::time::Duration;

/// Bounds of what clients may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Members of one room.
    pub room_members: usize,
    /// Rooms one socket may be in.
    pub rooms_per_socket: usize,
    /// Sockets connected at once; more are refused.
    pub sockets: usize,
    /// Messages a second from one socket, on average. What is over is dropped.
    pub messages_per_second: u32,
    /// Messages from one socket in one burst.
    pub message_burst: u32,
    /// Bytes a second from one socket, on average. What is over is dropped.
    pub bytes_per_second: u32,
    /// Bytes from one socket in one burst.
    pub byte_burst: u32,
    /// Direct messages a second from one socket, on average. What is over is refused.
    pub direct_per_second: u32,
    /// Direct messages from one socket in one burst.
    pub direct_burst: u32,
    /// Questions a second from one socket who is in a room, on average. What is over is refused.
    pub peeks_per_second: u32,
    /// Questions from one socket who is in a room, in one burst.
    pub peek_burst: u32,
    /// Messages of one socket that are dropped before the socket is, too.
    pub dropped_messages: u32,
    /// Largest message, in bytes. A larger one ends the connection.
    pub message_bytes: usize,
    /// TCP connections at once; more are closed at once. The number of descriptors that the process may have bounds it too.
    pub connections: usize,
    /// TCP connections of one address at once.
    pub connections_per_address: usize,
    /// Sockets of one address at once; more are refused.
    pub sockets_per_address: usize,
    /// Sockets that one address may connect in a second, on average. What is over is refused.
    pub connects_per_second: u32,
    /// Sockets that one address may connect in one burst.
    pub connect_burst: u32,
    /// One address may send what this many sockets may.
    pub budgets_per_address: u32,
    /// Joins of one room in a second, on average. What is over is refused.
    pub joins_per_second: u32,
    /// Joins of one room in one burst.
    pub join_burst: u32,
    /// Messages that wait for one slow socket. What members relay and finds no place is dropped; a socket that an event of
    /// a room finds no place for is cut, since it would not know who is there any more.
    pub send_queue: usize,
    /// The same in bytes. A quarter is kept for what is not relayed.
    pub send_queue_bytes: usize,
    /// The same for all sockets of one address together.
    pub send_queue_bytes_per_address: usize,
    /// Messages that wait for one who is not connected yet (PeerJS). What is over is answered as expired.
    pub waiting_messages: usize,
    /// The same in bytes.
    pub waiting_bytes: usize,
    /// Bytes of all such messages of one address.
    pub waiting_bytes_per_address: usize,
    /// Bytes of all such messages.
    pub waiting_bytes_in_all: usize,
    /// How long a client may take nothing of what is sent to it before the connection is cut.
    pub write_timeout: Duration,
    /// How long a client may take to send the head of a request, its body, or after that which namespace it wants: each of
    /// these.
    pub request_timeout: Duration,
    /// Engine.IO packets in the body of one polling request.
    pub polling_packets: usize,
    /// Bodies of polling requests of one address that are read at once.
    pub polling_bodies: usize,
    /// Time between two pings. A socket that is gone without a word is noticed after this and [`Self::ping_timeout`].
    pub ping_interval: Duration,
    /// How long the answer to a ping may take.
    pub ping_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            room_members: limits::ROOM_MEMBERS,
            rooms_per_socket: limits::ROOMS_PER_SOCKET,
            sockets: 4_096,
            messages_per_second: limits::SIGNALING_PER_SECOND,
            message_burst: limits::SIGNALING_BURST,
            // Fifteen offers of 16 KiB are one renegotiation of a full mesh; the burst holds thirty of them.
            bytes_per_second: 1 << 20,
            byte_burst: 8 << 20,
            direct_per_second: limits::DIRECT_PER_SECOND,
            direct_burst: limits::DIRECT_BURST,
            // One lobby asks once.
            peeks_per_second: 1,
            peek_burst: 5,
            dropped_messages: 500,
            message_bytes: limits::SIGNALING_MESSAGE_BYTES,
            connections: 8_192,
            // A whole office behind one router.
            connections_per_address: 256,
            sockets_per_address: 256,
            // Each takes two: one for the connection, one for the namespace.
            connects_per_second: 10,
            connect_burst: 250,
            budgets_per_address: 8,
            // A full room that comes back after a restart, a few times over.
            joins_per_second: 8,
            join_burst: 4 * limits::ROOM_MEMBERS as u32,
            send_queue: 1_024,
            send_queue_bytes: 2 << 20,
            send_queue_bytes_per_address: 32 << 20,
            // A mesh that trickles to one who comes a moment later.
            waiting_messages: 512,
            waiting_bytes: 1 << 20,
            waiting_bytes_per_address: 4 << 20,
            waiting_bytes_in_all: 64 << 20,
            write_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(10),
            // What a client may say at once.
            polling_packets: limits::SIGNALING_BURST as usize,
            polling_bodies: 16,
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Bounds for a server in an app, which serves the rooms of one person: it leaves the app the most of its descriptors.
    pub fn embedded() -> Self {
        Self {
            sockets: 128,
            sockets_per_address: 48,
            connections: 192,
            connections_per_address: 64,
            connect_burst: 100,
            send_queue_bytes_per_address: 8 << 20,
            ..Self::default()
        }
    }
}
