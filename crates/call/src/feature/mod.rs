//! What people do in a call beside seeing and hearing each other.

pub mod chat;
pub mod muted_speech;
