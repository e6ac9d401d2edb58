//! The devices of this computer by the names people know, and what changes among them.

pub(crate) mod list;
pub(crate) mod matching;
pub(crate) mod types;
pub(crate) mod watch;
