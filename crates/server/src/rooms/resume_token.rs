//! Resume tokens: proof that a connection was a certain member of a certain room.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Makes and checks tokens `<id>.<HMAC-SHA-256 of id and room, base64url>` (RFC 2104).
#[derive(Clone)]
pub(crate) struct ResumeTokens {
    mac: Hmac<Sha256>,
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

    /// The token of member `id` of `room`.
    pub(crate) fn issue(&self, id: &str, room: &str) -> String {
        format!("{id}.{}", URL_SAFE_NO_PAD.encode(self.mac(id, room).finalize().into_bytes()))
    }

    /// The member id of a token of ours for `room`.
    pub(crate) fn verify(&self, token: &str, room: &str) -> Option<String> {
        let (id, mac) = token.rsplit_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        // Compares in constant time.
        self.mac(id, room).verify_slice(&mac).ok()?;
        Some(id.to_owned())
    }

    fn mac(&self, id: &str, room: &str) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        mac.update(&(id.len() as u64).to_be_bytes());
        mac.update(id.as_bytes());
        mac.update(room.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_member_room_and_server_only() {
        let tokens = ResumeTokens::new(Some(b"secret"));
        let token = tokens.issue("ann", "room");
        assert_eq!(tokens.verify(&token, "room").as_deref(), Some("ann"));
        assert_eq!(ResumeTokens::new(Some(b"secret")).verify(&token, "room").as_deref(), Some("ann"));
        assert_eq!(tokens.verify(&token, "another room"), None);
        assert_eq!(tokens.verify(&token.replace("ann", "eve"), "room"), None);
        assert_eq!(ResumeTokens::new(Some(b"other")).verify(&token, "room"), None);
        assert_eq!(ResumeTokens::new(None).verify(&token, "room"), None);
        for rubbish in ["", ".", "ann", "ann.", "ann.!", ".AAAA"] {
            assert_eq!(tokens.verify(rubbish, "room"), None, "{rubbish}");
        }
    }
}
