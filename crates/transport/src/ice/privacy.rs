//! With the relay policy no address of this computer leaves it: neither as a candidate, nor as what a relayed
//! candidate says it is related to. RFC 8828 section 5.3 and W3C webrtc-pc section 4.8.1 want the same of browsers.

use std::borrow::Cow;

/// A candidate line whose related address (RFC 8839 section 5.1) says nothing; `None` if the candidate is not relayed.
pub(crate) fn hide_related_address(candidate: &str) -> Option<String> {
    let words: Vec<&str> = candidate.split_ascii_whitespace().collect();
    let value = |name: &str| words.iter().position(|word| *word == name).map(|at| at + 1);
    if words.get(value("typ")?) != Some(&"relay") {
        return None;
    }
    let (address, port) = (value("raddr"), value("rport"));
    let hidden = words.iter().enumerate().map(|(index, word)| {
        if Some(index) == address {
            if word.contains(':') { "::" } else { "0.0.0.0" }
        } else if Some(index) == port {
            "0"
        } else {
            word
        }
    });
    Some(hidden.collect::<Vec<_>>().join(" "))
}

/// A description without candidates but relayed ones, and those without related addresses.
pub(crate) fn hide_addresses(sdp: &str) -> String {
    let mut hidden = String::with_capacity(sdp.len());
    for line in sdp.split_inclusive('\n') {
        let text = line.trim_end();
        let kept = match text.strip_prefix("a=candidate:") {
            None => Some(Cow::Borrowed(text)),
            Some(candidate) => hide_related_address(candidate).map(|line| Cow::Owned(format!("a=candidate:{line}"))),
        };
        if let Some(kept) = kept {
            hidden.push_str(&kept);
            hidden.push_str(&line[text.len()..]);
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELAY: &str = "candidate:1 1 udp 1 203.0.113.9 50000 typ relay raddr 192.168.1.5 rport 40000";

    #[test]
    fn a_relayed_candidate_is_related_to_nothing() {
        let hidden = hide_related_address(RELAY).unwrap();
        assert_eq!(hidden, "candidate:1 1 udp 1 203.0.113.9 50000 typ relay raddr 0.0.0.0 rport 0");
        let v6 = "candidate:1 1 udp 1 2001:db8::1 5 typ relay raddr fd00::1 rport 4 ufrag x";
        assert!(hide_related_address(v6).unwrap().ends_with("raddr :: rport 0 ufrag x"));
    }

    #[test]
    fn other_candidates_are_not_told() {
        assert_eq!(hide_related_address("candidate:1 1 udp 1 192.168.1.5 40000 typ host"), None);
        assert_eq!(hide_related_address(""), None);
        let sdp =
            format!("v=0\r\na={RELAY}\r\na=candidate:2 1 udp 9 192.168.1.5 40000 typ host\r\na=end-of-candidates\r\n");
        let hidden = hide_addresses(&sdp);
        assert!(!hidden.contains("192.168.1.5"), "{hidden}");
        assert!(hidden.starts_with("v=0\r\na=candidate:1 ") && hidden.ends_with("rport 0\r\na=end-of-candidates\r\n"));
    }
}
