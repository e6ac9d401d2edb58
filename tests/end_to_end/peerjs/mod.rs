//! PeerJS: peers of ours with stock clients in Chromium, over the stock server of npm, in both directions.

mod calls;
mod data;
mod errors;
mod world;

/// What a test returns.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;
