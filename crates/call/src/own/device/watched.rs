//! The list of the computer's devices, for who follows them.

use confab_ipc::DeviceList;
use confab_media::DeviceWatch;
use tokio::sync::watch;

/// The devices, as they come and go. Clones follow for themselves.
#[derive(Debug, Clone)]
pub(crate) struct Listing(Option<(DeviceWatch, watch::Receiver<Option<DeviceList>>)>);

impl Listing {
    /// Begins to look, where devices are followed at all; else, and where they can't be, the list stays empty.
    pub(crate) fn start(follows: bool) -> Self {
        let watch = follows
            .then(DeviceWatch::start)
            .and_then(|watch| watch.inspect_err(|error| tracing::warn!(%error, "devices are not followed")).ok());
        Self(watch.map(|watch| (watch.clone(), watch.list())))
    }

    /// True if devices are followed.
    pub(crate) fn follows(&self) -> bool {
        self.0.is_some()
    }

    /// The list, as far as it is known.
    pub(crate) fn now(&self) -> DeviceList {
        self.0.as_ref().and_then(|(_, list)| list.borrow().clone()).unwrap_or_default()
    }

    /// The list, once the first look has ended.
    pub(crate) async fn known(&self) -> DeviceList {
        match &self.0 {
            Some((watch, _)) => watch.known().await,
            None => DeviceList::default(),
        }
    }

    /// The list with the cameras that there are at this moment.
    pub(crate) async fn look_for_cameras(&self) -> DeviceList {
        match &self.0 {
            Some((watch, _)) => watch.look_for_cameras().await,
            None => DeviceList::default(),
        }
    }

    /// The list with the microphones and speakers that there are at this moment.
    pub(crate) async fn look_for_sound(&self) -> DeviceList {
        match &self.0 {
            Some((watch, _)) => watch.look_for_sound().await,
            None => DeviceList::default(),
        }
    }

    /// Waits for another list; for ever where none is followed.
    pub(crate) async fn changed(&mut self) {
        if let Some((_, list)) = &mut self.0
            && list.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}
