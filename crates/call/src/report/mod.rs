//! What is reported to the window: events, levels, statistics.

pub mod event_queue;
pub mod levels;
pub mod statistics;
