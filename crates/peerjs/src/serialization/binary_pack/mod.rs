//! BinaryPack: MessagePack with other types for strings and bytes (npm's `peerjs-js-binarypack`).
//!
//! Where the code of npm writes or reads a number wrong, this writes what it reads right, and reads what it writes.

mod decode;
mod encode;

pub(crate) use decode::decode;
pub(crate) use encode::{bytes_header, encode};

#[cfg(test)]
mod tests;
