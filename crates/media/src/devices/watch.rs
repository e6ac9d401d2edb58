//! Watching for devices that come and go: one thread per process, while a [`DeviceWatch`] exists.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::audio::device::host::{
    PlatformAudio,
    types::{AudioHost, DeviceEvents},
};
use crate::audio::device::list::CachedHost;
use crate::devices::list;
use crate::devices::types::DeviceList;
use crate::error::Error;
use crate::thread::stop::StopFlag;
use crate::thread::worker;

/// How often cameras are listed, and sound devices where the system reports no changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long one waits for a list.
const FIRST_LIST: Duration = Duration::from_secs(3);

/// The watch that runs in this process: one serves all clones.
static RUNNING: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// The list of devices, kept up to date while a clone of this is alive.
#[derive(Debug, Clone)]
pub struct DeviceWatch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    published: Arc<PublishedList>,
    /// Never marked as seen: for its clones the known list is a change.
    list: watch::Receiver<Option<DeviceList>>,
    stop: StopFlag,
}

/// Where the list is kept.
#[derive(Debug, Default)]
struct PublishedList {
    list: watch::Sender<Option<DeviceList>>,
    /// One listing at a time: lists are published in their order.
    looking: Mutex<()>,
}

impl PublishedList {
    /// Publishes what `look` lists, given the list before. Blocks as long as it takes.
    fn write(&self, look: impl FnOnce(Option<DeviceList>) -> DeviceList) {
        let _looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.list.borrow().clone();
        let list = look(known);
        self.list.send_if_modified(|known| {
            let changed = known.as_ref() != Some(&list);
            if changed {
                tracing::debug!(?list, "devices");
                *known = Some(list);
            }
            changed
        });
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.set();
    }
}

impl DeviceWatch {
    /// Starts the watch, or joins the one that runs. Fails with `Internal` if no thread can be had.
    pub fn start() -> Result<Self, Error> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = running.upgrade() {
            return Ok(Self(shared));
        }
        let (published, stop) = (Arc::<PublishedList>::default(), StopFlag::default());
        let (written, watched, list) = (published.clone(), stop.clone(), published.list.subscribe());
        worker::spawn("confab-devices", move || run(&written, &watched))?;
        let shared = Arc::new(Shared { list, published, stop });
        *running = Arc::downgrade(&shared);
        Ok(Self(shared))
    }

    /// The newest list; `None` before the first look has ended.
    pub fn list(&self) -> watch::Receiver<Option<DeviceList>> {
        self.0.list.clone()
    }

    /// The newest list, after the first look has ended. Empty if that takes longer than three seconds.
    pub async fn known(&self) -> DeviceList {
        let mut list = self.list();
        let known = tokio::time::timeout(FIRST_LIST, list.wait_for(Option::is_some)).await;
        known.ok().and_then(|list| list.ok()?.clone()).unwrap_or_default()
    }

    /// The list with the cameras at this moment, which is published to all clones, too: the thread lists them from
    /// time to time only. As it is known if the system does not answer within three seconds.
    pub async fn look_for_cameras(&self) -> DeviceList {
        self.look(|known| list::with_cameras(known.unwrap_or_default())).await
    }

    /// As [`look_for_cameras`](Self::look_for_cameras), for microphones and speakers: after the end of a stream it is needed
    /// before the thread does whether its device is gone.
    pub async fn look_for_sound(&self) -> DeviceList {
        self.look(|known| {
            let DeviceList { cameras, default_camera, .. } = known.unwrap_or_default();
            let mut list = DeviceList { cameras, default_camera, ..DeviceList::default() };
            CachedHost::default().list(&mut list);
            list
        })
        .await
    }

    async fn look(&self, look: impl FnOnce(Option<DeviceList>) -> DeviceList + Send + 'static) -> DeviceList {
        let known = self.known().await;
        let published = self.0.published.clone();
        let looked = tokio::task::spawn_blocking(move || {
            published.write(look);
            published.list.borrow().clone()
        });
        match tokio::time::timeout(FIRST_LIST, looked).await {
            Ok(Ok(Some(list))) => list,
            _ => known,
        }
    }
}

fn run(published: &PublishedList, stop: &StopFlag) {
    let mut sound = CachedHost::default();
    let mut changes = PlatformAudio::changes();
    while !stop.is_set() {
        published.write(|_| list::look(&mut sound));
        changes.wait(stop, Instant::now() + LOOK_EVERY);
    }
}
