//! Switching one receiver between layers at frame boundaries, so that it never misses a frame that another refers to.

use confab_wire::layers::{FrameLayer, SpatialLayer, TOP_TEMPORAL};

/// The layer that one receiver is on.
#[derive(Debug, Default)]
pub struct LayerSwitch {
    /// `None` until a key frame of the wanted layer.
    current: Option<SpatialLayer>,
    /// Highest temporal layer of which it has everything.
    temporal: u8,
}

impl LayerSwitch {
    /// The layer that the receiver gets at present; `None` before a key frame.
    pub fn current(&self) -> Option<SpatialLayer> {
        self.current
    }

    /// The receiver missed a frame: nothing is of use before the next key frame.
    pub fn interrupt(&mut self) {
        self.current = None;
    }

    /// True if the receiver gets this frame, where it is to be on the layer `wanted` with temporal layers up to `highest`.
    pub fn admit(&mut self, frame: FrameLayer, key: bool, wanted: Option<SpatialLayer>, highest: u8) -> bool {
        if wanted.is_none() {
            self.current = None;
            return false;
        }
        if key && (wanted == Some(frame.spatial) || self.current == Some(frame.spatial)) {
            self.current = Some(frame.spatial);
            self.temporal = highest.min(TOP_TEMPORAL);
            return true;
        }
        if self.current != Some(frame.spatial) {
            return false;
        }
        self.temporal = self.temporal.min(highest);
        // One layer at a time: a frame of layer 2 may refer to the newest of layer 1.
        if frame.sync && frame.temporal == self.temporal + 1 && frame.temporal <= highest {
            self.temporal = frame.temporal;
        }
        frame.temporal <= self.temporal
    }
}

#[cfg(test)]
#[path = "layer_switch_tests.rs"]
mod tests;
