//! Connections to other peers: one WebRTC connection each, with one offer.

mod data;
mod data_task;
mod driver;
mod events;
mod feed;
mod link;
mod media;
mod outbox;
mod outgoing;
mod peer_connection;
mod settings;

pub use data::{CloseOptions, ConnectOptions, DataConnection};
pub use events::{DataConnectionEvent, DataConnectionEvents, IceState, MediaConnectionEvent, MediaConnectionEvents};
pub(crate) use link::{Link, Over};
pub use media::{AnswerError, MediaConnection};
pub(crate) use outbox::Outbox;
pub use peer_connection::PeerConnection;
pub(crate) use settings::Settings;
