//! The signaling server, as a library and as confab-server
