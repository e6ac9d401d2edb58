//! The chat.

pub mod conversation;
pub mod history;
#[cfg(test)]
mod history_tests;
