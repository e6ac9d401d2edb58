//! The devices of this computer at this moment.

use std::time::Duration;

use crate::devices::types::DeviceList;

use crate::audio::device::list::CachedHost;
use crate::error::{Error, ErrorKind};
use crate::video::camera;

/// How long the systems may take to name their devices.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);

/// The devices there are. A computer without a sound server or without cameras has none of them; that is no error. Fails
/// with `Internal` if the systems do not answer within five seconds.
pub async fn list_devices() -> Result<DeviceList, Error> {
    let listed = tokio::task::spawn_blocking(|| look(&mut CachedHost::default()));
    match tokio::time::timeout(LIST_TIMEOUT, listed).await {
        Ok(Ok(list)) => Ok(list),
        Ok(Err(error)) => Err(Error::with_detail(ErrorKind::Internal, error)),
        Err(_) => {
            let detail = format!("no list of devices in {} s", LIST_TIMEOUT.as_secs());
            Err(Error::with_detail(ErrorKind::Internal, detail))
        }
    }
}

/// Asks the systems. Blocks.
pub(super) fn look(sound: &mut CachedHost) -> DeviceList {
    let mut list = with_cameras(DeviceList::default());
    sound.list(&mut list);
    list
}

/// `list` with the cameras there are. Blocks.
pub(super) fn with_cameras(list: DeviceList) -> DeviceList {
    let cameras = camera::list();
    DeviceList { default_camera: cameras.first().map(|camera| camera.id.clone()), cameras, ..list }
}
