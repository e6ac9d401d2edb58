//! Display names: what a person may call themselves, and what is shown of a name that somebody else sent.
//!
//! Two names that are drawn alike should be the same text. So a name has one spelling (NFKC: no full-width and no mathematical
//! letters), no characters that show nothing, and no word that mixes alphabets (Unicode Technical Standard 39).

use crate::{limits, text::is_invisible};
use icu_properties::CodePointSetData;
use icu_properties::props::{EmojiModifier, ExtendedPictographic};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::{MixedScript, RestrictionLevel, RestrictionLevelDetection};

/// Most marks over and under one letter. Vietnamese has two, vocalized Hebrew and Arabic three.
const MARKS: usize = 4;
/// Characters of a name of others that are looked at: what is cut off would not be shown.
const LOOKED_AT: usize = 8 * limits::NAME_CHARS;

/// Why a text is no display name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No text at all.
    #[error("the name is empty")]
    Empty,
    /// Over [`limits::NAME_CHARS`].
    #[error("the name is too long")]
    TooLong,
    /// Line breaks and other control characters.
    #[error("the name has control characters")]
    Control,
    /// Nothing but characters that show nothing.
    #[error("the name shows nothing")]
    Invisible,
    /// This word mixes alphabets that look alike.
    #[error("\"{0}\" mixes alphabets")]
    MixedScripts(String),
}

/// Checks a name that a person chose for themselves. The answer is the name as it is sent to others: one space between words,
/// without what shows nothing.
///
/// # Errors
/// [`NameError`] if others would see no name, or a name that looks like another one.
pub fn parse(text: &str) -> Result<String, NameError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.chars().nth(LOOKED_AT).is_some() {
        return Err(NameError::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::Control);
    }
    let name = visible(text);
    if !shows_something(&name) {
        return Err(NameError::Invisible);
    }
    if name.chars().count() > limits::NAME_CHARS {
        return Err(NameError::TooLong);
    }
    let mixed = words(&name).find(|word| mixes_scripts(word)).map(str::to_owned);
    match mixed {
        Some(word) => Err(NameError::MixedScripts(word)),
        None => Ok(name),
    }
}

/// What is shown of a name that somebody else sent: one line, bounded, without what shows nothing. `None` if that leaves
/// nothing.
pub fn shown(text: &str) -> Option<String> {
    let text: String = text.chars().take(LOOKED_AT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut: String = visible(&text).chars().take(limits::NAME_CHARS).collect();
    let name = cut.trim();
    shows_something(name).then(|| name.to_owned())
}

/// True if two different names are drawn alike (the skeletons of Unicode Technical Standard 39, section 4).
pub fn look_alike(one: &str, other: &str) -> bool {
    one != other && unicode_security::skeleton(one).eq(unicode_security::skeleton(other))
}

/// Most passes over a name: what is left out may have kept a letter from its mark.
const PASSES: usize = 4;

/// The text in its one spelling, with one space between words.
fn visible(text: &str) -> String {
    let mut name = pass(text);
    for _ in 1..PASSES {
        let next = pass(&name);
        if next == name {
            break;
        }
        name = next;
    }
    name
}

fn pass(text: &str) -> String {
    let mut name = String::new();
    let mut marks = 0;
    let mut rest = text.nfkc().peekable();
    while let Some(c) = rest.next() {
        let before = name.chars().next_back();
        if c.is_whitespace() {
            if before.is_some_and(|before| before != ' ') {
                name.push(' ');
            }
            continue;
        }
        if is_invisible(c) && !joins(before, c, rest.peek().copied()) {
            continue;
        }
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        if marks <= MARKS {
            name.push(c);
        }
    }
    name.truncate(name.trim_end().len());
    name
}

/// True if a character that shows nothing changes how its neighbours are drawn, in the places where spelling needs that: between
/// letters of scripts whose letters join (RFC 5892 appendix A), and in emoji.
fn joins(before: Option<char>, c: char, after: Option<char>) -> bool {
    let (Some(before), after) = (before, after.unwrap_or(' ')) else { return false };
    let pictograph = |c| CodePointSetData::new::<ExtendedPictographic>().contains(c);
    match c {
        '\u{200c}' => joining_letter(before) && joining_letter(after),
        '\u{200d}' => {
            let drawn =
                pictograph(before) || before == '\u{fe0f}' || CodePointSetData::new::<EmojiModifier>().contains(before);
            (drawn && pictograph(after)) || (joining_letter(before) && joining_letter(after))
        }
        '\u{fe0e}' | '\u{fe0f}' => pictograph(before) || after == '\u{20e3}',
        _ => false,
    }
}

/// A letter of a script in which joiners are part of the spelling.
fn joining_letter(c: char) -> bool {
    let joins = matches!(
        c.script(),
        Script::Arabic
            | Script::Syriac
            | Script::Nko
            | Script::Devanagari
            | Script::Bengali
            | Script::Gurmukhi
            | Script::Gujarati
            | Script::Oriya
            | Script::Tamil
            | Script::Telugu
            | Script::Kannada
            | Script::Malayalam
            | Script::Sinhala
            | Script::Khmer
            | Script::Myanmar
            | Script::Tibetan
    );
    joins && !is_invisible(c)
}

/// True unless there is nothing to see but marks on nothing.
fn shows_something(name: &str) -> bool {
    name.chars().any(|c| !c.is_whitespace() && !is_combining_mark(c) && !is_invisible(c))
}

/// Runs of letters.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_alphabetic() && !is_combining_mark(c)).filter(|word| !word.is_empty())
}

/// True if the letters are of several alphabets, which is not usual anywhere: Latin beside Chinese, Japanese or Korean is.
fn mixes_scripts(word: &str) -> bool {
    !word.is_single_script() && !word.check_restriction_level(RestrictionLevel::ModeratelyRestrictive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_scripts_stay_as_they_are() {
        for name in [
            "Ann",
            "Ana Ruiz",
            "O'Neil-Smith Jr.",
            "Зоя Иванова",
            "Ελένη",
            "李小龙",
            "山田太郎 Taro",
            "김영희",
            "محمد",
            "नमस्ते",
            "شهرزاد می\u{200c}خواهد",
            "Nguyễn Thị Hương",
            "R2-D2",
            "Ben 👩\u{200d}💻",
            "❤\u{fe0f}",
            "x",
            "?",
        ] {
            assert_eq!(parse(name).as_deref(), Ok(name));
            assert_eq!(shown(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn names_that_show_nothing_are_refused_and_not_shown() {
        let fillers = ["\u{3164}", "\u{115f}", "\u{1160}", "\u{ffa0}", "\u{2800}", "\u{1d159}"];
        let zero_width = ["\u{200b}", "\u{200c}", "\u{200d}", "\u{2060}", "\u{feff}", "\u{ad}", "\u{34f}", "\u{180e}"];
        let controls = ["\u{202e}", "\u{200f}", "\u{61c}", "\u{2066}", "\u{206f}", "\u{fff9}"];
        let others =
            ["\u{e0041}\u{e0042}", "\u{fe0f}", "\u{e0100}", "\u{e000}", "\u{301}", "\u{3164} \u{200b}\u{3164}"];
        for name in [&fillers[..], &zero_width, &controls, &others].concat() {
            assert_eq!(parse(name), Err(NameError::Invisible), "{name:?}");
            assert_eq!(shown(name), None, "{name:?}");
        }
        for name in ["", " ", "\u{a0}", "\u{3000}"] {
            assert_eq!(parse(name), Err(NameError::Empty), "{name:?}");
            assert_eq!(shown(name), None, "{name:?}");
        }
    }

    #[test]
    fn what_shows_nothing_is_left_out_and_one_name_has_one_spelling() {
        for name in [
            "Ann Lee",
            " Ann  Lee ",
            "Ann\u{a0}Lee",
            "A\u{200b}nn Lee\u{3164}",
            "\u{202e}Ann Lee",
            "Ann\u{e0041}\u{e007f} Lee",
            "Ａｎｎ Ｌｅｅ",
            "𝐀𝐧𝐧 𝐋𝐞𝐞",
            "Ann\u{fe0f} Le\u{200d}e",
        ] {
            assert_eq!(parse(name).as_deref(), Ok("Ann Lee"), "{name:?}");
            assert_eq!(shown(name).as_deref(), Some("Ann Lee"), "{name:?}");
        }
        assert_eq!(parse("e\u{301}").as_deref(), Ok("é"));
        assert_eq!(parse("e\u{200b}\u{301}").as_deref(), Ok("é"));
        assert_eq!(parse(&format!("Z{}", "\u{336}".repeat(50))).unwrap().chars().count(), 1 + MARKS);
    }

    #[test]
    fn words_that_mix_alphabets_are_refused() {
        for name in ["Аnn", "Ann Вen", "Pаul", "Sοfia", "Οlga", "Ꭺnn"] {
            assert!(matches!(parse(name), Err(NameError::MixedScripts(_))), "{name}");
            assert!(shown(name).is_some(), "{name}");
        }
    }

    #[test]
    fn lines_and_long_names_are_refused_and_cut() {
        for name in ["a\nb", "a\tb", "\u{1b}[31mAnn", "Ann\u{85}x"] {
            assert_eq!(parse(name), Err(NameError::Control), "{name:?}");
        }
        assert_eq!(shown("a\r\nb").as_deref(), Some("a b"));
        assert_eq!(parse(&"x".repeat(limits::NAME_CHARS + 1)), Err(NameError::TooLong));
        // One character that stands for eighteen.
        assert_eq!(parse(&"\u{fdfa}".repeat(10)), Err(NameError::TooLong));
        for long in ["x".repeat(100_000), "\u{fdfa}".repeat(1_000), "x ".repeat(1_000)] {
            assert!(shown(&long).unwrap().chars().count() <= limits::NAME_CHARS);
        }
    }

    #[test]
    fn names_that_look_alike_are_told_from_others() {
        for (one, other) in [("Ann", "Аnn"), ("Iris", "lris"), ("Вера", "Bepa")] {
            assert!(look_alike(one, other), "{one} {other}");
        }
        for (one, other) in [("Ann", "Ann"), ("Ann", "Anna"), ("Ann", "ann")] {
            assert!(!look_alike(one, other), "{one} {other}");
        }
    }
}
