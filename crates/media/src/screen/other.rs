//! Systems whose screens are not captured yet.

use confab_protocol::ipc::ShareSource;
use confab_protocol::{ErrorCode, UserError};

use super::{ScreenBackend, ScreenStream};
use crate::source::ScreenSelector;
use crate::stop::Stop;

/// See the module.
#[derive(Debug)]
pub(crate) struct Native;

impl ScreenBackend for Native {
    fn list(_: bool) -> Result<Vec<ShareSource>, UserError> {
        Err(ErrorCode::ScreenUnsupported.into())
    }

    fn asks() -> bool {
        false
    }

    fn open(_: &ScreenSelector, _: u32, _: &Stop) -> Result<Box<dyn ScreenStream>, UserError> {
        Err(ErrorCode::ScreenUnsupported.into())
    }
}
