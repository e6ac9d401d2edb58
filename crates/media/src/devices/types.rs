//! Devices and their lists.

/// Kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// A source of sound.
    Microphone,
    /// A sink of sound: loudspeaker or headphones.
    Speaker,
    /// A source of pictures.
    Camera,
}

/// A device that one can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What the system knows it by; the same after it was unplugged and plugged in again.
    pub id: String,
    /// Its name as the driver or the sound server gives it.
    pub name: String,
}

/// The devices there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceList {
    /// Microphones.
    pub microphones: Vec<Device>,
    /// Speakers and headphones.
    pub speakers: Vec<Device>,
    /// Cameras.
    pub cameras: Vec<Device>,
    /// Id of the system's default microphone.
    pub default_microphone: Option<String>,
    /// Id of the system's default speaker.
    pub default_speaker: Option<String>,
    /// Id of the camera that is opened if none is chosen.
    pub default_camera: Option<String>,
}
