//! What nokhwa leaves out, by platform.

use nokhwa::Camera;
use nokhwa::utils::{CameraIndex, CameraInfo};

use super::CameraStream;
use super::refusal::Refusal;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(super) use linux::Platform;
#[cfg(not(target_os = "linux"))]
pub(super) use other::Platform;

/// A platform's way to list cameras and to get their pictures.
pub(super) trait CameraSystem {
    /// The nodes there are.
    fn listed() -> Result<Vec<CameraInfo>, Refusal>;

    /// The piece of hardware behind a node: several nodes may share one. `None` where each node is a camera.
    fn unit(index: &CameraIndex) -> Option<String>;

    /// Sees to it that nokhwa can open the node.
    fn prepare(index: &CameraIndex) -> Result<(), Refusal>;

    /// Begins to stream in the mode that `camera` is set to.
    fn stream(camera: Camera) -> Result<Box<dyn CameraStream>, Refusal>;
}
