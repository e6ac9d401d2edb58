//! Links to rooms.

use super::error::LinkError;
use super::id::RoomId;
use super::path::room_of_path;
use super::server::{ServerAddressError, parse_server};
use super::token::Token;
use std::fmt;
use url::{Url, form_urlencoded};

/// Scheme that the installed app registers.
pub const APP_SCHEME: &str = "confab";
/// Key of a token in the fragment of a link: `#token=…`. A browser sends no fragment to a server.
const TOKEN_KEY: &str = "token";

/// A link to a room: `http(s)://host[:port]/r/<room>`, or the app's own `confab://join?link=<that>`; a token may follow as
/// `#token=…`. It is read out of whatever people paste ([`FromStr`](std::str::FromStr)), and written in one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLink {
    /// Base address of the signaling server, path `/`.
    pub server: Url,
    /// The room.
    pub room: RoomId,
    /// One's own token for it. It is not written where a link is shown or shared.
    pub token: Option<Token>,
}

impl RoomLink {
    /// A link to `room` on `server`; a path of the server's address is dropped.
    ///
    /// # Errors
    /// As [`parse_server`].
    pub fn new(server: &Url, room: RoomId) -> Result<Self, ServerAddressError> {
        Ok(Self { server: parse_server(server.as_str())?, room, token: None })
    }

    /// The room to which a path of `server` leads, as a browser asks for it: percent-encoded, beginning with `/`.
    ///
    /// # Errors
    /// [`LinkError`] if it leads to none.
    pub fn at(server: &Url, path: &str) -> Result<Self, LinkError> {
        Ok(Self::new(server, room_of_path(path)?)?)
    }

    /// The link of a web address.
    pub(super) fn of_url(url: &Url) -> Result<Self, LinkError> {
        let room = room_of_path(url.path())?;
        let mut server = url.clone();
        server.set_path("/");
        let token = form_urlencoded::parse(url.fragment().unwrap_or_default().as_bytes())
            .find(|(key, _)| key == TOKEN_KEY)
            .map(|(_, token)| Token::new(&token).ok_or(LinkError::Token))
            .transpose()?;
        Ok(Self { server: parse_server(server.as_str())?, room, token })
    }

    /// The server as people know it: its host, and its port if it is not the usual one.
    pub fn host(&self) -> String {
        let host = self.server.host_str().unwrap_or_default();
        self.server.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The link with its token: for oneself only.
    pub fn with_token(&self) -> String {
        match &self.token {
            Some(token) => {
                let mut token: String = form_urlencoded::byte_serialize(token.as_str().as_bytes()).collect();
                // At the end they would be those of a sentence.
                match token.pop() {
                    Some('.') => token.push_str("%2E"),
                    Some('*') => token.push_str("%2A"),
                    last => token.extend(last),
                }
                format!("{self}#{TOKEN_KEY}={token}")
            }
            None => self.to_string(),
        }
    }

    /// The same link as the installed app opens it.
    pub fn to_app_url(&self) -> String {
        let mut url = format!("{APP_SCHEME}://join?link=");
        url.extend(form_urlencoded::byte_serialize(self.to_string().as_bytes()));
        url
    }
}

/// Without the token.
impl fmt::Display for RoomLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}r/{}", self.server, self.room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_and_written() {
        for text in ["http://192.168.1.20:7420/r/babad-gutih", "https://meet.example.org/r/x", "http://[::1]:80/r/x"] {
            let link: RoomLink = text.parse().unwrap();
            assert_eq!(link.to_app_url().parse::<RoomLink>().unwrap(), link);
        }
        let link: RoomLink = "  https://meet.example.org/r/room/?utm=1#top \n".parse().unwrap();
        assert_eq!(link.to_string(), "https://meet.example.org/r/room");
        assert_eq!(link.host(), "meet.example.org");
        assert_eq!("http://h:7420/r/a".parse::<RoomLink>().unwrap().host(), "h:7420");
    }

    #[test]
    fn a_token_comes_in_the_fragment_and_is_shown_nowhere() {
        let link: RoomLink = "https://meet.example/r/team#token=eyJh.eyJz.x-_Y".parse().unwrap();
        assert_eq!(link.token, Token::new("eyJh.eyJz.x-_Y"));
        assert_eq!(link.to_string(), "https://meet.example/r/team");
        assert_eq!(link.with_token().parse::<RoomLink>().as_ref(), Ok(&link));
        assert!(!format!("{link:?} {}", link.to_app_url()).contains("eyJh"));
        for text in [
            "confab:join?link=https%3A%2F%2Fmeet.example%2Fr%2Fteam%23token%3DeyJh.eyJz.x-_Y",
            "<https://meet.example/r/team?x=1#token=eyJh.eyJz.x-_Y>.",
        ] {
            assert_eq!(text.parse::<RoomLink>().as_ref(), Ok(&link), "{text}");
        }
        for token in ["x.", "x*", "a+b/c==", "(x)"] {
            let link = RoomLink { token: Token::new(token), ..link.clone() };
            assert_eq!(link.with_token().parse::<RoomLink>(), Ok(link), "{token}");
        }
        assert_eq!("https://h/r/a#token=".parse::<RoomLink>(), Err(LinkError::Token));
        assert_eq!("https://h/r/a#token=a%00b".parse::<RoomLink>(), Err(LinkError::Token));
    }

    #[test]
    fn a_path_of_a_server_leads_where_its_link_does() {
        let server: Url = "https://meet.example/x".parse().unwrap();
        let at = |path: &str| RoomLink::at(&server, path).map(|link| link.to_string());
        for path in ["/r/abc", "/r/abc.", "/r/abc%2E", "/r/%61bc/", "//r/abc//", "/r/abc%E2%80%8B"] {
            assert_eq!(at(path).as_deref(), Ok("https://meet.example/r/abc"), "{path}");
        }
        assert_eq!(at("/r/HOTUK-MUJIV").as_deref(), Ok("https://meet.example/r/hotuk-mujiv"));
        assert_eq!(at("/r/a%20b"), Err(LinkError::Room));
        assert_eq!(at("/r/a/b"), Err(LinkError::Path));
    }
}
