//! What the wire refuses, servers and links, as errors for people.

use crate::error::{ErrorCode, ErrorReason, UserError};
use confab_wire::room::{LinkError, ServerAddressError};
use confab_wire::signaling::{Refusal, RefusalCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, params, detail, .. } = refusal;
        let mut error = match (code, detail) {
            // No code of ours: the words of a foreign server are all there is.
            (RefusalCode::JoinRefused | RefusalCode::Unknown, Some(message)) => {
                return UserError::from(ErrorReason::ServerMessage).param("message", message);
            }
            (code, detail) => {
                let error = match named::<ErrorReason>(code.as_str()) {
                    Some(reason) => reason.into(),
                    None => named(code.class()).unwrap_or(ErrorCode::JoinRefused).into(),
                };
                UserError { detail, ..error }
            }
        };
        for (name, value) in params {
            error.params.entry(name).or_insert(value);
        }
        error
    }
}

impl From<LinkError> for UserError {
    fn from(error: LinkError) -> Self {
        Self::with_detail(ErrorCode::BadLink, error)
    }
}

impl From<ServerAddressError> for UserError {
    fn from(error: ServerAddressError) -> Self {
        Self::with_detail(ErrorCode::BadServer, error)
    }
}

/// The code or reason of this name.
fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(Value::from(name)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::room::{RoomLink, parse_server};

    #[test]
    fn each_refusal_has_a_code_or_a_reason_of_its_name() {
        for &code in RefusalCode::ALL {
            let error = UserError::from(Refusal::from(code));
            let (own, reason) = (error.code.to_string(), error.reason().map(|reason| reason.to_string()));
            assert_eq!(own, code.class());
            assert_eq!(reason.as_deref(), (code.as_str() != code.class()).then_some(code.as_str()));
        }
        assert_eq!(UserError::from(Refusal::from(RefusalCode::Unknown)), ErrorCode::JoinRefused.into());
    }

    #[test]
    fn what_a_sentence_names_comes_along() {
        let error = UserError::from(Refusal::from(RefusalCode::TooManyRooms).with_param("max", 4));
        assert_eq!(error, UserError::from(ErrorReason::TooManyRooms).param("max", "4"));
        let error = UserError::from(Refusal::from(RefusalCode::TokenMalformed).with_detail("no dots"));
        assert_eq!(error, UserError::from(ErrorReason::TokenMalformed).detail("no dots"));
        let claimed = Refusal::from(RefusalCode::TokenRoom).with_param("reason", "another");
        assert_eq!(UserError::from(claimed), ErrorReason::TokenRoom.into());
    }

    #[test]
    fn the_words_of_a_foreign_server_are_shown() {
        for code in [RefusalCode::Unknown, RefusalCode::JoinRefused] {
            let error = UserError::from(Refusal::from(code).with_detail("Not on the list."));
            assert_eq!(error, UserError::from(ErrorReason::ServerMessage).param("message", "Not on the list."));
        }
    }

    #[test]
    fn links_and_addresses_have_codes_of_their_own() {
        let code = |text: &str| UserError::from(text.parse::<RoomLink>().unwrap_err()).code;
        for text in [
            "",
            "hello",
            "http://host",
            "http://host/",
            "http://host/r/",
            "http://host/r/a/b",
            "http://host/x/a",
            "ftp://host/r/a",
            "http:///r/",
            "http://user:pw@host/r/a",
            "http://host/r/a%20b",
            "http://host/r/..",
            "confab://join",
            "confab://join?link=confab://join",
            "javascript:alert(1)",
        ] {
            assert_eq!(code(text), ErrorCode::BadLink, "{text}");
        }
        assert_eq!(UserError::from(parse_server("ftp://host").unwrap_err()).code, ErrorCode::BadServer);
    }
}
