//! Which frames of a ladder one peer gets, so that it never misses one that another refers to.

use confab_wire::ladder::{FrameLayer, SpatialLayer, TOP_TEMPORAL};

/// The layer that one peer is on.
#[derive(Debug, Default)]
pub(crate) struct LayerSwitch {
    /// `None` until a key frame of the wanted layer.
    current: Option<SpatialLayer>,
    /// Highest temporal layer of which it has everything.
    temporal: u8,
}

impl LayerSwitch {
    /// The layer that the peer gets at present.
    pub(crate) fn current(&self) -> Option<SpatialLayer> {
        self.current
    }

    /// The peer missed a frame: nothing is of use before the next key frame.
    pub(crate) fn interrupt(&mut self) {
        self.current = None;
    }

    /// True if the peer gets this frame, where it is to be on the layer `wanted` with temporal layers up to `highest`.
    pub(crate) fn admit(&mut self, frame: FrameLayer, key: bool, wanted: Option<SpatialLayer>, highest: u8) -> bool {
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
#[path = "switch_tests.rs"]
mod tests;
