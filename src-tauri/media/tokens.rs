//! One-time tokens: what lets a web view, and nothing else on this computer, open the media socket.

use rand::Rng;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a token can be used.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(30);
/// Tokens that wait for their use; with one more the oldest is void.
const OUTSTANDING: usize = 8;

/// The tokens that were given out and not used yet.
#[derive(Debug, Default)]
pub struct OneTimeTokens {
    outstanding: Mutex<VecDeque<(String, Instant)>>,
}

impl OneTimeTokens {
    /// A new token of 32 random bytes, as hexadecimal digits.
    pub fn issue(&self, now: Instant) -> String {
        let bytes: [u8; 32] = rand::rng().random();
        let token = bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        let mut outstanding = self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
        if outstanding.len() >= OUTSTANDING {
            outstanding.pop_front();
        }
        outstanding.push_back((token.clone(), now));
        token
    }

    /// True once for each token that is not older than [`TOKEN_LIFETIME`].
    pub fn redeem(&self, token: &str, now: Instant) -> bool {
        let mut outstanding = self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
        outstanding.retain(|(_, issued)| now.duration_since(*issued) < TOKEN_LIFETIME);
        let Some(index) = outstanding.iter().position(|(known, _)| known == token) else { return false };
        outstanding.remove(index);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_once() {
        let (tokens, now) = (OneTimeTokens::default(), Instant::now());
        let token = tokens.issue(now);
        assert_eq!(token.len(), 64);
        assert_ne!(token, tokens.issue(now));
        assert!(tokens.redeem(&token, now));
        assert!(!tokens.redeem(&token, now));
        assert!(!tokens.redeem("", now));
    }

    #[test]
    fn a_token_expires() {
        let (tokens, now) = (OneTimeTokens::default(), Instant::now());
        let token = tokens.issue(now);
        assert!(!tokens.redeem(&token, now + TOKEN_LIFETIME));
    }

    #[test]
    fn unused_tokens_are_bounded() {
        let (tokens, now) = (OneTimeTokens::default(), Instant::now());
        let all: Vec<_> = (0..=OUTSTANDING).map(|_| tokens.issue(now)).collect();
        assert!(!tokens.redeem(&all[0], now));
        assert!(all[1..].iter().all(|token| tokens.redeem(token, now)));
    }
}
