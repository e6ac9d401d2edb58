//! Socket.IO events between a client and a signaling server (protocol sections 1 and 7).

mod direct;
mod events;
mod ice;
mod ice_url;
mod membership;
mod refusal;
mod signal;

pub use direct::{DirectCode, DirectDelivery, DirectMessage, DirectRefusal, DirectReply};
pub use events::{
    ASK_ICE, DIRECT_MESSAGE, INIT_OFFER, INTERNAL_PREFIX, JOIN_ROOM, LEAVE_ROOM, MESSAGE, PEEK_ROOM, PEER_LEFT, PROBE,
    SERVER_ERROR, USER_CONNECTED, USER_DISCONNECTED,
};
pub use ice::IceServer;
pub use ice_url::{IceUrl, IceUrlError};
pub use membership::{InitOffer, JoinReply, JoinRoom, Member, PeekReply, PeerRef, RoomPeek, Welcome};
pub use refusal::{Refusal, RefusalCode};
pub use signal::{Candidate, Description, Relayed, Signal, SignalError};
