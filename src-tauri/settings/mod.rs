//! What is remembered between two starts: one JSON file, written whole or not at all, by a task of its own.

mod file;
mod store;
mod writer;

pub use store::Store;
pub use writer::Save;
