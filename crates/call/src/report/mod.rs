//! What the window is told: events, levels, statistics.

pub mod event_queue;
pub mod levels;
pub mod statistics;
