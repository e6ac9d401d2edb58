//! The chat.

pub mod conversation;
pub mod history;
