//! Tokens that are given beside a link.

use crate::{ErrorReason, UserError};
use confab_wire::room::{RoomLink, Token};

/// A token as somebody gave it. Fails with [`ErrorReason::TokenMalformed`].
pub fn parse_token(text: &str) -> Result<Token, UserError> {
    Token::new(text).ok_or_else(|| ErrorReason::TokenMalformed.into())
}

/// A link, with a token that was given beside it in place of its own. Fails as the link or [`parse_token`] does.
pub fn link_with_token(link: &str, token: Option<&str>) -> Result<RoomLink, UserError> {
    let mut link: RoomLink = link.parse()?;
    if let Some(token) = token {
        link.token = Some(parse_token(token)?);
    }
    Ok(link)
}
