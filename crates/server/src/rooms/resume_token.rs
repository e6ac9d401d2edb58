//! Resume tokens: proof that a connection was a certain member of a certain room.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a token is good. Each join gives a new one.
const LIFETIME: Duration = Duration::from_hours(24);

/// Makes and checks tokens `<id>.<generation>.<expiry>.<HMAC-SHA-256 of these and the room, base64url>` (RFC 2104).
#[derive(Clone)]
pub(crate) struct ResumeTokens {
    mac: Hmac<Sha256>,
}

/// What a token proves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resumed {
    /// The id of the member.
    pub(crate) id: String,
    /// How many times it had come back when the token was given.
    pub(crate) generation: u32,
}

impl ResumeTokens {
    /// ResumeTokens under `secret`, or under 256 random bits.
    pub(crate) fn new(secret: Option<&[u8]>) -> Self {
        let random: [u8; 32] = rand::random();
        // HMAC takes keys of every length; the error type is that of the generic trait.
        #[allow(clippy::expect_used)]
        let mac = Hmac::new_from_slice(secret.unwrap_or(&random)).expect("HMAC takes a key of any length");
        Self { mac }
    }

    /// The token of a member of `room` at the time `now`.
    pub(crate) fn issue(&self, member: &Resumed, room: &str, now: SystemTime) -> String {
        let expiry = seconds(now).saturating_add(LIFETIME.as_secs());
        let says = format!("{}.{}.{expiry}", member.id, member.generation);
        let mac = URL_SAFE_NO_PAD.encode(self.mac(&says, room).finalize().into_bytes());
        format!("{says}.{mac}")
    }

    /// What a token of ours for `room` proves, if it is good at the time `now`.
    pub(crate) fn verify(&self, token: &str, room: &str, now: SystemTime) -> Option<Resumed> {
        let (says, mac) = token.rsplit_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        // Compares in constant time.
        self.mac(says, room).verify_slice(&mac).ok()?;
        let (rest, expiry) = says.rsplit_once('.')?;
        let (id, generation) = rest.rsplit_once('.')?;
        let good = expiry.parse::<u64>().ok()? > seconds(now);
        good.then_some(Resumed { id: id.to_owned(), generation: generation.parse().ok()? })
    }

    fn mac(&self, says: &str, room: &str) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        mac.update(&(says.len() as u64).to_be_bytes());
        mac.update(says.as_bytes());
        mac.update(room.as_bytes());
        mac
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Resumed {
        Resumed { id: "ann".into(), generation: 3 }
    }

    #[test]
    fn a_token_is_good_for_its_member_room_and_server_only() {
        let (tokens, now) = (ResumeTokens::new(Some(b"secret")), SystemTime::now());
        let token = tokens.issue(&ann(), "room", now);
        assert_eq!(tokens.verify(&token, "room", now), Some(ann()));
        assert_eq!(ResumeTokens::new(Some(b"secret")).verify(&token, "room", now), Some(ann()));
        assert_eq!(tokens.verify(&token, "another room", now), None);
        assert_eq!(tokens.verify(&token.replace("ann", "eve"), "room", now), None);
        assert_eq!(tokens.verify(&token.replace(".3.", ".4."), "room", now), None);
        assert_eq!(ResumeTokens::new(Some(b"other")).verify(&token, "room", now), None);
        assert_eq!(ResumeTokens::new(None).verify(&token, "room", now), None);
        for rubbish in ["", ".", "ann", "ann.", "ann.!", ".AAAA", "ann.3.9999999999.AAAA", "..."] {
            assert_eq!(tokens.verify(rubbish, "room", now), None, "{rubbish}");
        }
    }

    #[test]
    fn a_token_expires() {
        let (tokens, now) = (ResumeTokens::new(Some(b"secret")), SystemTime::now());
        let token = tokens.issue(&ann(), "room", now);
        assert!(tokens.verify(&token, "room", now + LIFETIME - Duration::from_secs(1)).is_some());
        assert_eq!(tokens.verify(&token, "room", now + LIFETIME), None);
        let (says, mac) = token.rsplit_once('.').unwrap();
        let later = format!("{}.99999999999.{mac}", says.rsplit_once('.').unwrap().0);
        assert_eq!(tokens.verify(&later, "room", now), None);
    }
}
