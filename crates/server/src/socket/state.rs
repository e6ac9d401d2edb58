//! What all sockets of a server share.

use super::shards::RoomShards;
use crate::config::{ServerConfig, TokenConfig};
use crate::ice::Ice;
use crate::limits::Limits;
use crate::net::{Addresses, Sessions};
use crate::rooms::{Policy, ResumeTokens};
use std::sync::Arc;

/// Rooms, configuration and who is connected.
pub(crate) struct ServerState {
    pub(super) rooms: RoomShards,
    pub(super) ice: Ice,
    pub(super) tokens: Option<TokenConfig>,
    pub(super) limits: Limits,
    pub(super) addresses: Arc<Addresses>,
    pub(super) sessions: Arc<Sessions>,
}

impl ServerState {
    pub(crate) fn new(config: &ServerConfig, addresses: Arc<Addresses>, sessions: Arc<Sessions>) -> Self {
        let policy = Policy {
            resume_tokens: ResumeTokens::new(config.secret.as_deref()),
            capacity: config.limits.room_members,
            joins_per_second: config.limits.joins_per_second,
            join_burst: config.limits.join_burst,
            open: config.rooms.clone(),
        };
        Self {
            rooms: RoomShards::new(policy),
            ice: Ice::new(config),
            tokens: config.tokens.clone(),
            limits: config.limits.clone(),
            addresses,
            sessions,
        }
    }

    /// From now on, those who leave a room do so silently.
    pub(crate) fn close_rooms(&self) {
        self.rooms.close();
    }
}
