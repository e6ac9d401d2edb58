//! What the connection and its `ctrl` channel say.

use super::Session;
use crate::ice::Notice;
use crate::peer::connection::PcEvent;
use crate::peer::ctrl::Unfit;
use crate::peer::plan::End;
use crate::{Event, RemotePeerEvent};
use confab_wire::{
    ctrl::{Envelope, EnvelopeError, RenderedSizeNote},
    signaling::Signal,
};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use tokio::time::Instant;
use webrtc::data_channel::DataChannelEvent;

/// Data channels that a peer may open in-band on one connection, each of which is closed. The library (rtc 0.21.1) keeps the
/// labels of closed ones, and what comes on one until the peer has closed it, too, as long as the connection stands.
const STRANGE_CHANNELS: u32 = 64;

impl Session<'_> {
    pub(super) async fn connection_event(&mut self, event: PcEvent) -> Option<End> {
        match event {
            PcEvent::Candidate(candidate) => self.context.relay(Signal::Candidate(candidate)).await,
            PcEvent::Track(source) => self.inbound.started(&self.connection, source, &mut self.tasks).await,
            PcEvent::Channel(channel) => {
                self.complain("it opened a data channel that was not agreed on".to_owned()).await;
                channel.close().await.ok();
                self.strange_channels += 1;
                if self.strange_channels > STRANGE_CHANNELS {
                    tracing::warn!("the connection to a peer ends: it opens too many data channels");
                    return Some(End::Lost { orderly: false });
                }
            }
            PcEvent::Ice(notice) => self.ice_notice(notice).await,
        }
        None
    }

    async fn ice_notice(&mut self, notice: Notice) {
        let Notice { url, code, reason: text, lost } = notice;
        self.context.remote.tell(RemotePeerEvent::IceCandidateError { error: format!("{url}: {code} {text}") });
        self.tell(Event::IceCandidateError { peer: self.context.id.clone(), url, code, text }).await;
        if lost {
            let shared = &self.context.shared;
            match self.connection.renew_relays(&shared.ice, &shared.addresses()).await {
                Ok(true) => self.negotiation.restart_ice(self.watch.is_healthy(), Instant::now()).await,
                Ok(false) => tracing::debug!("a relay is lost again"),
                Err(error) => tracing::warn!(%error, "relays can't be allocated again"),
            }
        }
    }

    pub(super) async fn ctrl_event(&mut self, event: Option<DataChannelEvent>) -> Option<End> {
        match event {
            Some(DataChannelEvent::OnOpen) => {
                if self.ctrl.opened().await {
                    self.announced = true;
                    self.connection.opened();
                    self.context.channels.open();
                    self.context.connected.store(true, Ordering::Release);
                    self.tell(Event::PeerConnect { peer: self.context.id.clone() }).await;
                    self.context.shared.supersede(&self.context.id);
                }
            }
            Some(DataChannelEvent::OnMessage(message)) => match self.ctrl.receive(&message, Instant::now()) {
                Ok(envelope) => {
                    let peer = self.context.id.clone();
                    self.tell(Event::Message { peer, event: envelope.event, args: envelope.args }).await;
                }
                Err(Unfit::Internal(text)) => return self.internal(&text).await,
                Err(Unfit::Wrong(what)) => self.complain(what).await,
            },
            Some(DataChannelEvent::OnBufferedAmountLow) => self.ctrl.flush().await,
            // rtc.io closes `ctrl` only together with the connection: the peer has left.
            Some(DataChannelEvent::OnClosing | DataChannelEvent::OnClose) | None => {
                return Some(End::Lost { orderly: true });
            }
            Some(_) => {}
        }
        None
    }

    /// An event of the library itself: a note between programs of ours, or none that there is.
    async fn internal(&mut self, text: &str) -> Option<End> {
        if let Some(id) = Envelope::renamed(text) {
            return self.renamed(id);
        }
        match RenderedSizeNote::parse(text) {
            Some(note) => self.outbound.set_drawn(&note.mid, note.size).await,
            None => self.complain(EnvelopeError::Reserved.to_string()).await,
        }
        None
    }

    /// Tells the owner how its videos are drawn. A stock peer would drop it with a warning.
    pub(super) async fn tell_drawn(&mut self) {
        if self.ours {
            for note in self.inbound.drawn() {
                self.ctrl.send(note.to_text().into()).await;
            }
        }
    }

    /// The peer has a new id; two connections to it are one too many.
    fn renamed(&self, id: String) -> Option<End> {
        let stands = self.context.shared.peer(&id).is_some_and(|peer| peer.is_connected());
        tracing::debug!(id, stands, "the peer has a new id");
        *self.context.renamed.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        stands.then_some(End::Gone)
    }
}
