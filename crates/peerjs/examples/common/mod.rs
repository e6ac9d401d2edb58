//! What the examples share: where the server is.

use confab_peerjs::{DebugLevel, Peer, PeerBuilder};
use std::error::Error;

/// What an example fails with.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The command line: host and port of a PeerServer without TLS, own id, and what else the example takes.
pub fn arguments(usage: &str) -> Outcome<(PeerBuilder, Vec<String>)> {
    let mut arguments = std::env::args().skip(1);
    let (Some(server), Some(id)) = (arguments.next(), arguments.next()) else {
        return Err(format!("usage: {usage}").into());
    };
    let (host, port) = server.rsplit_once(':').ok_or("the server is HOST:PORT")?;
    let builder = Peer::builder().host(host).port(port.parse()?).secure(false).id(&id).debug(DebugLevel::Errors);
    Ok((builder, arguments.collect()))
}
