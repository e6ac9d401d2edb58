//! What crosses between the backend and the user interface: one tagged enum of events, a snapshot, settings, pictures.
//!
//! A user interface that (re)loads asks for a [`Snapshot`] and is whole; after it, [`UiEvent`]s arrive in order. Its types
//! and limits are written to `ui/src/backend/{types,limits}.ts` from the ones here ([`typescript`]).

mod call;
mod device;
mod error;
mod event;
pub mod frame;
mod limits;
mod refusal;
mod room;
mod settings;
mod share;
mod token;
pub mod typescript;

pub use call::{CallState, CallView, FULL_VOLUME, MAX_VOLUME, Participant, PeerState, PeerStats, SelfView, TrackView};
pub use device::{Device, DeviceKind, DeviceList, DeviceState, RehearsalView};
pub use error::{ErrorCode, ErrorReason, UserError};
pub use event::{Notice, Snapshot, UiEvent};
pub use room::{Opening, RoomTarget};
pub use settings::{RecentRoom, Settings};
pub use share::{ShareChoice, ShareKind, ShareSource, ShareView};
pub use token::{link_with_token, parse_token};
