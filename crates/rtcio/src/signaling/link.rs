//! One connection to a signaling server, from its handshake to its end. A [`Link`] exists only once the server has said
//! that it is open.

use super::client::SocketIoClient;
use super::dial::DialOptions;
use super::link_event::{Broken, LinkEvent};
use crate::connect_error::{ConnectError, ConnectErrorKind};
use confab_wire::limits;
use serde_json::Value;
use std::net::IpAddr;
use tokio::time::timeout;
use url::Url;

/// A connection that the server has accepted.
pub(crate) struct Link {
    wire: Wire,
    sid: Option<String>,
    local: Option<IpAddr>,
    /// Requests that a simulated server took.
    #[cfg(test)]
    sent: Vec<u64>,
}

/// What is below a link.
enum Wire {
    Server(Box<SocketIoClient>),
    /// A simulated server on the virtual clock.
    #[cfg(test)]
    Simulated(crate::simulation::Wire),
}

impl Link {
    /// Connects and waits until the server lets us in. The path of `url` is the namespace; `path` is where the server's
    /// Socket.IO is.
    pub(crate) async fn open(
        url: &Url,
        path: &str,
        auth: Option<&Value>,
        options: &DialOptions,
    ) -> Result<Self, ConnectError> {
        timeout(limits::CONNECT_TIMEOUT, Self::open_unbounded(url, path, auth, options)).await.unwrap_or_else(|_| {
            Err(ConnectError::with_detail(ConnectErrorKind::Unreachable, "the server did not answer in time"))
        })
    }

    async fn open_unbounded(
        url: &Url,
        path: &str,
        auth: Option<&Value>,
        options: &DialOptions,
    ) -> Result<Self, ConnectError> {
        #[cfg(test)]
        if let Some(dialled) = crate::simulation::dial(url).await {
            let (wire, sid) = dialled?;
            let local = crate::simulation::local(url);
            return Ok(Self { wire: Wire::Simulated(wire), sid: Some(sid), local, sent: Vec::new() });
        }
        let client = SocketIoClient::open(url, path, auth, options).await?;
        let (sid, local) = (client.id(), client.local());
        Ok(Self {
            wire: Wire::Server(Box::new(client)),
            sid,
            local,
            #[cfg(test)]
            sent: Vec::new(),
        })
    }

    /// Our id on this connection.
    pub(crate) fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// The address of this machine that the link uses, where the system tells; that of the way to the proxy, where there is one.
    pub(crate) fn local(&self) -> Option<IpAddr> {
        self.local
    }

    /// The next event. Nothing is lost when this is dropped half-way.
    pub(crate) async fn recv(&mut self) -> Result<LinkEvent, Broken> {
        match &mut self.wire {
            Wire::Server(client) => client.recv().await,
            #[cfg(test)]
            Wire::Simulated(wire) => wire.recv().await,
        }
    }

    /// Sends an event; with a number if it wants an answer, which comes as [`LinkEvent::Ack`].
    pub(crate) async fn emit(&mut self, event: &str, args: &[Value], number: Option<u64>) -> Result<(), Broken> {
        match &mut self.wire {
            Wire::Server(client) => client.emit(event, args, number).await,
            #[cfg(test)]
            Wire::Simulated(wire) => {
                self.sent.extend(number);
                wire.emit(event, args.to_vec(), number)
            }
        }
    }

    /// Numbers of the events with a number that were sent since the last call: they take turns.
    pub(crate) fn take_sent(&mut self) -> Vec<u64> {
        match &mut self.wire {
            Wire::Server(client) => client.take_sent(),
            #[cfg(test)]
            Wire::Simulated(_) => std::mem::take(&mut self.sent),
        }
    }

    /// Of those that wait for their turn, keeps the `wanted` ones.
    pub(crate) fn retain_requests(&mut self, wanted: impl Fn(u64) -> bool) {
        match &mut self.wire {
            Wire::Server(client) => client.retain_requests(wanted),
            #[cfg(test)]
            Wire::Simulated(_) => {}
        }
    }

    /// Sends what had to wait.
    pub(crate) async fn attend(&mut self) -> Result<(), Broken> {
        match &mut self.wire {
            Wire::Server(client) => client.attend().await,
            #[cfg(test)]
            Wire::Simulated(_) => Ok(()),
        }
    }

    /// Asks at once, and less patiently, whether the server is still there.
    pub(crate) fn hurry(&mut self) {
        match &mut self.wire {
            Wire::Server(client) => client.hurry(),
            #[cfg(test)]
            Wire::Simulated(_) => {}
        }
    }

    /// Says goodbye and closes.
    pub(crate) async fn close(self) {
        match self.wire {
            Wire::Server(client) => client.close().await,
            #[cfg(test)]
            Wire::Simulated(wire) => wire.close(),
        }
    }
}
