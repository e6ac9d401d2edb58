//! Tokens that members bring along: HS256 JSON Web Tokens (RFC 7519 in the compact form of RFC 7515).
//!
//! Only what this server needs of the standard: one algorithm, so that no header can choose a weaker one, and the claims
//! below. Everything is bounded before it is decoded.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use confab_wire::limits;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the clocks of issuer and server may be apart.
const LEEWAY: Duration = Duration::from_secs(30);

/// What a token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Who it is for, as the issuer names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Until when it is good, in seconds since 1970.
    pub exp: u64,
    /// From when on it is good, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// What the other members of a room learn, at most [`limits::METADATA_BYTES`] as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_metadata: Option<Map<String, Value>>,
    /// Rooms that it opens; a `*` at the end stands for anything. All rooms if there is no such claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<String>>,
}

impl Claims {
    /// Claims that are good for `lifetime` from now on.
    pub fn lasting(lifetime: Duration) -> Self {
        let exp = seconds(SystemTime::now()).saturating_add(lifetime.as_secs());
        Self { sub: None, exp, nbf: None, peer_metadata: None, rooms: None }
    }

    /// True if the token opens `room`.
    pub(crate) fn opens(&self, room: &str) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => room.starts_with(prefix),
            None => room == pattern,
        };
        self.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(matches))
    }
}

/// Why a token is refused; the text tells people what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A server that lets nobody in without one got none.
    #[error("This server lets in only people with a token. Ask its operator for one, and send it as auth.token.")]
    Missing,
    /// Not three parts of base64url with JSON, or too long.
    #[error("The token can't be read: {0}. Send the whole token, as its issuer gave it.")]
    Malformed(&'static str),
    /// Another algorithm.
    #[error("The token is not signed with HS256, the only algorithm of this server. Ask its issuer for another one.")]
    Algorithm,
    /// Signed with another key, or changed.
    #[error("The token was not issued for this server, or it was changed. Ask its issuer for a new one.")]
    Signature,
    /// Its time is over.
    #[error("The token has expired. Ask its issuer for a new one, and connect again.")]
    Expired,
    /// Its time has not come.
    #[error("The token is not good yet. Check the clocks of this computer and of its issuer.")]
    TooEarly,
    /// A claim that is out of bounds.
    #[error("The token's {0} is too large. Ask its issuer for a smaller one.")]
    TooLarge(&'static str),
}

/// Makes a token of `claims` under `key`.
///
/// # Errors
/// [`TokenError::TooLarge`] for claims that the server would refuse.
pub fn mint(key: &[u8], claims: &Claims) -> Result<String, TokenError> {
    check_bounds(claims)?;
    let claims = serde_json::to_string(claims).map_err(|_| TokenError::Malformed("it can't be written"))?;
    let token = sign(key, &json!({ "alg": "HS256", "typ": "JWT" }).to_string(), &claims);
    if token.len() > limits::TOKEN_BYTES { Err(TokenError::TooLarge("text")) } else { Ok(token) }
}

/// The token of a header and claims, whatever they say.
pub(crate) fn sign(key: &[u8], header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(mac(key, &signed).finalize().into_bytes());
    format!("{signed}.{signature}")
}

/// Checks a token under `key` at the time `now`.
pub(crate) fn verify(key: &[u8], token: &str, now: SystemTime) -> Result<Claims, TokenError> {
    if token.len() > limits::TOKEN_BYTES {
        return Err(TokenError::TooLarge("text"));
    }
    let malformed = |_| TokenError::Malformed("it is not base64url");
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed("a part is missing"))?;
    let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed("a part is missing"))?;
    let header = URL_SAFE_NO_PAD.decode(header).map_err(malformed)?;
    let header: Value = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed("its header is no JSON"))?;
    // `crit` names extensions that must be understood (RFC 7515 section 4.1.11); none are.
    if header.get("alg").and_then(Value::as_str) != Some("HS256") || header.get("crit").is_some() {
        return Err(TokenError::Algorithm);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(malformed)?;
    // Compares in constant time.
    mac(key, signed).verify_slice(&signature).map_err(|_| TokenError::Signature)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(malformed)?;
    let claims: Claims = serde_json::from_slice(&claims)
        .map_err(|_| TokenError::Malformed("a claim is missing or of the wrong type; it needs exp"))?;
    check_bounds(&claims)?;
    let now = seconds(now);
    if claims.exp.saturating_add(LEEWAY.as_secs()) <= now {
        return Err(TokenError::Expired);
    }
    if claims.nbf.is_some_and(|from| from > now.saturating_add(LEEWAY.as_secs())) {
        return Err(TokenError::TooEarly);
    }
    Ok(claims)
}

fn check_bounds(claims: &Claims) -> Result<(), TokenError> {
    if claims.sub.as_ref().is_some_and(|sub| sub.len() > limits::ID_BYTES) {
        return Err(TokenError::TooLarge("sub"));
    }
    let metadata = claims.peer_metadata.as_ref().map(serde_json::to_string);
    if metadata.is_some_and(|text| text.is_ok_and(|text| text.len() > limits::METADATA_BYTES)) {
        return Err(TokenError::TooLarge("peerMetadata"));
    }
    let rooms = claims.rooms.as_deref().unwrap_or_default();
    if rooms.len() > limits::TOKEN_ROOMS || rooms.iter().any(|room| room.len() > limits::ID_BYTES) {
        return Err(TokenError::TooLarge("rooms"));
    }
    Ok(())
}

fn mac(key: &[u8], signed: &str) -> Hmac<Sha256> {
    // HMAC takes keys of every length; the error type is that of the generic trait.
    #[allow(clippy::expect_used)]
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    mac
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn claims() -> Claims {
        let metadata = json!({ "name": "Ann" }).as_object().cloned();
        Claims { sub: Some("ann".into()), exp: 1_000, nbf: Some(500), peer_metadata: metadata, rooms: None }
    }

    #[test]
    fn a_token_is_good_under_its_key_and_in_its_time() {
        let token = mint(b"key", &claims()).unwrap();
        assert_eq!(verify(b"key", &token, at(900)), Ok(claims()));
        assert_eq!(verify(b"other", &token, at(900)), Err(TokenError::Signature));
        assert_eq!(verify(b"key", &token, at(1_029)), Ok(claims()));
        assert_eq!(verify(b"key", &token, at(1_030)), Err(TokenError::Expired));
        assert_eq!(verify(b"key", &token, at(400)), Err(TokenError::TooEarly));
    }

    #[test]
    fn the_token_of_the_standard_is_read() {
        // RFC 7515 appendix A.1: the signature is good, the claims are those of another application.
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(verify(&key, token, at(1_300_819_000)).unwrap().exp, 1_300_819_380);
        assert_eq!(verify(&key, token, at(1_400_000_000)), Err(TokenError::Expired));
    }

    #[test]
    fn no_header_chooses_a_weaker_algorithm_and_no_change_goes_unseen() {
        let token = mint(b"key", &claims()).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        assert_eq!(verify(b"key", &format!("{none}.{}.", parts[1]), at(900)), Err(TokenError::Algorithm));
        let more = URL_SAFE_NO_PAD.encode(r#"{"exp":9999999}"#);
        let forged = format!("{}.{more}.{}", parts[0], parts[2]);
        assert_eq!(verify(b"key", &forged, at(900)), Err(TokenError::Signature));
        for rubbish in ["", "a", "a.b", "..", "!.!.!", "e30.e30.e30"] {
            assert!(verify(b"key", rubbish, at(900)).is_err(), "{rubbish}");
        }
        assert_eq!(verify(b"key", &"x".repeat(limits::TOKEN_BYTES + 1), at(0)), Err(TokenError::TooLarge("text")));
    }

    #[test]
    fn what_members_learn_is_bounded() {
        let metadata = json!({ "name": "x".repeat(limits::METADATA_BYTES) }).as_object().cloned();
        let large = Claims { peer_metadata: metadata, ..claims() };
        assert_eq!(mint(b"key", &large), Err(TokenError::TooLarge("peerMetadata")));
        let many = Claims { rooms: Some(vec!["a".into(); limits::TOKEN_ROOMS + 1]), ..claims() };
        assert_eq!(mint(b"key", &many), Err(TokenError::TooLarge("rooms")));
    }

    #[test]
    fn patterns_open_rooms() {
        let with = |rooms: &[&str]| Claims { rooms: Some(rooms.iter().map(|r| r.to_string()).collect()), ..claims() };
        assert!(claims().opens("any"));
        assert!(with(&["team-*", "hall"]).opens("team-a") && with(&["hall"]).opens("hall"));
        assert!(!with(&["team-*", "hall"]).opens("hall-2") && !with(&[]).opens("any"));
    }
}
