//! Devices, screens and windows to choose from, as the types that cross to the window.

use crate::errors::user_error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use confab_ipc::{Device, DeviceList, ShareKind, ShareSource, UserError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// How long a list that is known may take to reach its receivers.
const PUBLISHED: Duration = Duration::from_secs(1);

/// The devices there are. Fails with `Internal` if the systems do not answer within five seconds.
pub async fn list_devices() -> Result<DeviceList, UserError> {
    confab_media::list_devices().await.map(device_list).map_err(user_error)
}

/// The screens and windows that can be shared, screens first. Blocks, for some milliseconds each if thumbnails are wanted.
/// Fails with `ScreenUnsupported` or `ScreenFailed`.
pub fn list_screens(thumbnails: bool) -> Result<Vec<ShareSource>, UserError> {
    let listed = confab_media::list_screens(thumbnails).map_err(user_error)?;
    Ok(listed.into_iter().map(share_source).collect())
}

/// The list of devices, kept up to date while a clone of this is alive.
#[derive(Debug, Clone)]
pub struct DeviceLists {
    watch: confab_media::DeviceWatch,
    list: watch::Receiver<Option<DeviceList>>,
    _publisher: Arc<AbortOnDropHandle<()>>,
}

impl DeviceLists {
    /// Watches the devices; to be called in a runtime. Fails with `Internal` if no thread can be had.
    pub fn start() -> Result<Self, UserError> {
        let watch = confab_media::DeviceWatch::start().map_err(user_error)?;
        let mut devices = watch.list();
        let known = devices.borrow_and_update().clone();
        let (publish, list) = watch::channel(known.map(device_list));
        let publisher = tokio::spawn(async move {
            while devices.changed().await.is_ok() {
                let devices = devices.borrow_and_update().clone();
                publish.send_replace(devices.map(device_list));
            }
        });
        Ok(Self { watch, list, _publisher: Arc::new(AbortOnDropHandle::new(publisher)) })
    }

    /// The newest list; `None` before the first look has ended.
    pub fn list(&self) -> watch::Receiver<Option<DeviceList>> {
        self.list.clone()
    }

    /// The newest list, after the first look has ended. Empty if that takes longer than three seconds.
    pub async fn known(&self) -> DeviceList {
        let known = device_list(self.watch.known().await);
        // So that it is no change any more for who asks for the receiver now.
        let mut list = self.list.clone();
        let _ = timeout(PUBLISHED, list.wait_for(Option::is_some)).await;
        known
    }
}

fn device_list(list: confab_media::DeviceList) -> DeviceList {
    let devices = |devices: Vec<confab_media::Device>| {
        devices.into_iter().map(|device| Device { id: device.id, name: device.name }).collect()
    };
    DeviceList {
        microphones: devices(list.microphones),
        speakers: devices(list.speakers),
        cameras: devices(list.cameras),
        default_microphone: list.default_microphone,
        default_speaker: list.default_speaker,
        default_camera: list.default_camera,
    }
}

fn share_source(source: confab_media::ShareSource) -> ShareSource {
    let kind = match source.kind {
        confab_media::ShareKind::Screen => ShareKind::Screen,
        confab_media::ShareKind::Window => ShareKind::Window,
        confab_media::ShareKind::System => ShareKind::System,
    };
    let confab_media::ShareSource { id, title, width, height, thumbnail, .. } = source;
    // A `data:` URL (RFC 2397).
    let thumbnail = thumbnail.map(|png| format!("data:image/png;base64,{}", STANDARD.encode(png)));
    ShareSource { id, kind, title, width, height, thumbnail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_crosses_as_a_data_url() {
        let source = confab_media::ShareSource {
            id: "screen:1".to_owned(),
            kind: confab_media::ShareKind::Screen,
            title: "Screen 1".to_owned(),
            width: 1920,
            height: 1080,
            thumbnail: Some(b"\x89PNG".to_vec()),
        };
        assert_eq!(share_source(source).thumbnail.as_deref(), Some("data:image/png;base64,iVBORw=="));
    }
}
