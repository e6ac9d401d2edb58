//! One device of one kind: which one is used, how it is opened, and what happens when it goes.

pub mod change;
pub mod opening;
pub mod preferred;
pub mod slot;
pub mod watched;
