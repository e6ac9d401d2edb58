//! The path of a room link: `/r/<room>`.

use super::error::LinkError;
use super::id::RoomId;
use crate::text::is_invisible;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use unicode_script::{Script, UnicodeScript};

/// What ends a link where it stands in a path: no name of a room has it.
const ENDS_PATH: &str = "&;,:!*()[]{}|^\"'<>`\\";
/// What ends the sentence in which a link stands.
pub(super) const ENDS_SENTENCE: &[char] = &['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'', '*'];

/// The room of a path that is `/r/<room>`, percent-encoded as in an address.
pub(super) fn room_of_path(path: &str) -> Result<RoomId, LinkError> {
    let ends = |c: char| {
        let spaceless = matches!(
            c.script(),
            Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Hangul
                | Script::Thai
                | Script::Lao
                | Script::Khmer
        );
        !c.is_ascii() && (!c.is_alphanumeric() || spaceless)
    };
    let text = path.split(|c: char| ENDS_PATH.contains(c)).next().unwrap_or_default();
    // The second time for what was escaped twice on its way.
    let text = decode(&decode(text)?)?;
    let text: String = text.chars().filter(|c| c.is_ascii() || !is_invisible(*c)).collect();
    let text = text.split(ends).next().unwrap_or_default();
    let mut parts = text.split('/').filter(|part| !part.is_empty());
    if !parts.next().is_some_and(|part| part.eq_ignore_ascii_case("r")) {
        return Err(LinkError::Path);
    }
    let without_end = |part: &'_ str| part.trim_end_matches(|c: char| c == ' ' || ENDS_SENTENCE.contains(&c)).len();
    let room = parts.next().unwrap_or_default();
    let room = &room[..without_end(room)];
    if parts.any(|part| without_end(part) > 0) {
        return Err(LinkError::Path);
    }
    room.parse()
}

fn decode(text: &str) -> Result<String, LinkError> {
    percent_decode_str(text).decode_utf8().map(Cow::into_owned).map_err(|_| LinkError::Room)
}
