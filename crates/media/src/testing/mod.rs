//! The test picture, and how to measure what became of it.

pub(crate) mod comparison;
pub mod pattern;
