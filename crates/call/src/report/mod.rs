//! What the window is told.

pub mod reports;
