//! Getting into a room, and back into it.

use crate::config::CallConfig;
use confab_ipc::{ErrorCode, UserError};
use confab_rtcio::{AckError, ConnectError, ConnectErrorKind, Event, Events, Socket, SocketBuilder};
use confab_wire::{
    limits, name,
    room::{RoomId, RoomLink, Token},
    signaling::{self, JoinReply, JoinRoom, PeekReply, Refusal, RefusalCode, RoomPeek, Welcome},
};
use serde_json::{Value, json};
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// A socket that is inside the room, its events, and what the server said.
pub type Entered = (Socket, Events, Joined);

/// How long a server may take to answer a join before it counts as one that answers none: the documented handlers of rtc.io do
/// not. One that is only slow is heard later.
pub const JOIN_PATIENCE: Duration = Duration::from_secs(2);

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An answer that may still come; `None` if none does.
pub type LateAnswer = BoxFuture<Option<Result<Joined, UserError>>>;

/// What came of a join.
pub enum Joined {
    /// The server said who is inside.
    Answered(Welcome),
    /// It said nothing: we are inside under the id of the connection, and hear of the members one by one.
    Unanswered {
        /// Own id.
        id: String,
        /// What may still come.
        late: LateAnswer,
    },
}

impl std::fmt::Debug for Joined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered(_) => f.write_str("Answered"),
            Self::Unanswered { .. } => f.write_str("Unanswered"),
        }
    }
}

/// Connects to the server of `config` and joins its room. Fails with the first error: a person is waiting.
pub async fn enter(config: &CallConfig) -> Result<Entered, UserError> {
    let server = config.connect.clone().unwrap_or_else(|| config.link.server.clone());
    let builder = Socket::builder(server).force_new(true).decoders(config.decoders);
    let (socket, mut events) = with_token(builder, config.link.token.as_ref()).connect();
    let welcome = match timeout(limits::CONNECT_TIMEOUT, connected(&mut events)).await {
        Ok(Ok(())) => join(&socket, &config.link.room, &config.name, None, JOIN_PATIENCE).await,
        Ok(Err(error)) => Err(error),
        Err(_) => Err(UserError::with_detail(ErrorCode::ServerUnreachable, "no answer in time")),
    };
    match welcome {
        Ok(welcome) => Ok((socket, events, welcome)),
        Err(error) => {
            socket.close().await;
            Err(error)
        }
    }
}

/// Sends the token of a member with the connection, where there is one.
fn with_token(builder: SocketBuilder, token: Option<&Token>) -> SocketBuilder {
    match token {
        Some(token) => builder.auth(json!({ "token": token.as_str() })),
        None => builder,
    }
}

/// Finds out whether there is a server at an address. Fails with `ServerUnreachable`,
/// `UntrustedCertificate` or `NotConfab`, or with why the server takes nobody; that it wants another token, or one at all, is no failure.
pub async fn probe_server(server: &Url, token: Option<&Token>) -> Result<(), UserError> {
    let (socket, mut events) = with_token(Socket::builder(server.clone()).force_new(true), token).connect();
    let answered = match timeout(limits::CONNECT_TIMEOUT, connected(&mut events)).await {
        Ok(Err(error)) if error.code != ErrorCode::JoinRefused => Err(error),
        Ok(_) => Ok(()),
        Err(_) => Err(UserError::with_detail(ErrorCode::ServerUnreachable, "no answer in time")),
    };
    socket.close().await;
    answered
}

async fn connected(events: &mut Events) -> Result<(), UserError> {
    while let Some(event) = events.recv().await {
        match event {
            Event::Connected { .. } => return Ok(()),
            Event::ConnectError { error } => return Err(unconnected(error)),
            _ => {}
        }
    }
    Err(UserError::with_detail(ErrorCode::Internal, "the engine ended"))
}

/// What the engine's failure is for a person.
fn unconnected(error: ConnectError) -> UserError {
    let code = match error.kind {
        ConnectErrorKind::NotAServer => ErrorCode::NotConfab,
        ConnectErrorKind::Refused => ErrorCode::JoinRefused,
        ConnectErrorKind::UntrustedCertificate => ErrorCode::UntrustedCertificate,
        _ => ErrorCode::ServerUnreachable,
    };
    let unconnected = match error.message {
        Some(message) => UserError::from(Refusal::from_text(&message)),
        None => UserError::new(code),
    };
    UserError { detail: unconnected.detail.clone().or(error.detail), ..unconnected }
}

/// How long a server may take to say who is in a room. One that knows no such question never answers.
const PEEK_TIMEOUT: Duration = Duration::from_secs(5);

/// Who is in the room of `link`, without going in; `None` if its server does not tell. Fails with `ServerUnreachable` or
/// `NotConfab`, or with what the server would refuse a join for: a room that is full or not open, a token for another one.
pub async fn peek_room(link: &RoomLink) -> Result<Option<RoomPeek>, UserError> {
    let builder = Socket::builder(link.server.clone()).force_new(true);
    let (socket, mut events) = with_token(builder, link.token.as_ref()).connect();
    let peeked = match timeout(limits::CONNECT_TIMEOUT, connected(&mut events)).await {
        Ok(Ok(())) => {
            let request = vec![json!({ "roomId": link.room })];
            let answer = timeout(PEEK_TIMEOUT, socket.server().emit_with_ack(signaling::PEEK_ROOM, request)).await;
            answer.ok().and_then(|answer| answer.ok()?.into_iter().next()).map_or(Ok(None), inside)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(UserError::with_detail(ErrorCode::ServerUnreachable, "no answer in time")),
    };
    socket.close().await;
    peeked
}

/// What a server says about a room, as far as it can be shown. That it was asked too often says nothing about the room.
fn inside(reply: Value) -> Result<Option<RoomPeek>, UserError> {
    let mut peek = match serde_json::from_value(reply) {
        Ok(PeekReply::Inside(peek)) => peek,
        Ok(PeekReply::Refused { error }) if error.code != RefusalCode::TooManyQuestions => return Err(error.into()),
        _ => return Ok(None),
    };
    peek.names = peek.names.iter().filter_map(|name| name::shown(name)).collect();
    peek.names.truncate(limits::ROOM_MEMBERS);
    Ok(Some(peek))
}

/// What a rejoin after an outage brings along.
#[derive(Debug, Clone)]
pub struct Resume {
    /// Token of the last welcome.
    pub token: String,
    /// Peers to which a connection still stands.
    pub connected: Vec<String>,
}

/// Sends `join-room` and takes over what the server answers: the own id and the ICE servers. One that does not answer within
/// `patience` is taken for one that answers no joins.
pub async fn join(
    socket: &Socket,
    room: &RoomId,
    name: &str,
    resume: Option<Resume>,
    patience: Duration,
) -> Result<Joined, UserError> {
    let (resume, connected) = resume.map_or((None, Vec::new()), |resume| (Some(resume.token), resume.connected));
    let request = JoinRoom { room_id: room.to_string(), name: name.to_owned(), resume, connected };
    let request = serde_json::to_value(request).map_err(|error| UserError::with_detail(ErrorCode::Internal, error))?;
    let asking = socket.clone();
    let answer = async move { asking.server().emit_with_ack(signaling::JOIN_ROOM, vec![request]).await };
    let mut answer: BoxFuture<Result<Vec<Value>, AckError>> = Box::pin(answer);
    match timeout(patience, &mut answer).await {
        Ok(Ok(answer)) => accept(socket, answer),
        Ok(Err(error)) => Err(UserError::with_detail(ErrorCode::NotConfab, format!("no answer to the join: {error}"))),
        Err(_) => {
            socket.set_joined();
            let id = socket.id().unwrap_or_default();
            Ok(Joined::Unanswered { id, late: late(socket.clone(), answer) })
        }
    }
}

/// What a server that did not answer in time says later: to the join, and to the question for ICE servers of rtc.io's guide.
fn late(socket: Socket, answer: BoxFuture<Result<Vec<Value>, AckError>>) -> LateAnswer {
    Box::pin(async move {
        let (answer, _) = tokio::join!(answer, socket.ask_ice());
        answer.ok().map(|answer| accept(&socket, answer))
    })
}

fn accept(socket: &Socket, answer: Vec<Value>) -> Result<Joined, UserError> {
    match serde_json::from_value(answer.into_iter().next().unwrap_or_default()) {
        Ok(JoinReply::Welcome(welcome)) if welcome.id.len() <= limits::ID_BYTES => {
            socket.set_id(&welcome.id);
            socket.set_ice_servers(welcome.ice_servers.clone());
            Ok(Joined::Answered(welcome))
        }
        Ok(JoinReply::Refused { error }) => Err(error.into()),
        _ => Err(UserError::with_detail(ErrorCode::NotConfab, "the answer to the join is none of ours")),
    }
}
