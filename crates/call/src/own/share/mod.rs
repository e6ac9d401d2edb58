//! What one shares: a picture, and the sound beside it.

pub mod sharing;
pub mod sound;
