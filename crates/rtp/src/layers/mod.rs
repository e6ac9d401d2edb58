//! Layers: one video in up to three sizes (simulcast), each in three frame rates (temporal layers), from which each receiver
//! gets what its bandwidth carries and its view shows.
//!
//! [`LayerSelector`] selects for one receiver, [`merge`] makes of all selections what the encoder is asked for, and
//! [`LayerSwitch`] changes from one layer to another where no frame is missed. [`TrackLayers`] is all of it for one track.

mod demand;
mod layer_switch;
mod selection;
mod source;
mod track;

pub use demand::{LayerRequest, merge};
pub use layer_switch::LayerSwitch;
pub use selection::{LayerSelection, LayerSelector, QualityLimitation, ReceiverConstraints};
pub use source::SourceLayers;
pub use track::{ReceiverLayers, TrackLayers};
