//! What is done here because the library (rtc and webrtc 0.21.1) has a defect. Each module names the one that it works around,
//! and can go when that is mended.

pub(crate) mod codecs;
mod single_datagrams;

pub(crate) use single_datagrams::SingleDatagramRuntime;
