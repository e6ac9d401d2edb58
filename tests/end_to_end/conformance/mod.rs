//! rtc.io's behaviours, each tried with peers of ours and with a Chromium page that is an rtc.io peer, in every order:
//! ours in the room first, the page first, and ours with ours. A test is written once, over [`peer::Peer`].
//!
//! `CONFAB_PAIRS` limits or extends the pairs (`ours-page,page-page`); `CONFAB_RTCIO_JS` names a bundle of the stock
//! library, which then takes the place of the page's own peer.

mod asleep;
mod channels;
mod codecs;
mod emit;
mod encoding;
mod examples;
mod h264;
mod healing;
mod levels;
mod lifecycle;
mod ours;
mod ours_channels;
mod ours_media;
mod outages;
mod page;
mod peer;
mod relays;
mod remote;
mod sharing;
mod stats;
mod streams;
mod world;

/// What a test returns.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;
