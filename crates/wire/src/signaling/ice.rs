//! ICE servers that a signaling server hands to its clients.

use crate::limits;
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// Keeps the servers that are well-formed, at most [`limits::ICE_SERVERS`] of them.
    pub fn sanitize(servers: Vec<IceServer>) -> Vec<IceServer> {
        servers.into_iter().filter(IceServer::is_valid).take(limits::ICE_SERVERS).collect()
    }

    fn is_valid(&self) -> bool {
        let fits = |s: &String| s.len() <= limits::ICE_FIELD_BYTES;
        !self.urls.is_empty()
            && self.urls.len() <= limits::ICE_URLS
            && self.urls.iter().all(|url| {
                fits(url) && ["stun:", "stuns:", "turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme))
            })
            && self.username.as_ref().is_none_or(fits)
            && self.credential.as_ref().is_none_or(fits)
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
}
