//! A room that one has not joined yet, and what the app was asked to open.

use crate::error::UserError;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The room to which a link leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomTarget {
    /// The link in its one form, with the token that it brought.
    pub link: String,
    /// The server: host, and port if it is not the usual one.
    pub host: String,
    /// The room's name.
    pub room: String,
    /// What is said to the server is read by nobody on the way.
    pub private: bool,
    /// One was on this server before, or chose it oneself: it may be called without asking.
    pub known: bool,
}

/// What the app was asked to open by the system, the command line or another start of it. What cannot be done is left to the
/// person, who can mend it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct Opening {
    /// The link as it came; empty without one.
    pub text: String,
    /// Where it leads; null if nowhere.
    pub room: Option<RoomTarget>,
    /// The name that came along; null without one.
    pub name: Option<String>,
    /// Why it was not done.
    pub error: Option<UserError>,
}
