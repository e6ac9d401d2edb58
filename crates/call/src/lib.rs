//! A call as people know it: roster, mute, chat and state
