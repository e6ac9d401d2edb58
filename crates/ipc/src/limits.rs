//! Limits that the user interface keeps, too: written to `ui/src/backend/limits.ts` by `make types`.

use crate::{FULL_VOLUME, MAX_VOLUME, frame};
use confab_wire::limits;

/// Name, value and meaning of each.
pub(crate) const LIMITS: &[(&str, u64, &str)] = &[
    ("nameChars", limits::NAME_CHARS as u64, "Longest display name, in characters."),
    ("chatChars", limits::CHAT_CHARS as u64, "Longest chat message, in characters."),
    ("chatHistory", limits::CHAT_HISTORY as u64, "Chat messages kept; the oldest go first."),
    ("picturePixels", limits::PICTURE_PIXELS as u64, "Most pixels of one received picture."),
    ("maxVolume", MAX_VOLUME as u64, "Greatest volume of a participant, in percent."),
    ("fullVolume", FULL_VOLUME as u64, "Volume of a participant whom nobody made louder or quieter, in percent."),
    ("frameVersion", frame::VERSION as u64, "Version of the media socket's frame header."),
    ("frameHeaderBytes", frame::HEADER_BYTES as u64, "Length of that header, in bytes."),
    (
        "maxRenderedPixels",
        u16::MAX as u64,
        "Greatest width or height that a `rendered-size` request can say, in pixels.",
    ),
    ("selfTrack", frame::SELF_TRACK as u64, "Handle of the own preview on the media socket."),
];
