//! Linux and Windows: opening the device is the question.

use super::types::Permission;

use crate::error::Error;

/// See [`Permission`].
#[derive(Debug)]
pub(in crate::video::camera) struct PlatformPermission;

impl Permission for PlatformPermission {
    fn ask() -> Result<(), Error> {
        Ok(())
    }
}
