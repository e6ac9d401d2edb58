//! VP8 encoding: spatial layers, temporal layers, sizes.

pub(crate) mod encoder;
mod layer;
mod size;
pub(crate) mod temporal;
