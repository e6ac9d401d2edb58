//! Why a text holds no room link.

use super::server::ServerAddressError;

/// Why a text holds no room link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Over [`limits::LINK_BYTES`].
    #[error("the text is too long")]
    TooLong,
    /// Nothing in it looks like a link.
    #[error("there is no link in it")]
    Missing,
    /// An app link without, or with an unfit, `link`.
    #[error("the app link holds no room link")]
    AppLink,
    /// A web address whose path is not `/r/<room>`.
    #[error("the path is not /r/<room>")]
    Path,
    /// The name of the room has other characters than links may have, or is too long.
    #[error("the room's name is not 1 to 64 of A-Z, a-z, 0-9, -, _, . and ~")]
    Room,
    /// The token in it is none.
    #[error("the token in the link is damaged")]
    Token,
    /// What stands before the path is no address of a server.
    #[error(transparent)]
    Server(#[from] ServerAddressError),
}
