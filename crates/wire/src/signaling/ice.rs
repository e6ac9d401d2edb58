//! ICE servers that a signaling server hands to its clients.

use super::ice_url::IceUrl;
use crate::limits;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `RTCIceServer` of W3C webrtc-pc section 4.2.4; `urls` may be one string or a list on the wire. Its debug form says
/// whether there is a credential, not which.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// stun:, stuns:, turn: or turns: URLs.
    #[serde(deserialize_with = "one_or_many")]
    pub urls: Vec<String>,
    /// TURN user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = self.username.is_some() && self.credential.is_some();
        f.debug_struct("IceServer").field("urls", &self.urls).field("credential", &present).finish()
    }
}

impl IceServer {
    /// When its TURN credential ends, if the user name says so: `<seconds since 1970>:<anything>` (A REST API For Access To
    /// TURN Services, draft-uberti-behave-turn-rest-00, section 2.2).
    pub fn credential_end(&self) -> Option<SystemTime> {
        let (seconds, _) = self.username.as_deref()?.split_once(':')?;
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))
    }

    /// Keeps what is well-formed: URLs that a browser takes too, at most [`limits::ICE_URLS`] of a server, of servers that
    /// have one at most [`limits::ICE_SERVERS`]. One bad address takes no other with it.
    pub fn sanitize(servers: Vec<IceServer>) -> Vec<IceServer> {
        servers.into_iter().filter_map(IceServer::usable).take(limits::ICE_SERVERS).collect()
    }

    fn usable(mut self) -> Option<Self> {
        let fits = |text: &String| text.len() <= limits::ICE_FIELD_BYTES;
        self.urls.retain(|url| IceUrl::parse(url).is_ok());
        self.urls.truncate(limits::ICE_URLS);
        let usable = !self.urls.is_empty()
            && self.username.as_ref().is_none_or(fits)
            && self.credential.as_ref().is_none_or(fits);
        usable.then_some(self)
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Urls {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Urls::deserialize(deserializer)? {
        Urls::One(url) => vec![url],
        Urls::Many(urls) => urls,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ice_servers_of_other_schemes_are_left_out() {
        let servers: Vec<IceServer> = serde_json::from_value(json!([
            { "urls": "stun:a" }, { "urls": ["turn:b", "turns:c"], "username": "u", "credential": "p" }, { "urls": "http:d" }
        ]))
        .unwrap_or_default();
        let kept = IceServer::sanitize(servers);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[0].urls, ["stun:a"]);
    }

    #[test]
    fn one_bad_address_takes_no_other_with_it() {
        let mut urls: Vec<String> = (0..20).map(|number| format!("turn:host-{number}")).collect();
        urls.insert(1, "turn://slashes".into());
        urls.insert(2, "turn:host:99999".into());
        let server = IceServer { urls, username: Some("u".into()), credential: Some("p".into()) };
        let kept = IceServer::sanitize(vec![server]);
        assert_eq!(kept[0].urls.len(), limits::ICE_URLS);
        assert_eq!(kept[0].urls[..2], ["turn:host-0", "turn:host-1"]);
    }
}
