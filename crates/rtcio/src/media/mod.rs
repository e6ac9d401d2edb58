//! Local and remote tracks and their streams. Nothing here knows a connection.

pub(crate) mod encoding;
pub(crate) mod local;
pub(crate) mod receive;
pub(crate) mod remote;
pub(crate) mod stream;
