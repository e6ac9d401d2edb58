//! What is asked of who opens a device, and what comes of it.

use confab_media::{Device, DeviceList};

/// A device to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenRequest {
    /// Id or name of the device that the person selected; `None` for the system's default.
    pub selected: Option<String>,
    /// The list of devices that is known may be out of date: the one before ended by itself.
    pub refresh: bool,
    /// Another device runs until this one does.
    pub takes_over: bool,
}

/// Which device was opened, if the computer names it, and the list it was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The device; `None` for a source that is no device.
    pub device: Option<Device>,
    /// The devices that there were.
    pub list: DeviceList,
}
