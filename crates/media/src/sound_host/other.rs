//! Windows and macOS: one sound system each, always there.

use confab_protocol::{ErrorCode, UserError};

use super::SoundHost;

/// See [`SoundHost`].
#[derive(Debug)]
pub(crate) struct Platform;

impl SoundHost for Platform {
    fn open() -> Result<(cpal::Host, bool), UserError> {
        let first = cpal::ALL_HOSTS.first().ok_or(ErrorCode::NoSoundServer)?;
        let host = cpal::host_from_id(*first);
        host.map(|host| (host, false)).map_err(|error| UserError::with_detail(ErrorCode::NoSoundServer, error))
    }

    fn is_microphone(_: &[Option<String>; 2]) -> bool {
        true
    }
}
