//! Names of rooms.

use super::error::LinkError;
use crate::limits;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";

/// Name of a room: unguessable when made by us, readable aloud, safe in a URL path. Names that we make are the same in capitals;
/// others are not, since other servers and pages tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomId(String);

impl RoomId {
    /// A room of 64 random bits as four proquints (Wilkerson, "A Proposal for Proquints", arXiv:0901.4016):
    /// pronounceable words of five letters.
    pub fn random() -> Self {
        let mut words = Vec::with_capacity(4);
        for _ in 0..4 {
            let bits: u16 = rand::rng().random();
            let consonant = |shift: u16| CONSONANTS[usize::from(bits >> shift & 15)] as char;
            let vowel = |shift: u16| VOWELS[usize::from(bits >> shift & 3)] as char;
            words.push(String::from_iter([consonant(12), vowel(10), consonant(6), vowel(4), consonant(0)]));
        }
        Self(words.join("-"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the characters of a name.
    pub(super) fn allows(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~')
    }
}

/// The name of the room that somebody means by `name`: names of our making, whatever their case, are in small letters.
pub fn canonical_room(name: &str) -> String {
    let small = name.to_ascii_lowercase();
    if is_proquints(&small) { small } else { name.to_owned() }
}

/// True for two words or more as [`RoomId::random`] makes them.
fn is_proquints(name: &str) -> bool {
    let proquint = |word: &str| {
        let letters = word.as_bytes();
        letters.len() == 5
            && letters
                .iter()
                .enumerate()
                .all(|(at, letter)| if at % 2 == 0 { CONSONANTS.contains(letter) } else { VOWELS.contains(letter) })
    };
    name.contains('-') && name.split('-').all(proquint)
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RoomId {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        // A full stop at the end is that of the sentence in which a link stood.
        if text.is_empty()
            || text.ends_with('.')
            || text.len() > limits::ROOM_ID_CHARS
            || !text.chars().all(Self::allows)
        {
            return Err(LinkError::Room);
        }
        Ok(Self(canonical_room(text)))
    }
}

impl TryFrom<String> for RoomId {
    type Error = LinkError;

    fn try_from(text: String) -> Result<Self, LinkError> {
        text.parse()
    }
}

impl From<RoomId> for String {
    fn from(room: RoomId) -> String {
        room.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_rooms_are_four_proquints_and_differ() {
        let room = RoomId::random();
        assert_eq!(room.as_str().split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert!(room.as_str().parse::<RoomId>().is_ok() && is_proquints(room.as_str()));
        assert_ne!(room, RoomId::random());
    }

    #[test]
    fn names_that_we_make_are_the_same_in_capitals() {
        let room = RoomId::random();
        assert_eq!(room.as_str().to_uppercase().parse::<RoomId>(), Ok(room));
        assert_eq!("HOTUK-Mujiv".parse::<RoomId>().unwrap().as_str(), "hotuk-mujiv");
        for other in ["Team", "TEAM-room", "Hotuk", "HOTUK-MUJIX", "Hotuk-", "X.509"] {
            assert_eq!(other.parse::<RoomId>().unwrap().as_str(), other);
        }
    }
}
