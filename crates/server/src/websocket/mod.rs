//! WebSockets (RFC 6455) for the dialects that are no Socket.IO: the upgrade of a request, what waits to be sent, and the
//! socket that its task drives.

mod outbox;
mod socket;
mod upgrade;

pub(crate) use outbox::Outbox;
pub(crate) use socket::Socket;
pub(crate) use upgrade::{Upgrade, is_upgrade};
