//! What becomes of the server's messages.

use super::connections::Connection;
use super::debug::DebugLevel;
use super::events::PeerEvent;
use super::shared::Shared;
use crate::connection::{DataConnection, MediaConnection};
use crate::error::PeerErrorKind;
use crate::message::{self, ConnectionKind, Incoming, Offered};
use crate::serialization::Serialization;
use confab_transport::{ConnectionCommand, Role};
use confab_wire::signaling::Description;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

impl Shared {
    /// Obeys a message.
    pub(super) fn receive(&self, text: &str) {
        let Some(message) = message::parse(text) else {
            tracing::debug!(bytes = text.len(), "a message without a meaning is dropped");
            return;
        };
        if self.debug == DebugLevel::All {
            tracing::debug!(kind = kind(&message), "message");
        }
        match message {
            Incoming::Open => self.opened(),
            Incoming::Error(text) => self.abort(PeerErrorKind::ServerError, text),
            Incoming::IdTaken => self.abort(PeerErrorKind::UnavailableId, "the id is taken"),
            Incoming::InvalidKey => self.abort(PeerErrorKind::InvalidKey, "the key is invalid"),
            Incoming::Leave { src } => self.connections.close_where(&src, |_| true),
            Incoming::Expire { src } => {
                self.error(PeerErrorKind::PeerUnavailable, src.as_str());
                // Their offers are gone: they would never open.
                self.connections.close_where(&src, |link| !link.is_negotiated());
            }
            Incoming::Offer { src, connection, description, offered } => {
                self.offer(src, connection, description, offered);
            }
            Incoming::Answer { src, connection, description } => match self.connections.find(&src, &connection) {
                Some(link) => link.command(ConnectionCommand::Description(description)),
                None => tracing::debug!("an answer belongs to no connection"),
            },
            Incoming::Candidate { src, connection, candidate } => {
                self.connections.candidate(src, connection, candidate);
            }
        }
    }

    fn offer(&self, src: String, id: String, description: Description, offered: Offered) {
        // PeerJS has no renegotiation: who offers again begins anew.
        self.connections.close(&src, &id);
        let admitted = self.offers.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now());
        if !admitted || self.connections.is_full(&src) {
            tracing::warn!("a connection is refused: too many");
            return;
        }
        let link = self.link(&src, &id, &offered);
        link.command(ConnectionCommand::Description(description));
        let over = self.connections.remover(&link);
        match offered.kind {
            ConnectionKind::Media => {
                let (call, events) = MediaConnection::incoming(&self.settings, link, offered, over);
                self.add(Connection::Media(call.clone()));
                if !self.emitter.emit(PeerEvent::Call { call: call.clone(), events }) {
                    call.close();
                }
            }
            ConnectionKind::Data => {
                let name = offered.serialization.as_deref().unwrap_or_default();
                let Ok(serialization) = name.parse::<Serialization>() else {
                    tracing::warn!("a data connection is refused: its serialization is not known");
                    return;
                };
                let (connection, events) = DataConnection::begin(
                    &self.settings,
                    Arc::clone(&link),
                    offered,
                    serialization,
                    Role::Answerer,
                    over,
                );
                self.add(Connection::Data(connection.clone()));
                if !self.emitter.emit(PeerEvent::Connection { connection, events }) {
                    link.close();
                }
            }
        }
    }
}

fn kind(message: &Incoming) -> &'static str {
    match message {
        Incoming::Open => "OPEN",
        Incoming::Error(_) => "ERROR",
        Incoming::IdTaken => "ID-TAKEN",
        Incoming::InvalidKey => "INVALID-KEY",
        Incoming::Leave { .. } => "LEAVE",
        Incoming::Expire { .. } => "EXPIRE",
        Incoming::Offer { .. } => "OFFER",
        Incoming::Answer { .. } => "ANSWER",
        Incoming::Candidate { .. } => "CANDIDATE",
    }
}
