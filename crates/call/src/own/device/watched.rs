//! The computer's devices as they come and go, for those who follow them.

use confab_media::{DeviceList, DeviceWatch};
use tokio::sync::watch;

/// The devices. Clones follow for themselves.
#[derive(Debug, Clone)]
pub struct WatchedDevices {
    /// `None` where devices are not followed, or can't be: then the list stays empty.
    watch: Option<DeviceWatch>,
    list: watch::Receiver<Option<DeviceList>>,
}

impl WatchedDevices {
    /// Begins to look, if devices are to be followed at all.
    pub fn start(follows: bool) -> Self {
        let watch = follows
            .then(DeviceWatch::start)
            .and_then(|watch| watch.inspect_err(|error| tracing::warn!(%error, "devices are not followed")).ok());
        let list = watch.as_ref().map_or_else(|| watch::Sender::new(None).subscribe(), DeviceWatch::list);
        Self { watch, list }
    }

    /// The devices that a test says there are.
    #[cfg(test)]
    pub fn of(list: watch::Receiver<Option<DeviceList>>) -> Self {
        Self { watch: None, list }
    }

    /// The list, as far as it is known.
    pub fn now(&self) -> DeviceList {
        self.list.borrow().clone().unwrap_or_default()
    }

    /// The list, once the first look has ended.
    pub async fn known(&self) -> DeviceList {
        match &self.watch {
            Some(watch) => watch.known().await,
            None => self.now(),
        }
    }

    /// The list with the cameras that there are at this moment.
    pub async fn look_for_cameras(&self) -> DeviceList {
        match &self.watch {
            Some(watch) => watch.look_for_cameras().await,
            None => self.now(),
        }
    }

    /// The list with the microphones and speakers that there are at this moment.
    pub async fn look_for_sound(&self) -> DeviceList {
        match &self.watch {
            Some(watch) => watch.look_for_sound().await,
            None => self.now(),
        }
    }

    /// Waits for another list; for ever where none is followed. Safe to drop before it is done.
    pub async fn changed(&mut self) {
        if self.list.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
