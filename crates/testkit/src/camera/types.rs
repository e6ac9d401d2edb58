//! What a camera is and what it delivers.

use super::picture::WebcamFormat;

/// A way to stream, and the recording that is played then, again and again.
#[derive(Debug, Clone)]
pub struct Mode {
    /// How pictures are packed.
    pub format: WebcamFormat,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Bytes of a line; a line may be longer than the picture is wide. 0 for JPEGs.
    pub stride: u32,
    /// Pictures per second to choose from.
    pub fps: Vec<u32>,
    /// What is delivered, one in each beat.
    pub frames: Vec<Delivered>,
}

impl Mode {
    /// A mode with lines as short as can be and `frames` without a fault.
    pub fn new(format: WebcamFormat, size: (u32, u32), fps: &[u32], frames: Vec<Vec<u8>>) -> Self {
        let frames = frames.into_iter().map(|data| Delivered { data, damaged: false }).collect();
        Self { format, size, stride: format.line(size.0), fps: fps.to_vec(), frames }
    }
}

/// One buffer as the driver hands it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The bytes; fewer than a picture has where the rest was lost on the cable. What the buffer held before stays behind.
    pub data: Vec<u8>,
    /// The driver knows that something is wrong with them (`V4L2_BUF_FLAG_ERROR`).
    pub damaged: bool,
}

/// A node of a camera.
#[derive(Debug, Clone)]
pub struct Camera {
    /// N of /dev/videoN.
    pub node: u32,
    /// What the system calls it.
    pub name: String,
    /// The piece of hardware it belongs to.
    pub unit: String,
    /// What it offers. Nothing: a node for metadata, which webcams have beside the one for pictures.
    pub modes: Vec<Mode>,
    /// Another program streams from it.
    pub busy: bool,
    /// The time between two pictures that another program left set, in seconds: numerator and denominator.
    pub left_at: Option<(u32, u32)>,
}

impl Camera {
    /// A camera with one node.
    pub fn new(node: u32, name: &str, modes: Vec<Mode>) -> Self {
        Self { node, name: name.to_owned(), unit: format!("usb-{node}"), modes, busy: false, left_at: None }
    }
}
