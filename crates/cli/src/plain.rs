//! Text of others on a terminal: nothing in it moves the cursor, begins a line or turns the direction of what stands beside it.

use serde_json::Value;

/// True for what a terminal obeys instead of showing it, and for what hides or turns around what is shown (Unicode Technical
/// Report 36): control characters, line and paragraph separators, bidirectional overrides, embeddings and isolates, tags.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
        || matches!(c, '\u{E0000}'..='\u{E007F}')
}

/// `text` as one line, in which such characters stand as escapes: `\n`, `\u{202e}`.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// An object as one line of JSON, in which such characters stand as JSON's escapes: a terminal may show it, too.
pub fn json_line(object: &Value) -> String {
    let text = object.to_string();
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| line.push_str(&format!("\\u{unit:04x}")));
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HOSTILE: &str = "a\r\nAnn: b\x1b[2Jc\u{9b}31md\u{7f}\u{85}e\u{2028}f\u{202e}g\u{2066}h\u{feff}\u{e0041}\0";

    #[test]
    fn a_text_is_one_line_that_the_terminal_does_not_obey() {
        let line = one_line(HOSTILE);
        assert!(line.starts_with(r"a\r\nAnn: b\u{1b}[2Jc\u{9b}31md"), "{line}");
        assert!(!line.chars().any(is_obeyed), "{line}");
        let good = "Zoë: naïve 👩‍👩‍👧 שלום \u{200f}مرحبا C:\\new";
        assert_eq!(one_line(good), good);
    }

    #[test]
    fn an_object_is_one_line_that_says_the_same() {
        let object = json!({ "text": HOSTILE, "name": "👩‍👩‍👧" });
        let line = json_line(&object);
        assert!(!line.chars().any(is_obeyed), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), object);
    }
}
