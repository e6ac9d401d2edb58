//! Errors of servers, which come with a sentence, as codes and reasons.

use crate::error::{ErrorCode, ErrorReason, UserError};

impl From<confab_wire::UserError> for UserError {
    fn from(error: confab_wire::UserError) -> Self {
        let converted = match code(error.code) {
            ErrorCode::JoinRefused if error.message != error.code.sentence() => {
                UserError::from(ErrorReason::ServerMessage).param("message", error.message)
            }
            code => code.into(),
        };
        Self { detail: error.detail, ..converted }
    }
}

/// The code of the same name.
fn code(code: confab_wire::ErrorCode) -> ErrorCode {
    serde_json::to_value(code).and_then(serde_json::from_value).unwrap_or(ErrorCode::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_found_by_its_name() {
        for other in confab_wire::ErrorCode::ALL {
            assert_eq!(serde_json::json!(code(*other)), serde_json::json!(other));
        }
    }

    #[test]
    fn a_sentence_of_its_own_becomes_a_reason() {
        let error = |code, text: &str| UserError::from(confab_wire::UserError::with_message(code, text));
        let refused = error(confab_wire::ErrorCode::JoinRefused, "Not on the list.");
        assert_eq!(refused, UserError::from(ErrorReason::ServerMessage).param("message", "Not on the list."));
        let plain = UserError::from(confab_wire::UserError::with_detail(confab_wire::ErrorCode::RoomFull, "16"));
        assert_eq!(plain, UserError::with_detail(ErrorCode::RoomFull, "16"));
    }
}
