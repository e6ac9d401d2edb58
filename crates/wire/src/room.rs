//! Room ids and the links that people share.

use crate::{ErrorCode, UserError, limits};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use url::Url;

/// Scheme that the installed app registers.
pub const APP_SCHEME: &str = "confab";

/// Name of a room: unguessable when made by us, readable aloud, safe in a URL path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomId(String);

impl RoomId {
    /// A room of 64 random bits as four proquints (Wilkerson, "A Proposal for Proquints", arXiv:0901.4016):
    /// pronounceable words of five letters.
    pub fn random() -> Self {
        const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
        const VOWELS: &[u8; 4] = b"aiou";
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
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RoomId {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self, UserError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
        let dots = text.chars().all(|c| c == '.');
        if text.is_empty() || dots || text.len() > limits::ROOM_ID_CHARS || !text.chars().all(allowed) {
            return Err(ErrorCode::BadLink.into());
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for RoomId {
    type Error = UserError;

    fn try_from(text: String) -> Result<Self, UserError> {
        text.parse()
    }
}

impl From<RoomId> for String {
    fn from(room: RoomId) -> String {
        room.0
    }
}

/// A link to a room: `http(s)://host[:port]/r/<room>`, or the app's own `confab://join?link=<that>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLink {
    /// Base address of the signaling server, path `/`.
    pub server: Url,
    /// The room.
    pub room: RoomId,
}

impl RoomLink {
    /// A link to `room` on `server`; a path of the server's address is dropped.
    pub fn new(server: &Url, room: RoomId) -> Result<Self, UserError> {
        Ok(Self { server: parse_server(server.as_str())?, room })
    }

    /// The same link as the installed app opens it.
    pub fn to_app_url(&self) -> String {
        let mut url = format!("{APP_SCHEME}://join?link=");
        url.extend(url::form_urlencoded::byte_serialize(self.to_string().as_bytes()));
        url
    }
}

impl fmt::Display for RoomLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}r/{}", self.server, self.room)
    }
}

impl FromStr for RoomLink {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self, UserError> {
        let text = text.trim();
        let bad = |why: &str| UserError::with_detail(ErrorCode::BadLink, why);
        if text.len() > limits::LINK_BYTES {
            return Err(bad("the link is too long"));
        }
        let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
        if url.scheme() == APP_SCHEME {
            let link = url.query_pairs().find(|(key, _)| key == "link").ok_or_else(|| bad("no link inside"))?.1;
            if link.starts_with(APP_SCHEME) {
                return Err(bad("an app link inside an app link"));
            }
            return link.parse();
        }
        let mut segments = url.path_segments().ok_or_else(|| bad("no path"))?;
        let (Some("r"), Some(room), rest) = (segments.next(), segments.next(), segments.next()) else {
            return Err(bad("the path is not /r/<room>"));
        };
        if rest.is_some_and(|rest| !rest.is_empty()) {
            return Err(bad("the path is not /r/<room>"));
        }
        let room = room.parse()?;
        let mut server = url.clone();
        server.set_path("/");
        server.set_query(None);
        server.set_fragment(None);
        let server = parse_server(server.as_str()).map_err(|error| bad(&error.message))?;
        Ok(Self { server, room })
    }
}

/// Parses the address of a signaling server: http or https, a host, no user name, path dropped.
pub fn parse_server(text: &str) -> Result<Url, UserError> {
    let bad = |why: &str| UserError::with_detail(ErrorCode::BadServer, why);
    let mut url = Url::parse(text.trim()).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("only http and https"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad("no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("a user name in an address is not allowed"));
    }
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_rooms_are_four_proquints_and_differ() {
        let room = RoomId::random();
        assert_eq!(room.as_str().split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert!(room.as_str().parse::<RoomId>().is_ok());
        assert_ne!(room, RoomId::random());
    }

    #[test]
    fn links_are_read_and_written() {
        for text in ["http://192.168.1.20:7420/r/babad-gutih", "https://meet.example.org/r/x", "http://[::1]:80/r/x"] {
            let link: RoomLink = text.parse().unwrap();
            assert_eq!(link.to_app_url().parse::<RoomLink>().unwrap(), link);
        }
        let link: RoomLink = "  https://meet.example.org/r/room/?utm=1#top \n".parse().unwrap();
        assert_eq!(link.to_string(), "https://meet.example.org/r/room");
    }

    #[test]
    fn what_is_no_link_is_refused_with_the_same_code() {
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
            let error = text.parse::<RoomLink>().map(|link| link.to_string()).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadLink, "{text}");
        }
        assert!("x".repeat(limits::LINK_BYTES + 1).parse::<RoomLink>().is_err());
    }
}
