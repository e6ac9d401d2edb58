//! Pictures: from a camera, screen, file or pattern to encoded frames, and back.

pub(crate) mod camera;
pub(crate) mod capture;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod i420;
pub(crate) mod screen;
pub(crate) mod source;
pub(crate) mod types;
pub(crate) mod vpx;
