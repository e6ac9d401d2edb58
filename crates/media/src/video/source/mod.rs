//! Sources of pictures. Cameras and screens have folders of their own.

mod clip;
pub(crate) mod open;
pub(crate) mod pacer;
mod pattern;
