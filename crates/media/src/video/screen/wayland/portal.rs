//! The desktop's portal, `org.freedesktop.portal.ScreenCast`, whose dialog asks the person what to share.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

use ashpd::desktop::screencast::{CursorMode, Screencast, SelectSourcesOptions, SourceType};
use ashpd::desktop::{self, PersistMode, ResponseError};
use ashpd::enumflags2::BitFlags;
use ashpd::zbus::connection;
use tokio::time::timeout;

use super::error::failed;

/// How long the portal and PipeWire may take where they do not wait for a person.
pub(super) const ANSWER: Duration = Duration::from_secs(8);

/// A portal that gives screens.
pub(super) struct Portal {
    cast: Screencast,
    /// The kinds of sources that its dialog offers.
    sources: BitFlags<SourceType>,
}

/// What was chosen in the dialog. Pictures come as long as the session lives, which ends with the connection to the bus.
pub(super) struct PortalStream {
    pub(super) session: desktop::Session<Screencast>,
    /// PipeWire's node that gives the pictures.
    pub(super) node: u32,
}

impl Portal {
    /// The portal on the bus with this address, or on that of the environment.
    pub(super) async fn connect(bus: Option<&str>) -> Result<Self, Error> {
        let (cast, sources) = in_time(async {
            // A connection of one's own: that of ashpd ends with the first runtime that uses it.
            let connection = match bus {
                Some(address) => connection::Builder::address(address)?,
                None => connection::Builder::session()?,
            };
            let cast = Screencast::with_connection(connection.build().await?).await?;
            let sources = cast.available_source_types().await?;
            Ok((cast, sources))
        })
        .await
        .map_err(missing)?;
        let sources = sources & (SourceType::Monitor | SourceType::Window);
        if sources.is_empty() { Err(missing("the portal has no screens")) } else { Ok(Self { cast, sources }) }
    }

    /// Opens the dialog. Returns also a connection to PipeWire that has access to what was chosen only. Fails with
    /// `ShareCancelled` or `ScreenFailed`.
    pub(super) async fn choose(&self) -> Result<(PortalStream, OwnedFd), Error> {
        let session = in_time(self.cast.create_session(Default::default())).await.map_err(failed)?;
        let mut options = SelectSourcesOptions::default()
            .set_sources(self.sources)
            .set_multiple(false)
            .set_persist_mode(PersistMode::DoNot);
        // A portal that does not draw the pointer into the picture shows none.
        if let Ok(modes) = in_time(self.cast.available_cursor_modes()).await
            && modes.contains(CursorMode::Embedded)
        {
            options = options.set_cursor_mode(CursorMode::Embedded);
        }
        // Some ask here, some at the start.
        let selected = self.cast.select_sources(&session, options).await.and_then(|request| request.response());
        selected.map_err(refused)?;
        let started = self.cast.start(&session, None, Default::default()).await.and_then(|request| request.response());
        let streams = started.map_err(refused)?;
        let Some(stream) = streams.streams().first() else { return Err(failed("the portal gave no stream")) };
        let node = stream.pipe_wire_node_id();
        let remote = in_time(self.cast.open_pipe_wire_remote(&session, Default::default())).await.map_err(failed)?;
        Ok((PortalStream { session, node }, remote))
    }
}

/// Limits the time of a call that does not wait for a person.
async fn in_time<T>(answer: impl Future<Output = ashpd::Result<T>>) -> ashpd::Result<T> {
    timeout(ANSWER, answer).await.unwrap_or(Err(ashpd::Error::NoResponse))
}

/// There is no such portal.
fn missing(why: impl std::fmt::Display) -> Error {
    Error::with_detail(ErrorKind::ScreenPortalMissing, why)
}

/// The dialog was cancelled, or failed.
fn refused(error: ashpd::Error) -> Error {
    match error {
        ashpd::Error::Response(ResponseError::Cancelled) => ErrorKind::ShareCancelled.into(),
        error => failed(error),
    }
}
