//! The handles that an application holds.

mod builder;
mod channels;
mod direct;
mod envelope;
mod handle;
mod ice;
mod peer;
mod server;
mod stats;

pub use builder::SocketBuilder;
pub use direct::RemoteSendError;
pub use envelope::SEND_TIMEOUT;
pub use handle::Socket;
pub use peer::Peer;
pub use server::Server;
