//! Linux and Windows: opening the device is the question.

use confab_wire::UserError;

use super::types::Permission;

/// See [`Permission`].
#[derive(Debug)]
pub(in crate::video::camera) struct Asker;

impl Permission for Asker {
    fn ask() -> Result<(), UserError> {
        Ok(())
    }
}
