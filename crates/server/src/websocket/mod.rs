//! WebSockets (RFC 6455) for the dialects that are no Socket.IO: the upgrade of a request, what waits to be sent, and the
//! socket that its task drives.

mod outbox;
mod read_ahead;
mod receiver;
mod socket;
mod upgrade;

pub(crate) use receiver::Receiver;
pub(crate) use socket::{Incoming, Socket};
pub(crate) use upgrade::{Upgrade, is_upgrade};
