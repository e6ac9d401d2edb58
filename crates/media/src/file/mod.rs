//! Media files: what is played in place of a device, and recordings.

pub(crate) mod ivf;
pub(crate) mod private;
pub(crate) mod regular;
pub(crate) mod riff;
pub(crate) mod wav;
pub(crate) mod y4m;
