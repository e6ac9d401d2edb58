//! Screens and windows of a Wayland session: programs can't capture them by themselves. The desktop's portal asks the
//! person what to share, and PipeWire carries the pictures.

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::error::failed;
use super::picture::LatestPicture;
use super::portal::{ANSWER, Portal, PortalStream};
use super::session::PortalSession;
use super::stream::PipeWireStream;
use crate::error::{Error, ErrorKind};
use crate::selector::ScreenSelector;
use crate::thread::stop::StopFlag;
use crate::video::screen::bgrx::{Bgrx, Picture};
use crate::video::screen::types::ScreenStream;
use crate::video::screen::types::{ShareKind, ShareSource};

/// The one thing that is listed: whatever the person chooses in the desktop's dialog. `bus`: address of the session's bus, if
/// it is not that of the environment. Fails with `ScreenUnsupported` where no portal gives screens.
pub(in crate::video::screen) fn list(bus: Option<&str>) -> Result<Vec<ShareSource>, Error> {
    background()?.block_on(Portal::connect(bus))?;
    let (id, title) = (ScreenSelector::Screen(None).to_string(), "Screen or window".to_owned());
    Ok(vec![ShareSource { id, kind: ShareKind::System, title, width: 0, height: 0, thumbnail: None }])
}

/// Lets the person choose, and opens that; `bus` as in [`list`]. See
/// [`ScreenBackend::open`](crate::video::screen::types::ScreenBackend::open).
pub(in crate::video::screen) fn open(
    bus: Option<&str>,
    selector: &ScreenSelector,
    fps: u32,
    stop: &StopFlag,
) -> Result<Box<dyn ScreenStream>, Error> {
    if *selector != ScreenSelector::Screen(None) {
        return Err(ErrorKind::ScreenChosenByDesktop.into());
    }
    let runtime = background()?;
    let latest = Arc::new(LatestPicture::default());
    // Given up, the connection to the bus goes, and the portal takes its dialog away.
    let (stream, chosen) = runtime.block_on(async {
        tokio::select! {
            opened = choose(bus, fps, &latest) => opened,
            () = stop.raised() => Err(ErrorKind::ShareCancelled.into()),
        }
    })?;
    let session = PortalSession::keep(runtime, chosen, latest.clone());
    Ok(Box::new(WaylandStream { latest, shown: Picture::default(), _stream: stream, _session: session }))
}

/// Runs what talks to the bus on a thread of its own.
fn background() -> Result<Runtime, Error> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("confab-portal").enable_all();
    builder.build().map_err(|error| Error::with_detail(ErrorKind::Internal, error))
}

async fn choose(
    bus: Option<&str>,
    fps: u32,
    latest: &Arc<LatestPicture>,
) -> Result<(PipeWireStream, PortalStream), Error> {
    let (chosen, remote) = Portal::connect(bus).await?.choose().await?;
    let (stream, started) = PipeWireStream::start(remote, chosen.node, fps, latest.clone())?;
    match timeout(ANSWER, started).await {
        Ok(Ok(())) => Ok((stream, chosen)),
        Ok(Err(_)) => Err(latest.ended().unwrap_or_else(|| failed("PipeWire's thread ended"))),
        Err(_) => Err(failed("PipeWire gave no pictures in time")),
    }
}

/// What is shared. Pictures end before the session that they are of.
struct WaylandStream {
    latest: Arc<LatestPicture>,
    shown: Picture,
    _stream: PipeWireStream,
    _session: PortalSession,
}

impl ScreenStream for WaylandStream {
    fn changed(&mut self) -> Result<bool, Error> {
        match self.latest.ended() {
            Some(error) => Err(error),
            None => Ok(self.latest.is_fresh()),
        }
    }

    fn grab(&mut self) -> Result<Option<Bgrx<'_>>, Error> {
        self.latest.take(&mut self.shown);
        Ok(self.shown.as_bgrx())
    }

    fn hidden(&self) -> bool {
        // There is no event for it: the pictures only cease.
        false
    }
}

#[cfg(test)]
#[path = "wayland_tests.rs"]
mod tests;
