//! Who a client is and what it may do: by a publishable key, or by a token.

use super::pattern;
use crate::config::MeteredConfig;
use crate::http::token::{self, TokenError, numeric_date, optional_numeric_date};
use confab_wire::limits;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Largest `metadata` of a token, as JSON: what only the peer itself learns.
const OWN_METADATA_BYTES: usize = 8 * 1024;
/// Longest pattern of a channel: twice the longest name, with every character escaped.
const PATTERN_BYTES: usize = 512;

/// What a token of the Metered endpoint says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeteredClaims {
    /// The id of the peer: at most 128 printable ASCII characters. A new one at each connect if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Until when it is good, in seconds since 1970. A fraction is cut off.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: u64,
    /// From when on it is good, in seconds since 1970.
    #[serde(default, deserialize_with = "optional_numeric_date", skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Channels that it opens, as names or patterns. All if there is no such claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<String>>,
    /// Of `publish`, `subscribe`, `presence` and `send`. All if there is no such claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// What other peers learn, at most 4 KB as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_metadata: Option<Map<String, Value>>,
    /// What the peer itself learns, once, at most 8 KB as JSON; by convention `iceServers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

impl MeteredClaims {
    /// Claims that are good for `lifetime` from now on.
    pub fn lasting(lifetime: Duration) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let exp = now.saturating_add(lifetime).as_secs();
        Self { sub: None, exp, nbf: None, channels: None, permissions: None, peer_metadata: None, metadata: None }
    }

    fn check(&self) -> Result<(), TokenError> {
        let printable = |sub: &String| {
            (1..=limits::ID_BYTES).contains(&sub.len()) && sub.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        };
        if self.sub.as_ref().is_some_and(|sub| !printable(sub)) {
            return Err(TokenError::TooLarge("sub"));
        }
        let bytes = |object: &Option<Map<String, Value>>| {
            object.as_ref().and_then(|object| serde_json::to_string(object).ok()).map_or(0, |text| text.len())
        };
        if bytes(&self.peer_metadata) > limits::METADATA_BYTES {
            return Err(TokenError::TooLarge("peerMetadata"));
        }
        if bytes(&self.metadata) > OWN_METADATA_BYTES {
            return Err(TokenError::TooLarge("metadata"));
        }
        let channels = self.channels.as_deref().unwrap_or_default();
        if channels.len() > limits::TOKEN_ROOMS || channels.iter().any(|pattern| pattern.len() > PATTERN_BYTES) {
            return Err(TokenError::TooLarge("channels"));
        }
        Ok(())
    }
}

/// Makes a token of `claims` under `secret`, whose id is `key_id`.
///
/// # Errors
/// [`TokenError::TooLarge`] for claims that the server would refuse, [`TokenError::Key`] without a key.
pub fn mint_metered(key_id: &str, secret: &[u8], claims: &MeteredClaims) -> Result<String, TokenError> {
    claims.check()?;
    token::issue(secret, Some(key_id), claims)
}

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    Publish,
    Subscribe,
    Presence,
    Send,
}

/// Who a client is, and its rights.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) id: Arc<str>,
    pub(super) metadata: Option<Arc<RawValue>>,
    /// What only the client itself learns.
    pub(super) own_metadata: Option<Box<RawValue>>,
    /// Seconds since 1970.
    pub(super) expires: Option<u64>,
    channels: Option<Vec<String>>,
    permissions: Option<Vec<String>>,
}

impl Access {
    /// Reads `key` or `token` of a query, of which a client has one.
    pub(super) fn of(config: &MeteredConfig, query: &str, now: SystemTime) -> Result<Self, TokenError> {
        let mut credentials =
            url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "key" || name == "token");
        let (name, text) = credentials.next().ok_or(TokenError::Missing)?;
        if credentials.next().is_some() {
            return Err(TokenError::Malformed("there are two credentials"));
        }
        if name == "token" {
            return Self::of_token(config, &text, now);
        }
        if !config.publishable_keys.iter().any(|key| *key == text) {
            return Err(TokenError::Signature);
        }
        Ok(Self {
            id: fresh_id(),
            metadata: None,
            own_metadata: None,
            expires: None,
            channels: None,
            permissions: None,
        })
    }

    fn of_token(config: &MeteredConfig, text: &str, now: SystemTime) -> Result<Self, TokenError> {
        let id = token::key_id(text)?;
        let key = config.token_keys.iter().find(|key| key.id == id).ok_or(TokenError::Signature)?;
        let claims: MeteredClaims = token::decode(&key.secret, text)?;
        claims.check()?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if claims.exp <= now {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|from| from > now.saturating_add(token::LEEWAY.as_secs())) {
            return Err(TokenError::TooEarly);
        }
        let raw = |object: Map<String, Value>| serde_json::value::to_raw_value(&object).ok();
        Ok(Self {
            id: claims.sub.map_or_else(fresh_id, Arc::from),
            metadata: claims.peer_metadata.and_then(raw).map(Arc::from),
            own_metadata: claims.metadata.and_then(raw),
            expires: Some(claims.exp),
            channels: claims.channels,
            permissions: claims.permissions,
        })
    }

    pub(super) fn permits(&self, permission: Permission) -> bool {
        let name = match permission {
            Permission::Publish => "publish",
            Permission::Subscribe => "subscribe",
            Permission::Presence => "presence",
            Permission::Send => "send",
        };
        self.permissions.as_ref().is_none_or(|permissions| permissions.iter().any(|known| known == name))
    }

    pub(super) fn opens(&self, channel: &str) -> bool {
        let matches = |pattern: &String| pattern::matches(pattern, channel);
        self.channels.as_ref().is_none_or(|channels| channels.iter().any(matches))
    }
}

fn fresh_id() -> Arc<str> {
    uuid::Uuid::new_v4().to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MeteredKey;
    use serde_json::json;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn access(query: &str) -> Result<Access, TokenError> {
        let token_keys = vec![MeteredKey { id: "k1".into(), secret: SECRET.to_vec() }];
        let config = MeteredConfig { publishable_keys: vec!["pk_live_1".into()], token_keys };
        Access::of(&config, query, UNIX_EPOCH + Duration::from_secs(1_000))
    }

    fn claims() -> MeteredClaims {
        MeteredClaims { exp: 2_000, ..MeteredClaims::lasting(Duration::ZERO) }
    }

    fn with(key: &str, secret: &[u8], claims: &MeteredClaims) -> Result<Access, TokenError> {
        access(&format!("token={}", token::issue(secret, Some(key), claims).unwrap()))
    }

    #[test]
    fn a_publishable_key_is_somebody_new_each_time() {
        let (one, other) = (access("key=pk_live_1").unwrap(), access("key=pk_live_1").unwrap());
        assert!(one.id != other.id && one.id.len() == 36 && one.expires.is_none());
        assert!(one.opens("any") && one.permits(Permission::Send));
        for query in ["", "key=", "key=pk_live_2", "key=pk_live_1&key=pk_live_1", "token=", "token=a.b.c", "other=1"] {
            assert!(access(query).is_err(), "{query}");
        }
    }

    #[test]
    fn a_token_says_who_one_is_and_what_one_may() {
        let claims = MeteredClaims {
            sub: Some("alice".into()),
            channels: Some(vec!["room-*".into()]),
            permissions: Some(vec!["subscribe".into(), "sing".into()]),
            peer_metadata: json!({ "username": "A" }).as_object().cloned(),
            metadata: json!({ "iceServers": [] }).as_object().cloned(),
            ..claims()
        };
        let alice = with("k1", SECRET, &claims).unwrap();
        assert_eq!((&*alice.id, alice.expires), ("alice", Some(2_000)));
        assert_eq!(alice.metadata.as_ref().unwrap().get(), r#"{"username":"A"}"#);
        assert_eq!(alice.own_metadata.as_ref().unwrap().get(), r#"{"iceServers":[]}"#);
        assert!(alice.opens("room-1") && !alice.opens("hall"));
        assert!(alice.permits(Permission::Subscribe) && !alice.permits(Permission::Publish));
    }

    #[test]
    fn other_keys_other_times_and_large_claims_are_refused() {
        assert!(with("k2", SECRET, &claims()).is_err());
        assert!(with("k1", b"another secret of thirty-two byte", &claims()).is_err());
        assert_eq!(with("k1", SECRET, &MeteredClaims { exp: 1_000, ..claims() }).err(), Some(TokenError::Expired));
        assert_eq!(
            with("k1", SECRET, &MeteredClaims { nbf: Some(1_031), ..claims() }).err(),
            Some(TokenError::TooEarly)
        );
        for sub in ["", "é", "a\nb", &"x".repeat(129)] {
            assert!(with("k1", SECRET, &MeteredClaims { sub: Some(sub.into()), ..claims() }).is_err(), "{sub}");
        }
        let large = json!({ "a": "x".repeat(8_200) }).as_object().cloned();
        assert_eq!(
            with("k1", SECRET, &MeteredClaims { metadata: large.clone(), ..claims() }).err(),
            Some(TokenError::TooLarge("metadata"))
        );
        assert!(mint_metered("k1", SECRET, &MeteredClaims { peer_metadata: large, ..claims() }).is_err());
        let bare = token::issue(SECRET, None, &claims()).unwrap();
        assert!(access(&format!("token={bare}")).is_err(), "no kid");
    }
}
