//! Clips, private sound servers, browser peers and other things tests need
