//! [`DataConnection`]: values to and from a remote peer.

use super::data_task::{self, Source};
use super::events::DataConnectionEvents;
use super::feed::feed;
use super::link::{Link, Over};
use super::outgoing::{Outgoing, outgoing};
use super::peer_connection::PeerConnection;
use super::settings::Settings;
use crate::data::Data;
use crate::error::SendError;
use crate::message::Offered;
use crate::serialization::Serialization;
use crate::serialization::codec::Encoder;
use confab_transport::Role;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// How long the remote may take to close a connection that this side asks it to close.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// What a data connection is asked to be (`peer.connect(id, options)` of PeerJS).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectOptions {
    /// Label; the connection's id unless told otherwise.
    pub label: Option<String>,
    /// What the remote is told of the connection.
    pub metadata: Option<Value>,
    /// How values become frames.
    pub serialization: Serialization,
    /// True: messages come in order. Either way none is lost.
    pub reliable: bool,
}

/// How a data connection is closed (`close(options)` of PeerJS).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CloseOptions {
    /// The remote is asked to close, and so gets everything that was sent before. It has ten seconds.
    pub flush: bool,
}

/// A data connection. Cloning gives another handle of the same one; it stays when all are dropped, until one of both sides
/// closes it or its peer is destroyed.
#[derive(Debug, Clone)]
pub struct DataConnection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    link: Arc<Link>,
    label: String,
    reliable: bool,
    serialization: Serialization,
    encoder: Mutex<Encoder>,
    outgoing: Outgoing,
}

impl DataConnection {
    /// A connection that begins now. `source`: where its channel comes from.
    pub(crate) fn begin(
        settings: &Settings,
        link: Arc<Link>,
        offered: Offered,
        serialization: Serialization,
        role: Role,
        over: Over,
    ) -> (Self, DataConnectionEvents) {
        let (feed, reader) = feed();
        let (outgoing, pending) = outgoing();
        let label = offered.label.clone().unwrap_or_else(|| link.id.clone());
        let inner = Inner {
            label: label.clone(),
            reliable: offered.reliable,
            serialization,
            encoder: Mutex::new(Encoder::new(serialization)),
            outgoing,
            link: Arc::clone(&link),
        };
        let source = match role {
            Role::Answerer => Source::Remote,
            _ => Source::Own { label, ordered: offered.reliable },
        };
        let task = data_task::DataTask { link, offered, serialization, feed, pending };
        tokio::spawn(task.run(settings, role, source, over));
        (Self { inner: Arc::new(inner) }, DataConnectionEvents { reader })
    }

    /// Id of the remote peer (`peer` of PeerJS).
    pub fn peer(&self) -> &str {
        &self.inner.link.peer
    }

    /// Id of the connection, the same on both sides.
    pub fn connection_id(&self) -> &str {
        &self.inner.link.id
    }

    /// What its opener says of it.
    pub fn metadata(&self) -> Option<&Value> {
        self.inner.link.metadata.as_ref()
    }

    /// Its label.
    pub fn label(&self) -> &str {
        &self.inner.label
    }

    /// True if messages come in order.
    pub fn reliable(&self) -> bool {
        self.inner.reliable
    }

    /// How values become frames.
    pub fn serialization(&self) -> Serialization {
        self.inner.serialization
    }

    /// True while values go.
    pub fn open(&self) -> bool {
        self.inner.link.is_open()
    }

    /// Frames that wait on this side, because the remote has not taken what went before (`bufferSize` of PeerJS).
    pub fn buffer_size(&self) -> usize {
        self.inner.outgoing.waiting()
    }

    /// The WebRTC connection.
    pub fn peer_connection(&self) -> PeerConnection {
        PeerConnection::new(&self.inner.link)
    }

    /// Sends a value. Waits until it is under way: while more than 8 MiB are that the remote has not taken, until it has.
    ///
    /// Messages of one handle go in the order of the calls; those of several handles may go between each other. Dropping the
    /// future sends the message all the same, or not at all.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpenYet`] before [`crate::DataConnectionEvent::Open`] and after the end; [`SendError::Encode`] for a value
    /// that the remote would not take; [`SendError::ConnectionClosed`] if the connection closed meanwhile.
    pub async fn send(&self, data: impl Into<Data> + Send) -> Result<(), SendError> {
        if !self.open() {
            return Err(SendError::NotOpenYet);
        }
        let data = data.into();
        let frames = self.inner.encoder.lock().unwrap_or_else(PoisonError::into_inner).encode(&data)?;
        drop(data);
        if self.inner.outgoing.send(frames).await { Ok(()) } else { Err(SendError::ConnectionClosed) }
    }

    /// Closes the connection on both sides. What is under way still arrives; what waits on this side does only with
    /// [`CloseOptions::flush`].
    pub fn close(&self, options: CloseOptions) {
        let link = Arc::clone(&self.inner.link);
        if !options.flush || !link.is_open() {
            link.close();
            return;
        }
        link.set_open(false);
        let frames = self.inner.encoder.lock().unwrap_or_else(PoisonError::into_inner).close();
        let (outgoing, asks) = (self.inner.outgoing.clone(), frames.is_some());
        tokio::spawn(async move {
            let flushed = async {
                outgoing.send(frames.unwrap_or_default()).await;
                if asks {
                    link.over.cancelled().await;
                }
            };
            if timeout(FLUSH_TIMEOUT, flushed).await.is_err() {
                tracing::debug!("the remote does not close a connection although it was asked to");
            }
            link.close();
        });
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.inner.link
    }
}

impl PartialEq for DataConnection {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for DataConnection {}
