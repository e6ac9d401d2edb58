//! The trait behind which each platform's cameras stand.

use nokhwa::Camera;
use nokhwa::utils::{CameraIndex, CameraInfo};

use crate::video::camera::open_error::OpenError;
use crate::video::camera::types::CameraStream;

/// A platform's way to list cameras and to get their pictures.
pub(in crate::video::camera) trait CameraSystem {
    /// The nodes there are.
    fn listed() -> Result<Vec<CameraInfo>, OpenError>;

    /// The piece of hardware behind a node: several nodes may share one. `None` where each node is a camera.
    fn unit(index: &CameraIndex) -> Option<String>;

    /// Sees to it that nokhwa can open the node.
    fn prepare(index: &CameraIndex) -> Result<(), OpenError>;

    /// Begins to stream in the mode that `camera` is set to.
    fn stream(camera: Camera) -> Result<Box<dyn CameraStream>, OpenError>;
}
