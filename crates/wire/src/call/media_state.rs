//! Whether the microphone and the camera of a person send.

use serde::{Deserialize, Serialize};
#[cfg(feature = "typescript")]
use ts_rs::TS;

/// `{ mic, cam }`: pushed on every change, and to each peer when it connects.
pub const MEDIA_STATE: &str = "media-state";

/// Whether others hear and see a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(TS))]
pub struct MediaState {
    /// Microphone sends.
    pub mic: bool,
    /// Camera sends.
    #[serde(alias = "camera")]
    pub cam: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_spellings_of_the_camera_state_are_read() {
        let stock: MediaState = serde_json::from_value(json!({ "mic": true, "cam": false })).unwrap();
        assert_eq!(stock, MediaState { mic: true, cam: false });
        let other: MediaState = serde_json::from_value(json!({ "mic": true, "camera": true })).unwrap();
        assert!(other.cam);
    }
}
