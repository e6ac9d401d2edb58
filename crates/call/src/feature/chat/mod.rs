//! The chat.

pub mod history;
