//! What all sockets of a server share.

use super::shards::RoomShards;
use crate::config::{Limits, ServerConfig, TokenConfig};
use crate::ice::Ice;
use crate::rooms::{Policy, ResumeTokens};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rooms, configuration and the count of sockets.
pub(crate) struct ServerState {
    pub(super) rooms: RoomShards,
    pub(super) ice: Ice,
    pub(super) tokens: Option<TokenConfig>,
    pub(super) limits: Limits,
    sockets: AtomicUsize,
}

impl ServerState {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let policy = Policy {
            resume_tokens: ResumeTokens::new(config.secret.as_deref()),
            capacity: config.limits.room_members,
            open: config.rooms.clone(),
        };
        Self {
            rooms: RoomShards::new(policy),
            ice: Ice::new(config),
            tokens: config.tokens.clone(),
            limits: config.limits.clone(),
            sockets: AtomicUsize::new(0),
        }
    }

    /// From now on, those who leave a room do so silently.
    pub(crate) fn close_rooms(&self) {
        self.rooms.close();
    }

    /// Counts a socket that connects. False if the server is full.
    pub(super) fn admit(&self) -> bool {
        let admitted = self.sockets.fetch_add(1, Ordering::Relaxed) < self.limits.sockets;
        if !admitted {
            self.release();
        }
        admitted
    }

    /// A socket that was admitted has ended.
    pub(super) fn release(&self) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}
