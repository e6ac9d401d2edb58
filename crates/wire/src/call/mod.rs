//! What a Confab call says over rtc.io: application events on `ctrl` and beside streams.
//!
//! The names are those of rtc.io's own documentation and demo application, so that a page made with the stock library
//! understands us: `camera` carries a stream, `media-state` mic and camera, `chat` a message, `chat-history` earlier ones.

mod chat;
mod media_state;
mod streams;

pub use chat::{CHAT, CHAT_HISTORY, ChatMessage, clean_chat_text, is_chat_text};
pub use media_state::{MEDIA_STATE, MediaState};
pub use streams::{CAMERA, SCREEN};
