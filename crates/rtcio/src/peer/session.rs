//! One connection to a peer, from its making to its end.

use super::bounds::Bounds;
use super::connection::{Connection, PcEvent, candidate_init};
use super::ctrl::{Complaints, Ctrl};
use super::healing::{Healing, Inbox, Remedy, patience};
use super::inbound::{Change, Inbound};
use super::negotiation::{Negotiation, Verdict};
use super::outbound::Outbound;
use super::past::{Past, Repetition};
use super::watchdog::{Health, Watch};
use super::{Command, Context, Opening, Plan, quirks, sdp, stats};
use crate::ice::Notice;
use crate::{Event, RemotePeerEvent, RemotePeerState};
use confab_protocol::ctrl::Envelope;
use confab_protocol::ipc::PeerState;
use confab_protocol::limits;
use confab_protocol::signaling::{Candidate, Description, Signal};
use rtc::peer_connection::configuration::RTCOfferOptions;
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use webrtc::data_channel::DataChannelEvent;
use webrtc::error::Result;
use webrtc::peer_connection::{RTCPeerConnectionState, RTCSdpType, RTCSessionDescription};

/// How long the goodbye of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an offer may wait for its answer before a dead connection is offered anew.
const STALE_OFFER: Duration = Duration::from_secs(5);

/// Descriptions one after the other that may fail before the connection counts as broken.
const REFUSED: u32 = 8;

/// How a session ends.
pub(crate) enum End {
    /// The peer is gone, or is to go.
    Gone,
    /// A new connection begins at once, perhaps with this offer.
    Again { opening: Opening, offer: Option<Description> },
    /// The connection is over, the peer may not be; `orderly` if the other side closed it.
    Lost { orderly: bool },
}

/// What is left of a session.
pub(crate) struct Over {
    pub(crate) end: End,
    pub(crate) signaling_up: bool,
    /// The connection stood at some time.
    pub(crate) stood: bool,
    pub(crate) remote_fingerprint: Option<String>,
}

/// The state of one connection.
pub(crate) struct Session<'a> {
    context: &'a Context,
    connection: Connection,
    ctrl: Ctrl,
    negotiation: Negotiation,
    outbound: Outbound,
    /// The library has seen a video m-line of the other side.
    taught: bool,
    inbound: Inbound,
    watch: Watch,
    healing: Healing,
    /// We began this connection on our own, and it is not answered yet.
    insisting: bool,
    /// The connection stood at some time.
    stood: bool,
    /// See [`Plan::abandoned`].
    abandoned: Option<String>,
    /// The offer that made this connection.
    offer: Option<Description>,
    complaints: Complaints,
    bounds: Bounds,
    /// What was applied of the peer.
    past: Past,
    /// Our last answer.
    answer: Option<String>,
    /// An offer was rolled back that may yet be answered.
    doubtful: bool,
    /// Descriptions one after the other that could not be applied.
    refused: u32,
    /// Candidates that came before the description they belong to; the oldest go first.
    candidates: VecDeque<Candidate>,
    /// Certificate of the other side, once a description of it was applied.
    remote_fingerprint: Option<String>,
    registry: watch::Receiver<u64>,
    broadcasts: watch::Receiver<u64>,
    signaling_up: bool,
    offered_at: Instant,
    state: PeerState,
    /// `peer-connect` was told.
    announced: bool,
    tasks: JoinSet<()>,
}

impl<'a> Session<'a> {
    /// Makes a connection.
    pub(crate) async fn open(context: &'a Context, plan: Plan) -> Result<Self> {
        let connection = Connection::open(&context.shared.ice).await?;
        let now = Instant::now();
        // Who makes the first offer is the polite side.
        let polite = plan.opening != Opening::Answer;
        context.remote.set_polite(polite);
        context.remote.connecting();
        if plan.attempt > 0 {
            context.remote.tell(RemotePeerEvent::ConnectionReset);
        }
        Ok(Self {
            ctrl: Ctrl::new(connection.ctrl.clone(), now),
            connection,
            negotiation: Negotiation::new(polite),
            outbound: Outbound::default(),
            taught: false,
            inbound: Inbound::new(context.id.clone()),
            watch: Watch::new(context.shared.watchdog, patience(plan.attempt), now),
            healing: Healing::default(),
            insisting: plan.opening == Opening::Insist,
            stood: false,
            abandoned: plan.abandoned,
            offer: plan.offer,
            complaints: Complaints::default(),
            bounds: Bounds::default(),
            past: Past::default(),
            answer: None,
            doubtful: false,
            refused: 0,
            candidates: VecDeque::new(),
            remote_fingerprint: None,
            registry: context.shared.registry.changes(),
            broadcasts: context.shared.channels.changes(),
            signaling_up: plan.signaling_up,
            offered_at: now,
            state: PeerState::Connecting,
            announced: false,
            tasks: JoinSet::new(),
            context,
        })
    }

    /// Serves the connection to its end.
    pub(crate) async fn run(mut self, inbox: &mut Inbox) -> Over {
        self.tell(Event::PeerState { peer: self.context.id.clone(), state: PeerState::Connecting }).await;
        // Before the first description: the association must not come up before them, or first messages are lost.
        self.join_channels();
        self.context.channels.attach(&*self.connection.pc).await;
        self.reconcile().await;
        let mut end = match self.offer.take() {
            Some(offer) => self.described(offer).await,
            None => None,
        };
        while end.is_none() {
            end = self.step(inbox).await;
        }
        let (signaling_up, stood) = (self.signaling_up, self.stood);
        // What was said about a connection that never got a description belongs to the one before.
        let remote_fingerprint = self.remote_fingerprint.take().or_else(|| self.abandoned.take());
        self.close().await;
        Over { end: end.unwrap_or(End::Gone), signaling_up, stood, remote_fingerprint }
    }

    /// Waits for one thing and does it.
    async fn step(&mut self, inbox: &mut Inbox) -> Option<End> {
        let deadline = self.watch.deadline();
        let remedy = self.healing.deadline().filter(|_| self.signaling_up);
        let offer_due = self.signaling_up && self.negotiation.is_due();
        tokio::select! {
            // What was asked for comes before the offer that tells of it, so that many changes are one offer; a peer's
            // events come last, so that a flood of them holds nothing up.
            biased;
            () = self.context.cancel.cancelled() => Some(End::Gone),
            changed = self.connection.state.changed() => match changed {
                Ok(()) => self.state_changed().await,
                Err(_) => Some(End::Lost { orderly: false }),
            },
            command = inbox.recv() => match command {
                Some(command) => self.command(command).await,
                None => Some(End::Gone),
            },
            Some(event) = self.connection.events.recv() => {
                self.connection_event(event).await;
                None
            }
            Ok(()) = self.registry.changed() => {
                self.reconcile().await;
                None
            }
            Ok(()) = self.broadcasts.changed() => {
                self.join_channels();
                None
            }
            () = self.context.channels.wanted() => {
                self.context.channels.attach(&*self.connection.pc).await;
                None
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                tracing::info!("the peer did not come back in time");
                Some(End::Lost { orderly: false })
            }
            () = sleep_until(remedy.unwrap_or_else(Instant::now)), if remedy.is_some() => self.heal().await,
            () = std::future::ready(()), if offer_due => {
                self.offer().await;
                None
            }
            event = self.ctrl.channel.poll() => self.ctrl_event(event).await,
            Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a media task failed");
                }
                None
            }
        }
    }

    async fn tell(&self, event: Event) {
        self.context.tell(event).await;
    }

    async fn complain(&mut self, what: String) {
        tracing::debug!(%what, "the peer misbehaves");
        if self.complaints.admit(Instant::now()) {
            tracing::warn!(%what, "the peer misbehaves");
            self.tell(Event::Misbehaving { peer: self.context.id.clone(), what }).await;
        }
    }

    async fn set_state(&mut self, state: PeerState) {
        if self.state != state {
            self.state = state;
            self.tell(Event::PeerState { peer: self.context.id.clone(), state }).await;
        }
    }

    // ---- the connection ----

    async fn state_changed(&mut self) -> Option<End> {
        let state = *self.connection.state.borrow_and_update();
        tracing::debug!(%state, "connection");
        let now = Instant::now();
        match state {
            RTCPeerConnectionState::Connected => {
                self.watch.changed(Health::Healthy, now);
                self.healing.healthy();
                self.stood = true;
                self.outbound.refresh(true).await;
                self.context.remote.set_state(RemotePeerState::Connected);
                self.set_state(PeerState::Connected).await;
            }
            RTCPeerConnectionState::Disconnected | RTCPeerConnectionState::Failed => {
                self.watch.changed(Health::Unhealthy, now);
                self.context.remote.reconnecting();
                if state == RTCPeerConnectionState::Failed {
                    if self.healing.is_restarted() && !self.negotiation.is_offering() && self.signaling_up {
                        tracing::info!("the restart of ICE was answered, and did not help");
                        return Some(End::Lost { orderly: false });
                    }
                    self.restart_ice().await;
                } else {
                    let polite = self.context.remote.polite();
                    self.healing.unhealthy(self.context.shared.watchdog.timeout, polite, now);
                }
                if self.state == PeerState::Connected {
                    self.set_state(PeerState::Reconnecting).await;
                }
            }
            RTCPeerConnectionState::Closed => return Some(End::Lost { orderly: false }),
            _ => self.watch.changed(Health::Pending, now),
        }
        None
    }

    /// The path is dead: a new offer with new ICE credentials.
    async fn restart_ice(&mut self) {
        if self.negotiation.is_offering() && self.offered_at.elapsed() > STALE_OFFER {
            self.roll_back().await;
        }
        self.negotiation.need_ice_restart();
        // Not of a path that still stands: a relay that is lost is no reason to lose the connection.
        if !self.watch.is_healthy() {
            self.healing.restarted(Instant::now());
        }
    }

    /// Does what is due about an unhealthy or unanswered connection.
    async fn heal(&mut self) -> Option<End> {
        while let Some(remedy) = self.healing.due(Instant::now()) {
            tracing::debug!(?remedy, "healing");
            match remedy {
                Remedy::Restart => self.restart_ice().await,
                Remedy::Replace => return Some(End::Lost { orderly: false }),
                Remedy::Repeat => self.repeat_offer().await,
                Remedy::Yield(offer) => return Some(End::Again { opening: Opening::Answer, offer: Some(offer) }),
            }
        }
        None
    }

    /// Says the offer that waits for its answer again, with the candidates gathered so far.
    async fn repeat_offer(&mut self) {
        if self.negotiation.is_offering()
            && let Some(offer) = self.connection.pc.pending_local_description().await
        {
            self.send_description("offer", offer.sdp).await;
        }
    }

    async fn connection_event(&mut self, event: PcEvent) {
        match event {
            PcEvent::Candidate(candidate) => self.context.relay(Signal::Candidate(candidate)).await,
            PcEvent::Track(source) => self.inbound.started(&self.connection.pc, source, &mut self.tasks).await,
            PcEvent::Channel(channel) => {
                self.complain("it opened a data channel that was not agreed on".to_owned()).await;
                channel.close().await.ok();
            }
            PcEvent::Ice(notice) => self.ice_notice(notice).await,
        }
    }

    async fn ice_notice(&mut self, notice: Notice) {
        let Notice { url, code, reason: text, lost } = notice;
        self.context.remote.tell(RemotePeerEvent::IceCandidateError { error: format!("{url}: {code} {text}") });
        self.tell(Event::IceCandidateError { peer: self.context.id.clone(), url, code, text }).await;
        if lost {
            match self.connection.renew_relays(&self.context.shared.ice).await {
                Ok(true) => self.restart_ice().await,
                Ok(false) => tracing::debug!("a relay is lost again"),
                Err(error) => tracing::warn!(%error, "relays can't be allocated again"),
            }
        }
    }

    async fn ctrl_event(&mut self, event: Option<DataChannelEvent>) -> Option<End> {
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
                Err(what) => match std::str::from_utf8(&message.data).ok().and_then(Envelope::renamed) {
                    Some(id) => return self.renamed(id),
                    None => self.complain(what).await,
                },
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

    /// The peer has a new id; two connections to it are one too many.
    fn renamed(&self, id: String) -> Option<End> {
        let stands = self.context.shared.peer(&id).is_some_and(|peer| peer.is_connected());
        tracing::debug!(id, stands, "the peer has a new id");
        *self.context.renamed.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        stands.then_some(End::Gone)
    }

    // ---- commands ----

    async fn command(&mut self, command: Command) -> Option<End> {
        if let Command::Signal(signal) = &command
            && let Err(what) = self.bounds.admit(signal, Instant::now())
        {
            self.complain(what.to_owned()).await;
            return None;
        }
        match command {
            Command::Signal(Signal::Description(description)) => return self.described(description).await,
            Command::Signal(Signal::Candidate(candidate)) => self.candidate(candidate).await,
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
            Command::SignalingUp(up) => self.signaling_changed(up).await,
            Command::Left => {
                if self.watch.hint(Instant::now()) {
                    return Some(End::Gone);
                }
            }
            Command::Restart => {
                return Some(End::Again { opening: Opening::Offer, offer: None });
            }
            #[cfg(test)]
            Command::Settled(reply) => {
                // Both are null exactly in the signaling state `stable` (W3C webrtc-pc section 4.4.1.1).
                let pc = &self.connection.pc;
                let stable =
                    pc.pending_local_description().await.is_none() && pc.pending_remote_description().await.is_none();
                let at_rest =
                    self.negotiation.is_ready() && !self.negotiation.is_offering() && !self.negotiation.is_due();
                reply.send(stable && at_rest && self.state == PeerState::Connected).ok();
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

    /// Offers and candidates of an outage were dropped: what still matters is said again.
    async fn signaling_changed(&mut self, up: bool) {
        self.signaling_up = up;
        self.healing.forget_restart();
        if !up {
            return;
        }
        if self.watch.is_unhealthy() {
            if self.negotiation.is_offering() {
                self.roll_back().await;
            }
            self.negotiation.need_ice_restart();
            self.healing.restarted(Instant::now());
        } else {
            self.repeat_offer().await;
        }
        for mid in self.inbound.unknown() {
            self.context.relay(Signal::StreamQuery { mid }).await;
        }
    }

    async fn candidate(&mut self, candidate: Candidate) {
        if self.remote_fingerprint.is_none() {
            if self.candidates.len() >= limits::PENDING_CANDIDATES {
                self.candidates.pop_front();
            }
            self.candidates.push_back(candidate);
            return;
        }
        if let Err(error) = self.connection.pc.add_ice_candidate(candidate_init(candidate)).await {
            // Also those of an offer that was ignored.
            tracing::debug!(%error, "a candidate of the peer can't be used");
            self.context.remote.tell(RemotePeerEvent::IceCandidateError { error: error.to_string() });
        }
    }

    // ---- negotiation ----

    async fn offer(&mut self) {
        let restart = self.negotiation.begin_offer();
        self.offered_at = Instant::now();
        if let Err(error) = self.try_offer(restart).await {
            tracing::error!(%error, "an offer can't be made");
            self.context.remote.tell(RemotePeerEvent::NegotiationError { error: error.to_string() });
            self.negotiation.abandon_offer(false);
        } else if self.insisting {
            self.healing.offered(Instant::now());
        }
    }

    async fn try_offer(&mut self, ice_restart: bool) -> Result<()> {
        let offer = self.connection.pc.create_offer(Some(RTCOfferOptions { ice_restart })).await?;
        let sdp = offer.sdp.clone();
        self.connection.pc.set_local_description(offer).await?;
        self.send_description("offer", sdp).await;
        Ok(())
    }

    async fn send_description(&self, kind: &str, sdp: String) {
        tracing::trace!(kind, sdp, "description sent");
        let description = Description { kind: kind.to_owned(), sdp: self.connection.presentable(sdp) };
        self.context.relay(Signal::Description(description)).await;
    }

    async fn roll_back(&mut self) {
        let rolled_back = match RTCSessionDescription::rollback(None) {
            Ok(rollback) => self.connection.pc.set_local_description(rollback).await,
            Err(error) => Err(error),
        };
        if let Err(error) = rolled_back {
            tracing::warn!(%error, "an offer can't be rolled back");
        }
        self.negotiation.abandon_offer(true);
        self.doubtful = true;
    }

    async fn described(&mut self, description: Description) -> Option<End> {
        let kind = match description.kind.as_str() {
            "offer" => RTCSdpType::Offer,
            "answer" => RTCSdpType::Answer,
            other => {
                let what = format!("it sent a description of type {:.20}", other);
                self.complain(what).await;
                return None;
            }
        };
        tracing::trace!(kind = %description.kind, sdp = %description.sdp, "description received");
        let is_offer = kind == RTCSdpType::Offer;
        let fingerprint = sdp::fingerprint(&description.sdp).map(str::to_owned);
        if self.remote_fingerprint.is_none() && fingerprint.is_some() && fingerprint == self.abandoned {
            tracing::debug!(kind = %description.kind, "a description is ignored: it belongs to the connection before");
            return None;
        }
        if let (Some(known), Some(new)) = (&self.remote_fingerprint, &fingerprint)
            && known != new
        {
            if is_offer {
                tracing::debug!("the peer begins a new connection");
                return Some(End::Again { opening: Opening::Answer, offer: Some(description) });
            }
            if self.negotiation.is_offering() {
                // It has given this connection up, and took our offer for a new one's: then let it be one.
                tracing::debug!("the peer answers with a new connection");
                return Some(End::Again { opening: Opening::Insist, offer: None });
            }
        }
        if let Some(repetition) = self.past.judge(&description.sdp) {
            tracing::debug!(?repetition, kind = %description.kind, "a description is not applied: it was before");
            if repetition == Repetition::OfLast && is_offer {
                self.answer_again(&description.sdp).await;
            }
            return None;
        }
        if is_offer && self.insisting && self.negotiation.is_offering() {
            tracing::debug!("an offer is held up: ours stands against it");
            self.healing.collided(description, Instant::now());
            return None;
        }
        if is_offer && self.negotiation.is_offering() && self.negotiation.is_fresh() {
            // Both were asked to begin, by servers' words that crossed: the offer of the smaller id stands.
            let yields = self.context.shared.id().is_none_or(|own| own > self.context.id);
            self.negotiation.begin_against(yields);
        }
        match if is_offer { self.negotiation.remote_offer() } else { self.negotiation.remote_answer() } {
            Verdict::Ignore => {
                tracing::debug!(kind = %description.kind, "a description is ignored: it collides or is stale");
                return None;
            }
            Verdict::RollBackAndApply if self.has_taken_ours(&description.sdp).await => {
                // Its answer was lost in an outage. It will say both again.
                tracing::debug!("an offer is put off: ours was taken before it");
                self.repeat_offer().await;
                return None;
            }
            Verdict::RollBackAndApply => self.roll_back().await,
            Verdict::Apply if !is_offer && !self.is_answer_to_ours(&description.sdp).await => {
                tracing::debug!("an answer is ignored: it is not to the offer that waits for one");
                return None;
            }
            Verdict::Apply => {}
        }
        match self.apply(is_offer, &description.sdp).await {
            Ok(()) => {}
            Err(Refused::Remote(error)) => {
                self.context.remote.tell(RemotePeerEvent::NegotiationError { error: error.to_string() });
                self.complain(format!("its {} can't be used: {error}", description.kind)).await;
                return self.recover().await;
            }
            Err(Refused::Local(error)) => {
                tracing::error!(%error, "the peer's offer can't be answered");
                self.context.remote.tell(RemotePeerEvent::NegotiationError { error: error.to_string() });
                return Some(End::Lost { orderly: false });
            }
        }
        self.remote_fingerprint = Some(fingerprint.unwrap_or_default());
        self.past.applied(&description.sdp);
        self.insisting = false;
        self.refused = 0;
        self.context.remote.set_polite(self.negotiation.is_polite());
        self.healing.answered();
        for candidate in std::mem::take(&mut self.candidates) {
            self.candidate(candidate).await;
        }
        for change in self.inbound.described(&description.sdp) {
            self.track_change(change).await;
        }
        self.reconcile().await;
        self.outbound.refresh(self.state != PeerState::Connecting).await;
        None
    }

    /// The peer does not know whether its offer came, and says it again with the candidates that it has by now. Its
    /// state may be that of before our answer; what we offered since then, it has ignored as a collision.
    async fn answer_again(&mut self, offer: &str) {
        for candidate in sdp::candidates(offer) {
            let (candidate, sdp_m_line_index) = (candidate.to_owned(), Some(0));
            self.candidate(Candidate { candidate, sdp_mid: None, sdp_m_line_index, username_fragment: None }).await;
        }
        if let Some(answer) = self.answer.clone() {
            self.send_description("answer", answer).await;
            self.repeat_offer().await;
        }
    }

    async fn has_taken_ours(&self, theirs: &str) -> bool {
        let pc = &self.connection.pc;
        let (ours, before) = (pc.pending_local_description().await, pc.current_local_description().await);
        match (ours, before) {
            (Some(ours), Some(before)) => sdp::has_taken(theirs, &ours.sdp, &before.sdp),
            _ => false,
        }
    }

    async fn is_answer_to_ours(&self, answer: &str) -> bool {
        let offer = self.connection.pc.pending_local_description().await;
        offer.is_some_and(|offer| sdp::is_answer_to(answer, &offer.sdp, self.doubtful))
    }

    /// A description failed half way: the library leaves the signaling state where it was by then. Back to `stable`.
    async fn recover(&mut self) -> Option<End> {
        self.refused += 1;
        if self.refused > REFUSED {
            return Some(End::Lost { orderly: false });
        }
        let pc = &self.connection.pc;
        if pc.pending_remote_description().await.is_some() {
            let rolled_back = match RTCSessionDescription::rollback(None) {
                Ok(rollback) => pc.set_remote_description(rollback).await,
                Err(error) => Err(error),
            };
            if let Err(error) = rolled_back {
                tracing::warn!(%error, "an offer of the peer can't be rolled back");
            }
        }
        if self.negotiation.is_offering() && pc.pending_local_description().await.is_none() {
            self.negotiation.abandon_offer(true);
        }
        None
    }

    async fn apply(&mut self, is_offer: bool, sdp: &str) -> std::result::Result<(), Refused> {
        let pc = &self.connection.pc;
        // Once: after that the library has learned.
        let lesson = if self.taught { None } else { quirks::lesson(sdp) };
        self.taught |= sdp.contains("\nm=video ");
        let text = lesson.as_ref().map_or_else(|| sdp.to_owned(), |lesson| lesson.sdp.clone());
        if !is_offer {
            let answer = RTCSessionDescription::answer(text).map_err(Refused::Remote)?;
            pc.set_remote_description(answer).await.map_err(Refused::Remote)?;
            if let Some(lesson) = lesson {
                lesson.undo(pc).await.map_err(Refused::Local)?;
            }
            self.negotiation.completed();
            self.doubtful = false;
            return Ok(());
        }
        let offer = RTCSessionDescription::offer(text).map_err(Refused::Remote)?;
        pc.set_remote_description(offer).await.map_err(Refused::Remote)?;
        quirks::silence(pc, sdp).await.map_err(Refused::Local)?;
        if let Some(lesson) = lesson {
            lesson.undo(pc).await.map_err(Refused::Local)?;
        }
        let answer = pc.create_answer(None).await.map_err(Refused::Local)?;
        let sdp = answer.sdp.clone();
        pc.set_local_description(answer).await.map_err(Refused::Local)?;
        self.negotiation.answered();
        self.answer = Some(sdp.clone());
        self.send_description("answer", sdp).await;
        Ok(())
    }

    /// Makes what is sent match the registry; a newcomer only after its first answer.
    async fn reconcile(&mut self) {
        if !self.negotiation.is_ready() {
            return;
        }
        let streams = self.context.shared.registry.streams();
        let (pc, feedback) = (&self.connection.pc, &self.connection.feedback);
        if self.outbound.reconcile(pc, streams, feedback, &mut self.tasks).await {
            self.negotiation.need();
        }
    }

    /// Takes part in the broadcast channels of the socket.
    fn join_channels(&self) {
        if let Err(error) = self.context.channels.join(&self.context.shared.channels) {
            tracing::error!(%error, "a peer can't take part in a channel");
        }
    }

    async fn track_change(&self, change: Change) {
        let peer = self.context.id.clone();
        match change {
            Change::Added { stream, track, first } => {
                self.context.remote.track_added(&stream, &track);
                self.tell(Event::TrackAdded { peer, stream, track, first }).await;
            }
            Change::Removed { stream, track } => {
                self.context.remote.track_removed(&stream);
                self.tell(Event::TrackRemoved { peer, stream, track }).await;
            }
            Change::Query { msid } => self.context.relay(Signal::StreamQuery { mid: msid }).await,
        }
    }

    // ---- the end ----

    /// Says goodbye, so that the other side knows at once (SCTP ABORT, DTLS close_notify), and tells what is over.
    async fn close(mut self) {
        self.context.connected.store(false, Ordering::Release);
        self.context.channels.detach();
        self.context.remote.reconnecting();
        if timeout(CLOSE_TIMEOUT, self.connection.close()).await.is_err() {
            tracing::warn!("a connection took too long to close");
        }
        self.tasks.shutdown().await;
        self.context.remote.connection_lost();
        for change in self.inbound.clear() {
            self.track_change(change).await;
        }
        if self.announced {
            self.tell(Event::PeerDisconnect { peer: self.context.id.clone() }).await;
        }
    }
}

/// Whose fault it is that a description was not applied.
enum Refused {
    Remote(webrtc::error::Error),
    Local(webrtc::error::Error),
}
