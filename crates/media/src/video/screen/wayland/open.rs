//! Screens and windows of a Wayland session: no program looks at them by itself. The desktop's portal asks the person what to
//! share, and PipeWire carries the pictures.

use std::sync::Arc;

use confab_ipc::{ShareKind, ShareSource};
use confab_wire::{ErrorCode, UserError};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::error::failed;
use super::picture::Newest;
use super::portal::{ANSWER, Chosen, Portal};
use super::session::Session;
use super::stream::Stream;
use crate::selector::ScreenSelector;
use crate::thread::stop::StopFlag;
use crate::video::screen::bgrx::{Bgrx, Picture};
use crate::video::screen::types::ScreenStream;

/// The one thing that is listed: whatever the person chooses in the desktop's dialog. `bus`: address of the session's bus, if
/// it is not that of the environment. Fails with `ScreenUnsupported` where no portal gives screens.
pub(in crate::video::screen) fn list(bus: Option<&str>) -> Result<Vec<ShareSource>, UserError> {
    background()?.block_on(Portal::connect(bus))?;
    let (id, title) = (ScreenSelector::Screen(None).to_string(), "Screen or window".to_owned());
    Ok(vec![ShareSource { id, kind: ShareKind::System, title, width: 0, height: 0, thumbnail: None }])
}

/// Lets the person choose, and opens that; `bus` as in [`list`]. See [`ScreenBackend::open`](crate::video::screen::types::ScreenBackend::open).
pub(in crate::video::screen) fn open(
    bus: Option<&str>,
    selector: &ScreenSelector,
    fps: u32,
    stop: &StopFlag,
) -> Result<Box<dyn ScreenStream>, UserError> {
    if *selector != ScreenSelector::Screen(None) {
        let message = "On this desktop you choose in a dialog of the desktop what to share: share \"screen\".";
        return Err(UserError::with_message(ErrorCode::ScreenMissing, message));
    }
    let runtime = background()?;
    let newest = Arc::new(Newest::default());
    // Given up, the connection to the bus goes, and the portal takes its dialog away.
    let (stream, chosen) = runtime.block_on(async {
        tokio::select! {
            opened = choose(bus, fps, &newest) => opened,
            () = stop.raised() => Err(ErrorCode::ShareCancelled.into()),
        }
    })?;
    let session = Session::keep(runtime, chosen, newest.clone());
    Ok(Box::new(Shared { newest, shown: Picture::default(), _stream: stream, _session: session }))
}

/// Runs what talks to the bus on a thread of its own.
fn background() -> Result<Runtime, UserError> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("confab-portal").enable_all();
    builder.build().map_err(|error| UserError::with_detail(ErrorCode::Internal, error))
}

async fn choose(bus: Option<&str>, fps: u32, newest: &Arc<Newest>) -> Result<(Stream, Chosen), UserError> {
    let (chosen, remote) = Portal::connect(bus).await?.choose().await?;
    let (stream, started) = Stream::start(remote, chosen.node, fps, newest.clone())?;
    match timeout(ANSWER, started).await {
        Ok(Ok(())) => Ok((stream, chosen)),
        Ok(Err(_)) => Err(newest.ended().unwrap_or_else(|| failed("PipeWire's thread ended"))),
        Err(_) => Err(failed("PipeWire gave no pictures in time")),
    }
}

/// What is shared. Pictures end before the session that they are of.
struct Shared {
    newest: Arc<Newest>,
    shown: Picture,
    _stream: Stream,
    _session: Session,
}

impl ScreenStream for Shared {
    fn changed(&mut self) -> Result<bool, UserError> {
        match self.newest.ended() {
            Some(error) => Err(error),
            None => Ok(self.newest.is_fresh()),
        }
    }

    fn grab(&mut self) -> Result<Option<Bgrx<'_>>, UserError> {
        self.newest.take(&mut self.shown);
        Ok(self.shown.as_bgrx())
    }

    fn hidden(&self) -> bool {
        // Nobody tells: the pictures only cease.
        false
    }
}

#[cfg(test)]
#[path = "wayland_tests.rs"]
mod tests;
