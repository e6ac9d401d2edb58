//! Characters that nobody sees, which a text of others is cleaned of.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Characters of a visible category that are drawn as nothing: a Braille cell without dots, a note without a head.
const BLANK: [char; 2] = ['\u{2800}', '\u{1d159}'];

/// True if a character shows nothing by itself and is no white space: zero width, bidirectional controls, fillers, tags,
/// variation selectors, control characters, and what is assigned to nothing.
pub(crate) fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    // Line and paragraph separators, as control characters, break a line of text.
    let unseen = matches!(
        CodePointMapData::<GeneralCategory>::new().get(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    );
    unseen || BLANK.contains(&c) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}
