//! What comes from the others: their tracks, how these are played, and who speaks.

pub mod active_speaker;
pub mod av_sync;
pub mod counters;
pub mod playout_delay;
pub mod received_pictures;
pub mod track;
pub mod tracks;
pub mod video;
pub mod video_timing;
pub mod volume;
