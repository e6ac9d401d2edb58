//! Signal processing of samples, without devices and threads.

pub(crate) mod drift;
pub(crate) mod fade;
pub mod level;
pub(crate) mod limiter;
pub(crate) mod resample;
pub(crate) mod time_stretch;
