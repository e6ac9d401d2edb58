//! Channel names, peer ids and patterns of channels.

use crate::limits;

/// Channels that only the service uses, in any case.
const RESERVED: [&str; 3] = ["_metered/", "_internal/", "_system/"];

/// True if `name` can be a channel: 1 to 256 bytes, no control characters.
pub(crate) fn is_channel(name: &str) -> bool {
    fits(name, limits::CHANNEL_BYTES)
}

/// True if `id` can be the id of a peer: 1 to 128 bytes, no control characters.
pub(crate) fn is_peer_id(id: &str) -> bool {
    fits(id, limits::ID_BYTES)
}

/// True if the service keeps the channel for itself.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

/// C0, DEL and C1 are what Unicode calls control characters.
fn fits(text: &str, max: usize) -> bool {
    !text.is_empty() && text.len() <= max && !text.chars().any(char::is_control)
}

/// A pattern of channel names, as in the claim `channels` of a token: `*` is any run without `/`, `**` any run, `\*` and
/// `\\` are themselves.
///
/// ```
/// use confab_metered::ChannelPattern;
///
/// assert!(ChannelPattern::new("room-*").matches("room-42"));
/// assert!(!ChannelPattern::new("room-*").matches("room-42/chat"));
/// assert!(ChannelPattern::new("team/**").matches("team/a/b"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Literal(char),
    /// Any run without `/`.
    Segment,
    /// Any run.
    Any,
}

impl ChannelPattern {
    /// Reads a pattern. A `\` before anything else stands for itself.
    pub fn new(pattern: &str) -> Self {
        let mut parts = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(char) = chars.next() {
            parts.push(match char {
                '\\' => Part::Literal(chars.next_if(|next| matches!(next, '*' | '\\')).unwrap_or('\\')),
                '*' if chars.next_if_eq(&'*').is_some() => Part::Any,
                '*' => Part::Segment,
                char => Part::Literal(char),
            });
        }
        Self { parts }
    }

    /// True if the pattern covers the whole of `name`. Takes time in proportion to both lengths.
    pub fn matches(&self, name: &str) -> bool {
        // The set of parts that may come next, moved on by each character.
        let mut at = vec![false; self.parts.len() + 1];
        at[0] = true;
        self.skip_runs(&mut at);
        for char in name.chars() {
            let mut next = vec![false; self.parts.len() + 1];
            for (index, part) in self.parts.iter().enumerate().filter(|(index, _)| at[*index]) {
                match part {
                    Part::Literal(literal) => next[index + 1] |= *literal == char,
                    Part::Segment => next[index] |= char != '/',
                    Part::Any => next[index] = true,
                }
            }
            self.skip_runs(&mut next);
            at = next;
        }
        at[self.parts.len()]
    }

    /// A run may be empty.
    fn skip_runs(&self, at: &mut [bool]) {
        for (index, part) in self.parts.iter().enumerate() {
            if at[index] && matches!(part, Part::Segment | Part::Any) {
                at[index + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_bounds() {
        assert!(is_channel("room-42") && is_channel(&"x".repeat(256)) && is_peer_id(&"x".repeat(128)));
        assert!(!is_channel("") && !is_channel(&"x".repeat(257)) && !is_peer_id(&"x".repeat(129)));
        for control in ["a\nb", "\u{7f}", "\u{85}"] {
            assert!(!is_channel(control) && !is_peer_id(control), "{control:?}");
        }
    }

    #[test]
    fn reserved_channels_are_known_in_any_case() {
        assert!(
            is_reserved("_metered/x")
                && is_reserved("_METERED/")
                && is_reserved("_Internal/a")
                && is_reserved("_system/")
        );
        assert!(!is_reserved("_metered") && !is_reserved("metered/") && !is_reserved("") && !is_reserved("_metéred/"));
    }

    #[test]
    fn patterns_cover_runs_and_literals() {
        let table = [
            ("room", "room", true),
            ("room", "room2", false),
            ("*", "", true),
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("a*c", "abbc", true),
            ("a*c", "ab/c", false),
            ("a/**/z", "a/b/c/z", true),
            ("a/**/z", "a/z", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            (r"a\\b", r"a\b", true),
            (r"a\b", r"a\b", true),
        ];
        for (pattern, name, covers) in table {
            assert_eq!(ChannelPattern::new(pattern).matches(name), covers, "{pattern} {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_its_length() {
        assert!(!ChannelPattern::new(&("*a".repeat(120) + "c")).matches(&"a".repeat(256)));
    }
}
