//! What the dialect asks of the connection.

use super::ConnectionTask;
use crate::attempt::Ending;
use crate::command::ConnectionCommand;
use crate::event::ConnectionState;
use crate::stats::reading;
use tokio::time::Instant;

impl ConnectionTask<'_> {
    pub(super) async fn command(&mut self, command: ConnectionCommand) -> Option<Ending> {
        match command {
            ConnectionCommand::Description(description) => {
                return match self.bounds.admit_description(&description, Instant::now()) {
                    Ok(()) => self.described(description).await,
                    Err(what) => {
                        self.misbehaving(what.to_owned()).await;
                        None
                    }
                };
            }
            ConnectionCommand::Candidate(candidate) => match self.bounds.admit_candidate() {
                Ok(()) => {
                    self.negotiation.candidate(candidate).await;
                    self.send_descriptions().await;
                }
                Err(what) => self.misbehaving(what.to_owned()).await,
            },
            ConnectionCommand::Send(message) => self.control.send(message).await,
            ConnectionCommand::SignalingUp(up) => return self.signaling_changed(up).await,
            ConnectionCommand::AddressesChanged => return self.addresses_changed().await,
            ConnectionCommand::RemoteLeft => {
                if self.watch.hint(Instant::now()) {
                    return Some(Ending::Gone);
                }
            }
            ConnectionCommand::BeginAnew => {
                return Some(Ending::Again { role: self.context.options.role.anew(), offer: None });
            }
            // A wish, and no sign that anything is wrong.
            ConnectionCommand::RestartIce => self.negotiation.restart_ice(true, Instant::now()).await,
            ConnectionCommand::SetRenderedSize { mid, size } => self.outbound.set_rendered_size(&mid, size).await,
            ConnectionCommand::Close => return Some(Ending::Gone),
            ConnectionCommand::Report(reply) => {
                let at_rest = self.negotiation.is_at_rest() && self.state == ConnectionState::Connected;
                let id = self.context.remote.id();
                reply.send(reading::report(id, self.state, at_rest, &self.connection).await).ok();
            }
            ConnectionCommand::Stats(reply) => {
                reply.send(reading::read(&self.connection).await).ok();
            }
        }
        None
    }
}
