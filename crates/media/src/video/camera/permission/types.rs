//! The trait of a platform's permission.

use crate::error::Error;

/// A platform's way to ask.
pub(in crate::video::camera) trait Permission {
    /// Asks if it has to be asked; blocks until the person has answered, a minute at most. Fails with `CameraFailed`.
    fn ask() -> Result<(), Error>;
}
