//! Joining a room, as a task of its own: it may wait for the embedded server, for devices, for the server of the room.

use crate::hosting::{Hosting, RoomAddress};
use confab_call::{Call, CallConfig, CallEvents, Rehearsal};
use confab_ipc::{ErrorCode, UserError};
use confab_wire::room::RoomLink;
use std::time::Duration;
use tokio::time::timeout;

/// Longest time that joining may take: the embedded server, the room and the devices.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(40);

/// What is on when a call begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinOptions {
    /// The microphone.
    pub mic: bool,
    /// The camera.
    pub camera: bool,
}

/// The room to join.
#[derive(Debug)]
pub enum Destination {
    /// A new room on the embedded server.
    NewEmbedded,
    /// A new room on another server.
    New(RoomLink),
    /// The room of a link that a person has. `remembered`: they were in it before, so it may be one of the embedded server.
    Existing { link: RoomLink, remembered: bool },
}

impl Destination {
    /// Starts the embedded server if it is needed.
    async fn address(self, hosting: &Hosting) -> Result<RoomAddress, UserError> {
        match self {
            Self::NewEmbedded => hosting.new_room().await,
            Self::New(link) => Ok(RoomAddress { link, connect: None }),
            Self::Existing { link, remembered } => Ok(hosting.address(link, remembered).await),
        }
    }
}

/// A call that was joined.
#[derive(Debug)]
pub struct Joined {
    pub call: Call,
    pub events: CallEvents,
    pub link: RoomLink,
}

/// Joins the room of `destination` with the rest of `config`, within [`JOIN_TIMEOUT`]. `test` is stopped before the devices
/// are opened: a camera can be had only once.
pub async fn join(
    destination: Destination,
    hosting: Hosting,
    test: Option<Rehearsal>,
    config: impl FnOnce(RoomAddress) -> CallConfig,
) -> Result<Joined, UserError> {
    let stopped = async {
        if let Some(test) = test {
            test.stop().await;
        }
    };
    let joined = async {
        let (address, ()) = tokio::join!(destination.address(&hosting), stopped);
        let address = address?;
        let link = address.link.clone();
        let (call, events) = Call::join(config(address)).await?;
        Ok(Joined { call, events, link })
    };
    timeout(JOIN_TIMEOUT, joined)
        .await
        .unwrap_or_else(|_| Err(UserError::with_detail(ErrorCode::ServerUnreachable, "no answer in time")))
}
