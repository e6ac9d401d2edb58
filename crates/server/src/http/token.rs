//! Access tokens that members bring along: JSON Web Tokens (RFC 7519) under HS256.
//!
//! One algorithm, so that no header can choose a weaker one, and the claims below. Everything is bounded before it is
//! decoded.

use super::hs256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use confab_wire::limits;
use confab_wire::signaling::{Refusal, RefusalCode};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the clocks of issuer and server may be apart.
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

/// What a token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Who it is for, as the issuer names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Until when it is good, in seconds since 1970. A fraction, as `time.time()` of Python gives it, is cut off.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: u64,
    /// From when on it is good, in seconds since 1970. A fraction is cut off.
    #[serde(default, deserialize_with = "optional_numeric_date", skip_serializing_if = "Option::is_none")]
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

    /// When it is refused from.
    pub(crate) fn expiry(&self) -> SystemTime {
        let expiry = Duration::from_secs(self.exp).saturating_add(LEEWAY);
        // Beyond what the clock can say is beyond the life of any server.
        UNIX_EPOCH.checked_add(expiry).unwrap_or_else(|| SystemTime::now() + Duration::from_hours(24 * 365))
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

/// `NumericDate` of RFC 7519 section 2, in whole seconds.
pub(crate) fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    whole_seconds(&Number::deserialize(deserializer)?)
}

pub(crate) fn optional_numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Option::<Number>::deserialize(deserializer)?.as_ref().map(whole_seconds).transpose()
}

fn whole_seconds<E: serde::de::Error>(date: &Number) -> Result<u64, E> {
    // A float beyond the range becomes its end.
    let fraction = || date.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| seconds as u64);
    date.as_u64().or_else(fraction).ok_or_else(|| E::custom("a date is not before 1970"))
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// A server that lets nobody in without one got none.
    #[error("there is no token")]
    Missing,
    /// Not three parts of base64url with JSON.
    #[error("the token can't be read: {0}")]
    Malformed(&'static str),
    /// Another algorithm, or an extension of the format.
    #[error("the token is not signed with HS256 alone")]
    Algorithm,
    /// Signed with another key, or changed.
    #[error("the token was not issued for this server, or it was changed")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not good yet")]
    TooEarly,
    /// A claim that is out of bounds, or the token itself (`text`).
    #[error("the token's {0} is too large")]
    TooLarge(&'static str),
    /// The key is empty.
    #[error("the key of the tokens is empty")]
    Key,
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing => RefusalCode::TokenRequired.into(),
            TokenError::Malformed(why) => Refusal::from(RefusalCode::TokenMalformed).with_detail(why),
            TokenError::Algorithm => RefusalCode::TokenAlgorithm.into(),
            TokenError::Signature | TokenError::Key => RefusalCode::TokenSignature.into(),
            TokenError::Expired => RefusalCode::TokenExpired.into(),
            TokenError::TooEarly => RefusalCode::TokenNotYetValid.into(),
            TokenError::TooLarge(claim) => Refusal::from(RefusalCode::TokenTooLarge).with_param("claim", claim),
        }
    }
}

/// Makes a token of `claims` under `key`.
///
/// # Errors
/// [`TokenError::TooLarge`] for claims that the server would refuse, [`TokenError::Key`] without a key.
pub fn mint(key: &[u8], claims: &Claims) -> Result<String, TokenError> {
    check_bounds(claims)?;
    issue(key, None, claims)
}

/// Signs claims under `key`, whose id is `kid`.
pub(crate) fn issue<T: Serialize>(key: &[u8], kid: Option<&str>, claims: &T) -> Result<String, TokenError> {
    hs256::install();
    let key = EncodingKey::from_secret(key).map_err(|_| TokenError::Key)?;
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::HS256) };
    let token =
        jsonwebtoken::encode(&header, claims, &key).map_err(|_| TokenError::Malformed("it can't be written"))?;
    if token.len() > limits::TOKEN_BYTES { Err(TokenError::TooLarge("text")) } else { Ok(token) }
}

/// The token of a header and claims, whatever they say.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn sign(key: &[u8], header: &str, claims: &str) -> String {
    hs256::install();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = EncodingKey::from_secret(key)
        .and_then(|key| jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::HS256));
    format!("{signed}.{}", signature.unwrap_or_default())
}

/// The id of the key under which a token says that it is signed.
pub(crate) fn key_id(token: &str) -> Result<String, TokenError> {
    if token.len() > limits::TOKEN_BYTES {
        return Err(TokenError::TooLarge("text"));
    }
    hs256::install();
    let header = jsonwebtoken::decode_header(token).map_err(|error| refusal(token, &error))?;
    header.kid.ok_or(TokenError::Malformed("it names no key"))
}

/// What a token says whose signature is good, whenever that is.
pub(crate) fn decode<T: serde::de::DeserializeOwned + Clone>(key: &[u8], token: &str) -> Result<T, TokenError> {
    if token.len() > limits::TOKEN_BYTES {
        return Err(TokenError::TooLarge("text"));
    }
    hs256::install();
    let key = DecodingKey::from_secret(key).map_err(|_| TokenError::Key)?;
    let mut validation = Validation::new(Algorithm::HS256);
    // `exp` is required by the type, and both times are compared below: by the library they would be with the clock of the
    // system, whatever `now` is. `aud` names other services, of which this one knows nothing.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    Ok(jsonwebtoken::decode::<T>(token, &key, &validation).map_err(|error| refusal(token, &error))?.claims)
}

/// What a token says, if it is good at the time `now`.
pub(crate) fn verify(key: &[u8], token: &str, now: SystemTime) -> Result<Claims, TokenError> {
    let claims: Claims = decode(key, token)?;
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

/// What the library's error says about `token`.
fn refusal(token: &str, error: &jsonwebtoken::errors::Error) -> TokenError {
    let header = jsonwebtoken::decode_header(token);
    match error.kind() {
        ErrorKind::InvalidAlgorithm => TokenError::Algorithm,
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::Base64(_) => TokenError::Malformed("it is no base64url"),
        ErrorKind::Json(_) if header.is_ok() => {
            TokenError::Malformed("a claim is missing or of the wrong type; it needs exp")
        }
        // A header that the library can't use: its `alg` is none that it knows.
        ErrorKind::Json(_) if header_is_json(token) => TokenError::Algorithm,
        ErrorKind::Json(_) => TokenError::Malformed("its header is no JSON"),
        // `crit` names extensions that must be understood (RFC 7515 section 4.1.11).
        _ if header.is_ok_and(|header| header.crit.is_some()) => TokenError::Algorithm,
        _ => TokenError::Malformed("it is not made of three parts"),
    }
}

fn header_is_json(token: &str) -> bool {
    let header = token.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    header.is_some_and(|header| serde_json::from_slice::<Value>(&header).is_ok())
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

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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

    #[test]
    fn dates_may_have_a_fraction() {
        let verified = |claims: &str| verify(b"key", &sign(b"key", r#"{"alg":"HS256"}"#, claims), at(900));
        let claims = verified(r#"{"exp":1000.75,"nbf":899.5}"#).unwrap();
        assert_eq!((claims.exp, claims.nbf), (1_000, Some(899)));
        assert_eq!(verified(r#"{"exp":1e300,"nbf":null}"#).unwrap().exp, u64::MAX);
        assert_eq!(verified(r#"{"exp":869.9}"#), Err(TokenError::Expired));
        assert_eq!(verified(r#"{"exp":1000,"nbf":931.5}"#), Err(TokenError::TooEarly));
        for other in [r#"{"exp":-1}"#, r#"{"exp":-0.5}"#, r#"{"exp":"1000"}"#, r#"{"exp":null}"#, "{}", "[]", "1"] {
            assert!(matches!(verified(other), Err(TokenError::Malformed(_))), "{other}");
        }
    }

    #[test]
    fn other_algorithms_and_extensions_are_told_from_rubbish() {
        let verified = |header: &str| verify(b"key", &sign(b"key", header, r#"{"exp":1000}"#), at(900));
        assert!(verified(r#"{"alg":"HS256","typ":"JWT","kid":"1","x":[]}"#).is_ok());
        for header in [
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":7}"#,
            "{}",
            r#"{"alg":"HS256","crit":["x"]}"#,
            r#"{"alg":"HS256","crit":[]}"#,
        ] {
            assert_eq!(verified(header), Err(TokenError::Algorithm), "{header}");
        }
        for header in ["", "{", "x", "{\"alg\":\"HS256\"}x"] {
            assert!(matches!(verified(header), Err(TokenError::Malformed(_))), "{header}");
        }
        assert_eq!(verify(b"", "a.b.c", at(0)), Err(TokenError::Key));
        assert_eq!(mint(b"", &claims()), Err(TokenError::Key));
    }

    #[test]
    fn a_token_of_an_earlier_version_is_good() {
        // `confab-server token --sub ann --metadata '{"name":"Ann"}' --room 'team-*'` before it used a library.
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJleHAiOjQxMDI0NDQ4MDAsInBlZXJNZXRhZGF0YSI6eyJuYW1lIjoiQW5uIn0sInJvb21zIjpbInRlYW0tKiJdfQ.3IQUPdhX48QFwf6AUCxMlyh-Fz1UAmWr8lk4ZSPy3JA";
        let claims = verify(b"0123456789abcdef0123456789abcdef", token, at(1_000)).unwrap();
        assert_eq!((claims.sub.as_deref(), claims.exp), (Some("ann"), 4_102_444_800));
        assert_eq!(claims.rooms, Some(vec!["team-*".to_owned()]));
        assert_eq!(claims.peer_metadata, json!({ "name": "Ann" }).as_object().cloned());
    }
}
