//! VP8 encoding: spatial layers (the ladder), temporal layers, sizes.

pub(crate) mod encoder;
mod layer;
mod size;
pub(crate) mod temporal;
