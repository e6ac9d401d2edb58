//! Text of window properties, of every type in which programs write it.

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6};
use encoding_rs::{
    ISO_8859_7, ISO_8859_8, ISO_8859_10, ISO_8859_13, ISO_8859_14, ISO_8859_15, ISO_8859_16, WINDOWS_1254,
};

const ESC: u8 = 0x1B;
const CSI: u8 = 0x9B;
const STX: u8 = 0x02;

/// How the bytes of a property are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextType {
    /// `UTF8_STRING`.
    Utf8,
    /// `STRING`: Latin-1.
    Latin1,
    /// `COMPOUND_TEXT`: ISO 2022 in the form that the X Consortium gave it.
    Compound,
}

/// The text of a property; what can't be read in it is U+FFFD.
pub(super) fn decode(kind: TextType, bytes: &[u8]) -> String {
    match kind {
        TextType::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        TextType::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        TextType::Compound => Compound::default().decode(bytes),
    }
}

/// A set of characters that an escape sequence puts in place.
#[derive(Debug, Clone, Copy)]
enum Charset {
    /// ASCII below 0x80, Latin-1 above.
    Latin1,
    /// One byte each, 0xA0 to 0xFF.
    Single(&'static Encoding),
    /// Two bytes each, as in an EUC encoding.
    Double(&'static Encoding),
    /// The right half of JIS X 0201.
    Katakana,
    /// One that is not known.
    Unknown,
}

/// The state of a text while it is read.
#[derive(Debug)]
struct Compound {
    left: Charset,
    right: Charset,
}

impl Default for Compound {
    fn default() -> Self {
        Self { left: Charset::Latin1, right: Charset::Latin1 }
    }
}

impl Compound {
    fn decode(mut self, mut rest: &[u8]) -> String {
        let mut text = String::new();
        while let Some((&byte, after)) = rest.split_first() {
            rest = match byte {
                ESC => self.escape(after, &mut text),
                // A direction, up to its last byte.
                CSI => {
                    &after[after.iter().position(|end| (0x40..0x7F).contains(end)).map_or(after.len(), |at| at + 1)..]
                }
                0x21..=0x7E => character(self.left, byte, after, &mut text),
                0xA0..=0xFF => character(self.right, byte, after, &mut text),
                0x80..=0x9F => after,
                _ => {
                    text.push(char::from(byte));
                    after
                }
            };
        }
        text
    }

    /// What comes after an escape sequence; `rest` begins behind ESC.
    fn escape<'a>(&mut self, rest: &'a [u8], text: &mut String) -> &'a [u8] {
        match rest {
            [b'%', b'G', rest @ ..] => {
                let end = rest.windows(3).position(|part| part == [ESC, b'%', b'@']).unwrap_or(rest.len());
                text.push_str(&String::from_utf8_lossy(&rest[..end]));
                rest.get(end + 3..).unwrap_or_default()
            }
            [b'%', b'/', _, high, low, rest @ ..] => {
                let length = usize::from(high & 0x7F) * 128 + usize::from(low & 0x7F);
                let (segment, rest) = rest.split_at(length.min(rest.len()));
                text.push_str(&extended(segment));
                rest
            }
            [b'(', _, rest @ ..] => {
                self.left = Charset::Latin1;
                rest
            }
            [b')', set, rest @ ..] => {
                self.right = if *set == b'I' { Charset::Katakana } else { Charset::Unknown };
                rest
            }
            [b'-', set, rest @ ..] => {
                self.right = single(*set);
                rest
            }
            [b'$', b')', set, rest @ ..] => {
                self.right = double(*set);
                rest
            }
            [b'$', b'(', set, rest @ ..] | [b'$', set, rest @ ..] => {
                self.left = double(*set);
                rest
            }
            _ => {
                let end = rest.iter().position(|byte| !(0x20..0x30).contains(byte));
                end.and_then(|end| rest.get(end + 1..)).unwrap_or_default()
            }
        }
    }
}

/// Adds the character that begins with `byte`; returns what comes after it.
fn character<'a>(set: Charset, byte: u8, after: &'a [u8], text: &mut String) -> &'a [u8] {
    let mut add = |encoding: &'static Encoding, bytes: &[u8]| {
        text.push_str(&encoding.decode_without_bom_handling(bytes).0);
    };
    match (set, after) {
        (Charset::Latin1, _) => text.push(char::from(byte)),
        (Charset::Single(encoding), _) => add(encoding, &[byte]),
        (Charset::Double(encoding), [second @ (0x21..=0x7E | 0xA1..=0xFE), rest @ ..]) => {
            add(encoding, &[byte | 0x80, second | 0x80]);
            return rest;
        }
        (Charset::Katakana, _) if (0xA1..=0xDF).contains(&byte) => {
            text.extend(char::from_u32(0xFF61 + u32::from(byte - 0xA1)));
        }
        _ => text.push(char::REPLACEMENT_CHARACTER),
    }
    after
}

/// The 96 characters of a right half, by the last byte of their escape sequence.
fn single(set: u8) -> Charset {
    Charset::Single(match set {
        b'A' => return Charset::Latin1,
        b'B' => ISO_8859_2,
        b'C' => ISO_8859_3,
        b'D' => ISO_8859_4,
        b'F' => ISO_8859_7,
        b'G' => ISO_8859_6,
        b'H' => ISO_8859_8,
        b'L' => ISO_8859_5,
        // The right half of Latin-5.
        b'M' => WINDOWS_1254,
        b'V' => ISO_8859_10,
        b'Y' => ISO_8859_13,
        b'_' => ISO_8859_14,
        b'b' => ISO_8859_15,
        b'f' => ISO_8859_16,
        _ => return Charset::Unknown,
    })
}

/// Characters of two bytes, by the last byte of their escape sequence.
fn double(set: u8) -> Charset {
    Charset::Double(match set {
        b'A' => GBK,
        b'B' => EUC_JP,
        b'C' => EUC_KR,
        _ => return Charset::Unknown,
    })
}

/// A segment in an encoding of its own, which begins with the encoding's name.
fn extended(segment: &[u8]) -> String {
    let end = segment.iter().position(|byte| *byte == STX).unwrap_or(segment.len());
    let (name, bytes) = (&segment[..end], segment.get(end + 1..).unwrap_or_default());
    // As in a font's name: "big5-0".
    let label = name.strip_suffix(b"-0").unwrap_or(name);
    let encoding = Encoding::for_label(name).or_else(|| Encoding::for_label(label));
    encoding.map_or_else(
        || char::REPLACEMENT_CHARACTER.to_string(),
        |encoding| encoding.decode_without_bom_handling(bytes).0.into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compound(bytes: &[u8]) -> String {
        decode(TextType::Compound, bytes)
    }

    #[test]
    fn compound_text_is_read_in_every_script() {
        // As Xutf8TextListToTextProperty of libX11 writes them.
        for (bytes, text) in [
            (&b"xterm"[..], "xterm"),
            (b"caf\xE9", "caf\u{e9}"),
            (b"\x1B-L\xBF\xE0\xD8\xD2\xD5\xE2", "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}"),
            (b"\x1B-F\xE1\xE2\xE3 \x1B-A\xE9", "\u{3b1}\u{3b2}\u{3b3} \u{e9}"),
            (b"\x1B-B\xB1\xE6", "\u{105}\u{107}"),
            (b"\x1B$(B\x46\x7C\x4B\x5C\x1B(B ok", "\u{65e5}\u{672c} ok"),
            (b"\x1B$)A\xC4\xE3\xBA\xC3", "\u{4f60}\u{597d}"),
            (b"\x1B$(C\x47\x51\x31\x5B", "\u{d55c}\u{ae00}"),
            (b"\x1B)I\xB1\xB2", "\u{ff71}\u{ff72}"),
            (b"a\x1B%G\xF0\x9F\x98\x80\x1B%@b", "a\u{1f600}b"),
            (b"\x1B%/1\x80\x8Diso8859-15\x02\xA4!", "\u{20ac}!"),
            (b"\x9B2]right\x9B]", "right"),
        ] {
            assert_eq!(compound(bytes), text, "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_cut_or_unknown_neither_fails_nor_hides_the_rest() {
        assert_eq!(compound(b"\x1B-\x7Ea\xE9b"), "a\u{fffd}b");
        assert_eq!(compound(b"\x1B$(B\x46"), "\u{fffd}");
        let whole = b"a\x1B%/1\x80\x8Diso8859-15\x02\xA4!\x1B%G\xF0\x9F\x98\x80\x1B%@\x1B$)A\xC4\xE3\x9B2]";
        for end in 0..whole.len() {
            assert!(compound(&whole[..end]).chars().count() <= end);
        }
        for byte in 0..=u8::MAX {
            compound(&[ESC, byte, byte, byte]);
            compound(&[CSI, byte, ESC, b'%', b'/', byte, byte]);
        }
    }
}
