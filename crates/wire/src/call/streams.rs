//! Names of the events that carry a stream.

/// `emit("camera", { id, name, stream })`: microphone and camera of a person.
pub const CAMERA: &str = "camera";
/// `emit("screen", { id, name, stream })`: a screen or a window that a person shares.
pub const SCREEN: &str = "screen";
