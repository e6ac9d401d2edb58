//! What comes from the others: their tracks, how they are played, and who speaks.

pub mod active_speaker;
pub mod av_sync;
pub mod playout_delay;
pub mod received_pictures;
pub mod timing;
pub mod track;
pub mod volume;
