//! What people do in a call beside hearing and seeing each other. [`hooks`] says how to add something.

pub mod chat;
pub mod hooks;
pub mod media_state;
pub mod muted_speech;
pub mod registry;
