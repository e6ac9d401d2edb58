//! What the wire refuses, servers and links, as errors for people.

use crate::error::{ErrorCode, ErrorReason, UserError};
use confab_wire::name::NameError;
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
        let reason = match error {
            LinkError::TooLong => Some(ErrorReason::LinkTooLong),
            LinkError::Path => Some(ErrorReason::LinkPath),
            LinkError::Room => Some(ErrorReason::LinkRoom),
            LinkError::Server(_) => Some(ErrorReason::LinkServer),
            LinkError::Token => Some(ErrorReason::LinkToken),
            _ => None,
        };
        reason.map_or_else(|| ErrorCode::BadLink.into(), Self::from).detail(error)
    }
}

impl From<NameError> for UserError {
    fn from(error: NameError) -> Self {
        let named = match &error {
            NameError::Invisible => ErrorReason::NameInvisible.into(),
            NameError::MixedScripts(word) => Self::from(ErrorReason::NameAlphabets).param("word", word),
            _ => ErrorCode::BadName.into(),
        };
        named.detail(error)
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
    fn a_name_says_what_is_wrong_with_it() {
        let error = |name: &str| UserError::from(confab_wire::name::parse(name).unwrap_err());
        assert_eq!((error("").code, error("").reason()), (ErrorCode::BadName, None));
        assert_eq!(error("\u{3164}").reason(), Some(ErrorReason::NameInvisible));
        let mixed = error("Ann Вen");
        assert_eq!((mixed.reason(), mixed.params["word"].as_str()), (Some(ErrorReason::NameAlphabets), "Вen"));
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
        let reason = |text: &str| UserError::from(text.parse::<RoomLink>().unwrap_err()).reason();
        assert_eq!(reason("hello"), None);
        assert_eq!(reason("http://host/x"), Some(ErrorReason::LinkPath));
        assert_eq!(reason("http://host/r/a%20b"), Some(ErrorReason::LinkRoom));
        assert_eq!(reason("http://user:pw@host/r/a"), Some(ErrorReason::LinkServer));
        assert_eq!(reason("http://host/r/a#token="), Some(ErrorReason::LinkToken));
        assert_eq!(UserError::from(parse_server("ftp://host").unwrap_err()).code, ErrorCode::BadServer);
    }
}
