//! What a connection's handles and its task share.

use super::outbox::Outbox;
use crate::message::{ConnectionKind, Offered};
use confab_transport::{ConnectionCommand, RemoteControl};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Commands that wait for the connection to be begun: an offer and its candidates.
const WAITING: usize = 256;

/// What is done once when a connection is over.
pub(crate) type Over = Box<dyn FnOnce() + Send>;

/// Where the commands go.
#[derive(Debug)]
enum Commands {
    /// The connection is not begun: a call that nobody has answered.
    Waiting(Vec<ConnectionCommand>),
    Running(mpsc::Sender<ConnectionCommand>),
    Over,
}

/// The state that the handles of one connection have in common.
#[derive(Debug)]
pub(crate) struct Link {
    /// Id of the remote peer.
    pub(crate) peer: String,
    /// Id of the connection.
    pub(crate) id: String,
    pub(crate) kind: ConnectionKind,
    pub(crate) metadata: Option<Value>,
    pub(crate) remote: RemoteControl,
    pub(crate) outbox: Outbox,
    commands: Mutex<Commands>,
    open: AtomicBool,
    /// The remote has answered, or was answered.
    negotiated: AtomicBool,
    /// This side closes it.
    pub(crate) closing: CancellationToken,
    /// Nothing is left of it.
    pub(crate) over: CancellationToken,
}

impl Link {
    pub(crate) fn new(peer: &str, id: &str, offered: &Offered, outbox: Outbox) -> Self {
        Self {
            peer: peer.to_owned(),
            id: id.to_owned(),
            kind: offered.kind,
            metadata: offered.metadata.clone(),
            remote: RemoteControl::new(peer.to_owned()),
            outbox,
            commands: Mutex::new(Commands::Waiting(Vec::new())),
            open: AtomicBool::new(false),
            negotiated: AtomicBool::new(false),
            closing: CancellationToken::new(),
            over: CancellationToken::new(),
        }
    }

    fn commands(&self) -> MutexGuard<'_, Commands> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a command on, in order. Never waits.
    pub(crate) fn command(&self, command: ConnectionCommand) {
        if matches!(command, ConnectionCommand::Description(_)) {
            self.negotiated.store(true, Ordering::Release);
        }
        let fits = match &mut *self.commands() {
            Commands::Waiting(waiting) if waiting.len() < WAITING => {
                waiting.push(command);
                true
            }
            Commands::Waiting(_) => false,
            Commands::Running(commands) => commands.try_send(command).is_ok(),
            Commands::Over => true,
        };
        if !fits {
            tracing::debug!("a signal for a connection is dropped: too many, or it is over");
        }
    }

    /// The connection begins: it gets what has waited. False if it was closed meanwhile, or has begun.
    pub(crate) fn start(&self, sender: mpsc::Sender<ConnectionCommand>) -> bool {
        let mut commands = self.commands();
        let Commands::Waiting(waiting) = &mut *commands else { return false };
        for command in std::mem::take(waiting) {
            // The queue is longer than what may wait.
            sender.try_send(command).ok();
        }
        *commands = Commands::Running(sender);
        true
    }

    /// True until the connection begins.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(&*self.commands(), Commands::Waiting(_))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub(crate) fn set_open(&self, open: bool) {
        self.open.store(open && !self.closing.is_cancelled(), Ordering::Release);
    }

    /// True once a description of the remote came.
    pub(crate) fn is_negotiated(&self) -> bool {
        self.negotiated.load(Ordering::Acquire)
    }

    /// This side closes the connection.
    pub(crate) fn close(&self) {
        self.closing.cancel();
        self.open.store(false, Ordering::Release);
    }

    /// Nothing is left of the connection.
    pub(crate) fn end(&self) {
        *self.commands() = Commands::Over;
        self.open.store(false, Ordering::Release);
        self.remote.close();
        self.over.cancel();
    }
}
