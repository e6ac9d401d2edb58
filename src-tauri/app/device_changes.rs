//! Changes among the devices, for a window that shows the list of them.

use confab_call::DeviceLists;
use confab_ipc::DeviceList;
use std::future;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How long changes are reported after the list was asked for.
const REPORT_FOR: Duration = Duration::from_secs(600);

/// The watch over the devices while a window shows them.
#[derive(Debug, Default)]
pub struct DeviceChanges(Option<(DeviceLists, watch::Receiver<Option<DeviceList>>, Instant)>);

impl DeviceChanges {
    /// The list was asked for: changes are reported from now on.
    pub fn watch(&mut self, watch: DeviceLists) {
        let mut list = watch.list();
        list.mark_unchanged();
        self.0 = Some((watch, list, Instant::now() + REPORT_FOR));
    }

    /// The next list that is another; pends while none is watched.
    pub async fn next(&mut self) -> DeviceList {
        if let Some((_, list, until)) = &mut self.0 {
            while let Ok(Ok(())) = timeout_at(*until, list.changed()).await {
                if let Some(devices) = list.borrow_and_update().clone() {
                    return devices;
                }
            }
            self.0 = None;
        }
        future::pending().await
    }
}
