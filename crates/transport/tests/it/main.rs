//! The contract of the crate, by the smallest dialect there is: two sides whose signals go through plain queues.

mod channels;
mod dialect;
mod media;
mod negotiation;
mod replacement;
