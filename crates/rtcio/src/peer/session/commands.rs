//! What the peer's task is asked to do.

use super::Session;
use crate::Event;
use crate::peer::plan::{End, Opening};
use crate::peer::{Command, stats};
#[cfg(test)]
use confab_ipc::PeerState;
use confab_wire::signaling::Signal;
use tokio::time::Instant;

impl Session<'_> {
    pub(super) async fn command(&mut self, command: Command) -> Option<End> {
        if let Command::Signal(signal) = &command
            && let Err(what) = self.bounds.admit(signal, Instant::now())
        {
            self.complain(what.to_owned()).await;
            return None;
        }
        match command {
            Command::Signal(Signal::Description(description)) => return self.described(description).await,
            Command::Signal(Signal::Candidate(candidate)) => {
                self.negotiation.candidate(candidate).await;
                self.say().await;
            }
            Command::Signal(Signal::StreamQuery { mid }) => {
                if self.outbound.has_stream(&mid)
                    && let Some(events) = self.context.shared.registry.events(&mid)
                {
                    self.context.relay(Signal::StreamEvents { mid, events }).await;
                }
            }
            Command::Signal(Signal::StreamEvents { mid, events }) => {
                if let Some((stream, events)) = self.inbound.told(&mid, events) {
                    self.context.remote.stream_told(&stream, &events);
                    for (event, args) in events {
                        let (peer, stream) = (self.context.id.clone(), stream.clone());
                        self.tell(Event::Stream { peer, event, args, stream }).await;
                    }
                }
            }
            Command::Send(envelope) => self.ctrl.send(envelope).await,
            Command::SignalingUp(up) => return self.signaling_changed(up).await,
            Command::AddressesChanged => return self.moved().await,
            Command::Left => {
                if self.watch.hint(Instant::now()) {
                    return Some(End::Gone);
                }
            }
            Command::Restart => {
                return Some(End::Again { opening: Opening::Offer, offer: None });
            }
            // A wish, and no sign that anything is wrong.
            Command::RestartIce => self.negotiation.restart_ice(true, Instant::now()).await,
            #[cfg(test)]
            Command::Settled(reply) => {
                // Both are null exactly in the signaling state `stable` (W3C webrtc-pc section 4.4.1.1).
                let pc = &self.connection.pc;
                let stable =
                    pc.pending_local_description().await.is_none() && pc.pending_remote_description().await.is_none();
                reply.send(stable && self.negotiation.is_at_rest() && self.state == PeerState::Connected).ok();
            }
            Command::Stats(reply) => {
                reply.send(stats::report(&self.context.id, self.state, &self.connection).await).ok();
            }
            Command::AllStats(reply) => {
                reply.send(stats::read(&self.connection).await).ok();
            }
        }
        None
    }
}
