//! What one sends and hears with: microphone, camera, speaker, and what one shares.

pub mod camera;
pub mod device;
pub mod devices;
pub mod microphone;
pub mod preview;
pub mod rehearsal;
pub mod send;
pub mod share;
pub mod speaker;
