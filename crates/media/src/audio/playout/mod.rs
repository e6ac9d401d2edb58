//! From the packets of one peer to its sound: jitter buffer, decoder, concealment.

pub(crate) mod fec;
pub(crate) mod jitter_buffer;
pub(crate) mod payload;
pub(crate) mod peer;
#[cfg(test)]
mod quality_tests;
