//! Room ids and the links that people share.

use crate::limits;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use url::Url;

/// Scheme that the installed app registers.
pub const APP_SCHEME: &str = "confab";

/// Why a text is no room link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Over [`limits::LINK_BYTES`].
    #[error("the link is too long")]
    TooLong,
    /// Not a URL.
    #[error("the link is no URL: {0}")]
    Url(#[from] url::ParseError),
    /// An app link without, or with an unfit, `link`.
    #[error("the app link holds no room link")]
    AppLink,
    /// The path is not `/r/<room>`.
    #[error("the path is not /r/<room>")]
    Path,
    /// The name of the room has other characters than links may have, or is too long.
    #[error("the room's name is not 1 to 64 of A-Z, a-z, 0-9, -, _, . and ~")]
    Room,
    /// What stands before the path is no address of a server.
    #[error(transparent)]
    Server(#[from] ServerAddressError),
}

/// Why a text is no address of a signaling server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerAddressError {
    /// Not a URL.
    #[error("the address is no URL: {0}")]
    Url(#[from] url::ParseError),
    /// Neither http nor https.
    #[error("only http and https")]
    Scheme,
    /// There is no host in it.
    #[error("no host")]
    Host,
    /// There is a user name or a password in it.
    #[error("a user name in an address is not allowed")]
    UserName,
}

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
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
        let dots = text.chars().all(|c| c == '.');
        if text.is_empty() || dots || text.len() > limits::ROOM_ID_CHARS || !text.chars().all(allowed) {
            return Err(LinkError::Room);
        }
        Ok(Self(text.to_owned()))
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
    ///
    /// # Errors
    /// As [`parse_server`].
    pub fn new(server: &Url, room: RoomId) -> Result<Self, ServerAddressError> {
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
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.len() > limits::LINK_BYTES {
            return Err(LinkError::TooLong);
        }
        let url = Url::parse(text)?;
        if url.scheme() == APP_SCHEME {
            let link = url.query_pairs().find(|(key, _)| key == "link").ok_or(LinkError::AppLink)?.1;
            if link.starts_with(APP_SCHEME) {
                return Err(LinkError::AppLink);
            }
            return link.parse();
        }
        let mut segments = url.path_segments().ok_or(LinkError::Path)?;
        let (Some("r"), Some(room), rest) = (segments.next(), segments.next(), segments.next()) else {
            return Err(LinkError::Path);
        };
        if rest.is_some_and(|rest| !rest.is_empty()) {
            return Err(LinkError::Path);
        }
        let room = room.parse()?;
        let mut server = url.clone();
        server.set_path("/");
        server.set_query(None);
        server.set_fragment(None);
        let server = parse_server(server.as_str())?;
        Ok(Self { server, room })
    }
}

/// Parses the address of a signaling server: http or https, a host, no user name, path dropped.
///
/// # Errors
/// [`ServerAddressError`] for anything else.
pub fn parse_server(text: &str) -> Result<Url, ServerAddressError> {
    let mut url = Url::parse(text.trim())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ServerAddressError::Scheme);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(ServerAddressError::Host);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ServerAddressError::UserName);
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
    fn what_is_no_link_is_refused_by_what_is_wrong() {
        let wrong = |text: &str| text.parse::<RoomLink>().map(|link| link.to_string()).unwrap_err();
        for text in ["", "hello", "http://", "http:///"] {
            assert!(matches!(wrong(text), LinkError::Url(_)), "{text}");
        }
        // An empty host is skipped (WHATWG URL section 4.4): this one is "r".
        for text in
            ["http://host", "http://host/", "http://host/r/a/b", "http://host/x/a", "http:///r/", "javascript:alert(1)"]
        {
            assert_eq!(wrong(text), LinkError::Path, "{text}");
        }
        for text in ["http://host/r/", "http://host/r/a%20b", "http://host/r/+"] {
            assert_eq!(wrong(text), LinkError::Room, "{text}");
        }
        assert_eq!(wrong("http://host/r/.."), LinkError::Path, "the parser resolves it");
        assert_eq!(wrong("ftp://host/r/a"), LinkError::Server(ServerAddressError::Scheme));
        assert_eq!(wrong("http://user:pw@host/r/a"), LinkError::Server(ServerAddressError::UserName));
        for text in ["confab://join", "confab://join?link=confab://join"] {
            assert_eq!(wrong(text), LinkError::AppLink, "{text}");
        }
        assert_eq!(wrong(&"x".repeat(limits::LINK_BYTES + 1)), LinkError::TooLong);
    }
}
