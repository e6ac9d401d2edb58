//! What one socket may do, by the token it brought.

use crate::config::TokenConfig;
use crate::http::token::{self, Claims, TokenError};
use confab_wire::signaling::RefusalCode;
use serde_json::{Map, Value};
use std::time::SystemTime;

/// The rights of a socket: those of its token, or all of them on a server that does not look at tokens.
#[derive(Debug)]
pub(super) struct Access {
    claims: Option<Claims>,
}

impl Access {
    /// Reads the token in the `auth` payload of a connection.
    pub(super) fn of(config: Option<&TokenConfig>, auth: &Value, now: SystemTime) -> Result<Self, TokenError> {
        let Some(config) = config else { return Ok(Self { claims: None }) };
        let claims = match auth.get("token").filter(|token| !token.is_null()) {
            Some(Value::String(token)) => Some(token::verify(&config.key, token, now)?),
            Some(_) => return Err(TokenError::Malformed("it is no text")),
            None if config.require => return Err(TokenError::Missing),
            None => None,
        };
        Ok(Self { claims })
    }

    /// When its rights end.
    pub(super) fn expiry(&self) -> Option<SystemTime> {
        self.claims.as_ref().map(Claims::expiry)
    }

    /// Refuses a room that the token does not open.
    pub(super) fn may_enter(&self, room: &str) -> Result<(), RefusalCode> {
        let opens = self.claims.as_ref().is_none_or(|claims| claims.opens(room));
        if opens { Ok(()) } else { Err(RefusalCode::TokenRoom) }
    }

    /// What the other members of a room learn.
    pub(super) fn metadata(&self) -> Option<Map<String, Value>> {
        self.claims.as_ref().and_then(|claims| claims.peer_metadata.clone())
    }
}
