//! Sound: from a source to Opus packets, and from packets through a mix to a speaker.

pub(crate) mod capture;
pub(crate) mod device;
pub(crate) mod dsp;
pub(crate) mod mixer;
pub(crate) mod output;
pub(crate) mod playout;
pub(crate) mod processing;
#[cfg(test)]
mod realtime_tests;
pub(crate) mod source;
