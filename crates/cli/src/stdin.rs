//! Lines of standard input, read on a thread of their own: a blocking read cannot be cancelled.

use confab_wire::limits;
use std::io::{BufRead, Read};
use tokio::sync::mpsc;

/// Lines that wait to be sent; the reader waits when it is full.
const LINES: usize = 64;
/// Bytes that are read of a line: more than a message can have.
const LINE_BYTES: usize = 8 * limits::CHAT_CHARS;

/// A line of standard input that holds something to say.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// As it was written.
    Text(String),
    /// It was not UTF-8: with U+FFFD in place of what can't be read.
    Mended(String),
    /// Longer than any message.
    TooLong,
}

/// Lines of standard input. Ends with the input.
pub fn lines() -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(LINES);
    let read = move || {
        let mut input = std::io::stdin().lock();
        while let Ok(Some(line)) = next(&mut input) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("stdin".into()).spawn(read) {
        tracing::error!(%error, "standard input is not read");
    }
    lines
}

/// The next line that is not blank; `None` at the end.
fn next(input: &mut impl BufRead) -> std::io::Result<Option<Line>> {
    loop {
        let mut bytes = Vec::new();
        if input.by_ref().take(LINE_BYTES as u64).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        if bytes.len() == LINE_BYTES && !bytes.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            return Ok(Some(Line::TooLong));
        }
        let line = match String::from_utf8(bytes) {
            Ok(text) => Line::Text(trimmed(&text).to_owned()),
            Err(error) => Line::Mended(trimmed(&String::from_utf8_lossy(error.as_bytes())).to_owned()),
        };
        if !matches!(&line, Line::Text(text) if text.trim().is_empty()) {
            return Ok(Some(line));
        }
    }
}

/// Without the end of the line, and the mark that some editors put at the beginning of a file.
fn trimmed(line: &str) -> &str {
    line.trim_start_matches('\u{FEFF}').trim_end_matches('\n').trim_end_matches('\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Vec<Line> {
        let mut input = input;
        std::iter::from_fn(|| next(&mut input).unwrap()).collect()
    }

    #[test]
    fn no_line_ends_the_input_but_its_end() {
        let text = |text: &str| Line::Text(text.to_owned());
        let long = [b'x'; 3 * LINE_BYTES];
        let input = [&b"\xEF\xBB\xBFfirst\r\n\n  \ncaf\xE9\nlong "[..], &long, b"\na\0b\x0Cc\nlast"].concat();
        let expected = vec![
            text("first"),
            Line::Mended("caf\u{FFFD}".to_owned()),
            Line::TooLong,
            text("a\0b\u{c}c"),
            text("last"),
        ];
        assert_eq!(all(&input), expected);
        assert_eq!(all(b""), []);
        assert_eq!(all(b"\n\r\n"), []);
    }

    #[test]
    fn a_message_of_the_longest_kind_is_read_whole() {
        let longest = "\u{1F600}".repeat(limits::CHAT_CHARS);
        assert_eq!(all(longest.as_bytes()), [Line::Text(longest.clone())]);
    }
}
