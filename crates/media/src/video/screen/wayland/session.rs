//! A session of the portal while it is shared: ended by the desktop, or by us.

use std::sync::Arc;
use std::time::Duration;

use ashpd::desktop;
use ashpd::desktop::screencast::Screencast;
use futures_util::StreamExt;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::error::gone;
use super::picture::LatestPicture;
use super::portal::PortalStream;
use crate::thread::stop::StopFlag;

/// How long the portal may take to close a session.
const CLOSE: Duration = Duration::from_secs(1);

/// An open session. Dropping it closes it, which takes the desktop's sign of sharing away; blocks meanwhile, so it must not be
/// dropped by an async thread.
pub(super) struct PortalSession {
    /// Always there until the end.
    runtime: Option<Runtime>,
    keeper: JoinHandle<()>,
    stop: StopFlag,
}

impl PortalSession {
    /// Keeps what was chosen in `runtime`, and ends `latest` when the desktop ends it.
    pub(super) fn keep(runtime: Runtime, chosen: PortalStream, latest: Arc<LatestPicture>) -> Self {
        let stop = StopFlag::default();
        let keeper = runtime.spawn(keep(chosen.session, latest, stop.clone()));
        Self { runtime: Some(runtime), keeper, stop }
    }
}

impl Drop for PortalSession {
    fn drop(&mut self) {
        self.stop.set();
        let Some(runtime) = self.runtime.take() else { return };
        // A portal that does not answer notices that the connection goes.
        let _ = runtime.block_on(async { timeout(CLOSE, &mut self.keeper).await });
        runtime.shutdown_background();
    }
}

async fn keep(session: desktop::Session<Screencast>, latest: Arc<LatestPicture>, stop: StopFlag) {
    let closed = async {
        match session.receive_closed().await {
            Ok(mut closed) => drop(closed.next().await),
            Err(error) => tracing::warn!(%error, "the portal will not tell when the session ends"),
        }
    };
    tokio::select! {
        () = closed => latest.end(gone()),
        () = stop.raised() => {
            if let Err(error) = session.close().await {
                tracing::debug!(%error, "closing a session of the portal");
            }
        }
    }
}
