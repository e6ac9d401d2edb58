//! What the handles and the task of a peer have in common.

use super::local_media::LocalMedia;
use super::remote::RemotePeer;
use super::state::PeerState;
use crate::signalling::SignallingClient;
use confab_transport::Endpoint;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// See the module.
pub(super) struct Shared {
    pub(super) client: SignallingClient,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) media: Arc<LocalMedia>,
    pub(super) id: watch::Sender<Option<String>>,
    known: Mutex<Known>,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) state: PeerState,
    pub(super) channel: Option<String>,
    pub(super) remotes: BTreeMap<String, RemotePeer>,
}

impl Shared {
    pub(super) fn new(client: SignallingClient, endpoint: Arc<Endpoint>, id: watch::Sender<Option<String>>) -> Self {
        let media = Arc::new(LocalMedia::new(Arc::clone(&endpoint)));
        let known = Mutex::new(Known { state: PeerState::Idle, channel: None, remotes: BTreeMap::new() });
        Self { client, endpoint, media, id, known }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self) -> Option<String> {
        self.id.borrow().clone()
    }
}
