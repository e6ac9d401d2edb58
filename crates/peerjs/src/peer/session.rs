//! The task of a peer: its connection to the server, each time it is asked for.

use super::shared::{Shared, State};
use crate::error::PeerErrorKind;
use crate::message::HEARTBEAT;
use crate::server::{self, ServerError, Socket};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

/// How long the server may take to take a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may say nothing to a new socket. A stock server that still has an older socket of this id and token
/// says nothing at all, and everything goes.
const SILENT_TAKEOVER: Duration = Duration::from_secs(3);
/// How long the server may not answer pings, at least, until the connection counts as lost.
const LEAST_SILENCE: Duration = Duration::from_secs(20);

/// See the module.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) outbox: mpsc::Receiver<String>,
    pub(super) state: watch::Receiver<State>,
}

/// Why there is no connection to the server any more.
enum End {
    /// The application wants it so, or a message of the server did it.
    Asked,
    /// The connection failed.
    Lost(String),
}

impl Session {
    /// Runs until the peer is destroyed.
    pub(super) async fn run(mut self) {
        loop {
            let state = self.state.borrow_and_update().clone();
            if state.destroyed {
                return;
            }
            if state.disconnected {
                self.wait().await;
                continue;
            }
            if let End::Lost(reason) = self.connect(state).await {
                self.shared.error(PeerErrorKind::Network, reason);
                self.shared.disconnect();
            }
        }
    }

    /// Waits for a change. What connections want to say meanwhile is dropped, as PeerJS does.
    async fn wait(&mut self) {
        loop {
            tokio::select! {
                changed = self.state.changed() => {
                    // The sender is in `shared`.
                    debug_assert!(changed.is_ok());
                    return;
                }
                Some(_) = self.outbox.recv() => tracing::debug!("a message is dropped: there is no server"),
            }
        }
    }

    /// One connection to the server, from its making to its end.
    async fn connect(&mut self, state: State) -> End {
        let shared = Arc::clone(&self.shared);
        let id = match state.id {
            Some(id) => id,
            None => {
                let Some(fresh) = self.unless_changed(state.generation, server::fresh_id(&shared.address)).await else {
                    return End::Asked;
                };
                match fresh {
                    Ok(id) => {
                        shared.set_id(&id);
                        id
                    }
                    Err(error) => {
                        shared.abort(PeerErrorKind::ServerError, format!("no id from the server: {error}"));
                        return End::Asked;
                    }
                }
            }
        };
        shared.own_id.send_replace(Some(id.clone()));
        let opening = server::open(&shared.address, &id, &shared.token);
        let Some(socket) = self.unless_changed(state.generation, opening).await else { return End::Asked };
        match socket {
            Ok(socket) => self.serve(socket, state.generation).await,
            Err(error) => End::Lost(reason(&error)),
        }
    }

    /// `None` if the connection is not wanted any more.
    async fn unless_changed<T>(&mut self, generation: u64, other: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(other);
        loop {
            tokio::select! {
                biased;
                _ = self.state.changed() => {
                    if !is_wanted(&self.state.borrow_and_update(), generation) {
                        return None;
                    }
                }
                done = &mut other => return Some(done),
            }
        }
    }

    async fn serve(&mut self, mut socket: Socket, generation: u64) -> End {
        let shared = Arc::clone(&self.shared);
        let now = Instant::now();
        let mut heartbeat = interval_at(now + shared.ping_interval, shared.ping_interval);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let silence = LEAST_SILENCE.max(3 * shared.ping_interval);
        let (mut heard, silent_until) = (now, now + SILENT_TAKEOVER);
        loop {
            let open = {
                let state = self.state.borrow_and_update();
                if !is_wanted(&state, generation) {
                    break;
                }
                state.open
            };
            let message = tokio::select! {
                changed = self.state.changed() => {
                    debug_assert!(changed.is_ok());
                    continue;
                }
                message = socket.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => self.received(&text, open),
                        Some(Ok(Message::Binary(bytes))) => {
                            if let Ok(text) = std::str::from_utf8(&bytes) {
                                self.received(text, open);
                            }
                        }
                        Some(Ok(Message::Close(_))) | None => return End::Lost("the server closed the connection".to_owned()),
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return End::Lost(error.to_string()),
                    }
                    continue;
                }
                () = sleep_until(silent_until), if !open => {
                    shared.opened();
                    continue;
                }
                Some(message) = self.outbox.recv(), if open => Message::text(message),
                _ = heartbeat.tick() => {
                    if heard.elapsed() > silence {
                        return End::Lost("the server does not answer".to_owned());
                    }
                    if let Err(end) = send(&mut socket, Message::text(HEARTBEAT)).await {
                        return end;
                    }
                    // What PeerJS has no message for: whether the server is still there.
                    Message::Ping(Vec::new().into())
                }
            };
            if let Err(end) = send(&mut socket, message).await {
                return end;
            }
        }
        // So that the server frees the id at once. One that does not answer gets no more of this side's time.
        timeout(SEND_TIMEOUT, socket.close(None)).await.ok();
        End::Asked
    }

    fn received(&self, text: &str, open: bool) {
        let relayed = ["\"OFFER\"", "\"ANSWER\"", "\"CANDIDATE\""].iter().any(|kind| text.contains(kind));
        if !open && relayed {
            // It relays, so it has taken this side over without a word.
            self.shared.opened();
        }
        self.shared.receive(text);
    }
}

fn is_wanted(state: &State, generation: u64) -> bool {
    !state.destroyed && !state.disconnected && state.generation == generation
}

fn reason(error: &ServerError) -> String {
    error.to_string()
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), End> {
    match timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(End::Lost(error.to_string())),
        Err(_) => Err(End::Lost("the server does not take messages".to_owned())),
    }
}
