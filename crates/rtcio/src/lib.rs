//! The rtc.io engine: signaling, peer mesh, streams and channels
