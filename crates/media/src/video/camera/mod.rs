//! Cameras: which there are, opening one, its pictures as I420.

mod convert;
mod huffman;
mod nodes;
mod open;
mod open_error;
mod permission;
mod platform;
mod source;
mod types;

pub(crate) use open::list;
pub(crate) use source::open;
