//! The connections to one remote, one after the other.

use crate::attempt::{Attempt, Ending};
use crate::channel::Channels;
use crate::command::ConnectionCommand;
use crate::context::Context;
use crate::endpoint::Endpoint;
use crate::event::ConnectionEvent;
use crate::ice::UNREACHABLE;
use crate::options::ConnectionOptions;
use crate::reconnect::{self, CommandQueue, Next};
use crate::remote_peer::RemoteControl;
use crate::task::ConnectionTask;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Commands that wait: a burst of messages, candidates and descriptions.
const COMMANDS: usize = 2048;
/// Events that wait for the dialect.
const EVENTS: usize = 256;

/// A dialect's end of the connections to one remote.
#[derive(Debug)]
pub struct PeerTransport {
    /// Commands to the connections. The queue is bounded; a dialect that waits for room must go on reading events meanwhile.
    pub commands: mpsc::Sender<ConnectionCommand>,
    /// Events, until the remote is over.
    pub events: mpsc::Receiver<ConnectionEvent>,
    /// The data channels beside the control channel.
    pub channels: Arc<Channels>,
}

/// Connects this side and `remote`: gives the dialect's end, and the task to run, which ends when the remote is gone, when
/// the dialect closes it, or on `cancel`.
pub fn connect(
    endpoint: Arc<Endpoint>,
    remote: RemoteControl,
    options: ConnectionOptions,
    cancel: CancellationToken,
) -> (PeerTransport, impl Future<Output = ()> + Send) {
    let (commands, command_receiver) = mpsc::channel(COMMANDS);
    let (events, event_receiver) = mpsc::channel(EVENTS);
    let channels = Arc::new(Channels::new(remote.clone()));
    let transport = PeerTransport { commands, events: event_receiver, channels: Arc::clone(&channels) };
    let span = tracing::debug_span!("peer", id = remote.id());
    remote.set_describes_streams(options.describes_streams);
    let attempt = Attempt::first(options.role, options.signaling_up);
    let context = Context { endpoint, remote, options, channels, cancel, events };
    (transport, run(context, CommandQueue::new(command_receiver), attempt).instrument(span))
}

/// A remote that begins anew, or whose connection is lost while it is present, keeps its commands and their order.
async fn run(context: Context, mut commands: CommandQueue, mut attempt: Attempt) {
    loop {
        if reconnect::wait_for_rate(&context, &mut commands, &mut attempt).await == Next::Gone {
            return;
        }
        let number = attempt.number;
        let task = match ConnectionTask::open(&context, attempt).await {
            Ok(task) => task,
            Err(error) => {
                tracing::error!(%error, "a connection can't be made");
                if context.endpoint.ice.lacks_relays() {
                    let text = "only relays may be used, and there is no TURN server".to_owned();
                    let event = ConnectionEvent::IceCandidateError { url: String::new(), code: UNREACHABLE, text };
                    context.emit(event).await;
                }
                return;
            }
        };
        let finished = task.run(&mut commands).await;
        let lost = if let Ending::Lost { orderly } = finished.ending { Some(orderly) } else { None };
        let Some(next) = Attempt::after(finished, number).filter(|_| context.options.replaces) else { return };
        attempt = next;
        if let Some(orderly) = lost {
            context.remote.reconnecting();
            if reconnect::wait_for_next(&context, &mut commands, &mut attempt, orderly).await == Next::Gone {
                return;
            }
        }
    }
}
