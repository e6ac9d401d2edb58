//! macOS: AVFoundation asks the person once per program.

use std::sync::mpsc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

use super::types::Permission;

/// See [`Permission`].
#[derive(Debug)]
pub(in crate::video::camera) struct PlatformPermission;

impl Permission for PlatformPermission {
    fn ask() -> Result<(), Error> {
        if nokhwa::nokhwa_check() {
            return Ok(());
        }
        let (answer, answered) = mpsc::sync_channel(1);
        nokhwa::nokhwa_initialize(move |allowed| drop(answer.try_send(allowed)));
        match answered.recv_timeout(Duration::from_secs(60)) {
            Ok(true) => Ok(()),
            _ => Err(Error::with_detail(ErrorKind::CameraFailed, "the camera is not allowed in the system settings")),
        }
    }
}
