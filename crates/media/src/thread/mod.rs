//! Threads of devices and codecs: how they start, at which priority, and how they end.

pub(crate) mod priority;
pub(crate) mod stop;
pub(crate) mod worker;
