//! Ids of peers and of connections, and tokens.

use rand::Rng;

/// Longest id, token or key that is sent, in bytes. PeerJS has no limit; a URL that is longer is refused by servers.
pub(crate) const ID_BYTES: usize = 512;
/// Random letters of a connection's id and of a token, about 62 bits.
const RANDOM_LETTERS: usize = 12;

/// True for an id that PeerJS takes: runs of ASCII letters and digits, joined by single spaces, `_` or `-`.
///
/// ```
/// # use confab_peerjs::is_valid_id;
/// assert!(is_valid_id("a b-c_d"));
/// assert!(["", "-a", "a-", "a__b", "a.b", "é"].iter().all(|id| !is_valid_id(id)));
/// ```
pub fn is_valid_id(id: &str) -> bool {
    let is_run = |run: &str| !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_alphanumeric());
    id.len() <= ID_BYTES && id.split([' ', '_', '-']).all(is_run)
}

/// Random letters and digits, as `Math.random().toString(36)` gives them.
fn random() -> String {
    const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut source = rand::rng();
    (0..RANDOM_LETTERS).map(|_| char::from(LETTERS[source.random_range(0..LETTERS.len())])).collect()
}

/// A new token: what lets a client come back under its id.
pub(crate) fn token() -> String {
    random()
}

/// A new id of a data connection.
pub(crate) fn data_connection() -> String {
    format!("dc_{}", random())
}

/// A new id of a media connection.
pub(crate) fn media_connection() -> String {
    format!("mc_{}", random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_runs_of_letters_and_digits_joined_by_one_mark() {
        for id in ["a", "7", "a b-c_d", "Ann-1_2 3", &uuid()] {
            assert!(is_valid_id(id), "{id}");
        }
        for id in ["", " ", "a__b", "a--b", "a -b", "-a", "a-", "a.b", "é", "a\nb", &"a".repeat(ID_BYTES + 1)] {
            assert!(!is_valid_id(id), "{id}");
        }
    }

    fn uuid() -> String {
        "3f0c8ad5-8c9b-4c2e-9f6f-0a8a4d3b1c2d".to_owned()
    }

    #[test]
    fn ids_of_connections_say_what_they_are_and_differ() {
        assert!(data_connection().starts_with("dc_") && media_connection().starts_with("mc_"));
        assert_ne!(token(), token());
        assert!(is_valid_id(&token()) && is_valid_id(&data_connection()));
    }
}
