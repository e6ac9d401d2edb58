//! Patterns of channel names, as a token has them: `*` is any run without `/`, `**` any run, `\*` and `\\` are themselves.

/// A part of a pattern.
enum Part {
    Char(char),
    /// Any run; with `/` in it or not.
    Run(bool),
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '\\' if matches!(chars.peek(), Some('*' | '\\')) => Part::Char(chars.next().unwrap_or(c)),
            '*' => Part::Run(chars.next_if_eq(&'*').is_some()),
            c => Part::Char(c),
        });
    }
    parts
}

/// True if `pattern` stands for `name`. It takes as much time as both are long, times each other, and never more.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // Whether the parts so far stand for the first `n` characters.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for part in parts(pattern) {
        match part {
            Part::Char(expected) => {
                for n in (0..name.len()).rev() {
                    reached[n + 1] = reached[n] && name[n] == expected;
                }
                reached[0] = false;
            }
            Part::Run(slashes) => {
                for n in 0..name.len() {
                    reached[n + 1] |= reached[n] && (slashes || name[n] != '/');
                }
            }
        }
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_stop_at_slashes_unless_they_are_doubled() {
        for (pattern, name, expected) in [
            ("room", "room", true),
            ("room", "rooms", false),
            ("room-*", "room-42", true),
            ("room-*", "room-", true),
            ("room-*", "room-a/b", false),
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/*/z", "a/b/c/z", false),
            ("*-é", "ü-é", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            (r"a\\*", r"a\x", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        let pattern = "*a".repeat(128);
        assert!(!matches(&pattern, &"a".repeat(127)) && matches(&pattern, &"a".repeat(256)));
    }
}
