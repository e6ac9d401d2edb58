//! Eve: our signaling without our peers, and a connection of her own making, so that she can say what our engine would
//! not. She is the newcomer: she is offered to, and answers.

use super::PATIENCE;
use super::bystander::enter;
use confab_wire::signaling::{MESSAGE, Signal};
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rust_socketio::asynchronous::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use url::Url;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionIceEvent, RTCSessionDescription, Registry, SettingEngineBuilder, register_default_interceptors,
};

struct Candidates(mpsc::UnboundedSender<Value>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Candidates {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let init = event.candidate.to_json().unwrap();
        let candidate = json!({ "candidate": init.candidate, "sdpMid": null, "sdpMLineIndex": 0 });
        self.0.send(json!({ "candidate": candidate })).ok();
    }
}

pub struct Eve {
    pub pc: Arc<dyn PeerConnection>,
    pub ctrl: Arc<dyn DataChannel>,
    pub id: String,
    /// Who offered to her.
    pub other: String,
    client: Client,
    signals: mpsc::UnboundedReceiver<Value>,
    candidates: mpsc::UnboundedReceiver<Value>,
}

impl Eve {
    /// Joins a room of one other member and connects.
    pub async fn join(url: &Url, room: &str) -> Self {
        Self::join_with(url, room, |answer| answer).await
    }

    /// The same with another answer than the library's.
    pub async fn join_with(url: &Url, room: &str, change: impl Fn(String) -> String) -> Self {
        let (client, id, signals) = enter(url, room).await;
        let (pc, ctrl, candidates) = connection().await;
        let mut eve = Self { pc, ctrl, id, other: String::new(), client, signals, candidates };
        eve.connect(change).await;
        eve
    }

    /// A new connection, which she offers.
    pub async fn reconnect(&mut self) {
        self.pc.close().await.unwrap();
        (self.pc, self.ctrl, self.candidates) = connection().await;
        let offer = self.pc.create_offer(None).await.unwrap();
        self.pc.set_local_description(offer).await.unwrap();
        self.connect(|answer| answer).await;
    }

    /// Leaves without a word on the connection.
    pub async fn leave(self) {
        self.client.disconnect().await.unwrap();
    }

    /// Signals until `ctrl` is open. An offer of hers stands against others, and is said until it is answered.
    async fn connect(&mut self, change: impl Fn(String) -> String) {
        let lines = |sdp: &str| sdp.matches("\nm=").count();
        let mut offered = self.pc.pending_local_description().await.map(|offer| lines(&offer.sdp));
        // What she said before may have filled the other side's queue.
        let mut again = interval(Duration::from_secs(3));
        let exchange = async {
            loop {
                tokio::select! {
                    _ = again.tick(), if offered.is_some() => {
                        if let Some(offer) = self.pc.pending_local_description().await {
                            self.tell(json!({ "description": { "type": "offer", "sdp": offer.sdp } })).await;
                        }
                    }
                    Some(message) = self.signals.recv() => {
                        self.other = message["source"].as_str().unwrap().to_owned();
                        match Signal::parse(&message["data"]) {
                            // One to another offer has other m-lines.
                            Ok(Signal::Description(description))
                                if description.kind == "answer" && offered == Some(lines(&description.sdp)) =>
                            {
                                let answer = RTCSessionDescription::answer(description.sdp).unwrap();
                                self.pc.set_remote_description(answer).await.unwrap();
                                offered = None;
                            }
                            Ok(Signal::Description(description))
                                if description.kind == "offer" && offered.is_none() =>
                            {
                                let offer = RTCSessionDescription::offer(description.sdp).unwrap();
                                self.pc.set_remote_description(offer).await.unwrap();
                                let answer = self.pc.create_answer(None).await.unwrap();
                                let sdp = change(answer.sdp.clone());
                                self.pc.set_local_description(answer).await.unwrap();
                                self.tell(json!({ "description": { "type": "answer", "sdp": sdp } })).await;
                            }
                            Ok(Signal::Candidate(candidate)) => {
                                let candidate =
                                    RTCIceCandidateInit { candidate: candidate.candidate, ..Default::default() };
                                // One of a connection that is over comes before the offer of the next.
                                self.pc.add_ice_candidate(candidate).await.ok();
                            }
                            _ => {}
                        }
                    }
                    Some(data) = self.candidates.recv(), if !self.other.is_empty() => self.tell(data).await,
                    Some(DataChannelEvent::OnOpen) = self.ctrl.poll() => return,
                }
            }
        };
        timeout(PATIENCE, exchange).await.expect("an open channel");
    }

    /// Sends a signal to whom she is connected.
    pub async fn tell(&self, data: Value) {
        self.client.emit(MESSAGE, json!({ "target": self.other, "data": data })).await.unwrap();
    }

    /// An offer of hers, answered.
    pub async fn renegotiate(&mut self) {
        let offer = self.pc.create_offer(None).await.unwrap();
        let sdp = offer.sdp.clone();
        self.pc.set_local_description(offer).await.unwrap();
        self.tell(json!({ "description": { "type": "offer", "sdp": sdp } })).await;
        let answer = self.answer().await;
        self.pc.set_remote_description(RTCSessionDescription::answer(answer).unwrap()).await.unwrap();
    }

    /// The next answer that comes.
    pub async fn answer(&mut self) -> String {
        let next = async {
            loop {
                let message = self.signals.recv().await.expect("signaling goes on");
                if let Ok(Signal::Description(description)) = Signal::parse(&message["data"])
                    && description.kind == "answer"
                {
                    return description.sdp;
                }
            }
        };
        timeout(PATIENCE, next).await.expect("an answer")
    }

    /// How many answers came and were not waited for.
    pub fn answers(&mut self) -> usize {
        let is_answer = |message: &Value| message["data"]["description"]["type"] == "answer";
        std::iter::from_fn(|| self.signals.try_recv().ok()).filter(is_answer).count()
    }

    /// An event on `ctrl`.
    pub async fn say(&self, event: &str, args: Value) {
        self.ctrl.send_text(&envelope(event, &args)).await.unwrap();
    }

    /// The arguments of the next such event on `ctrl`.
    pub async fn hear(&self, event: &str) -> Value {
        let next = async {
            loop {
                let Some(DataChannelEvent::OnMessage(message)) = self.ctrl.poll().await else { continue };
                let mut heard: Value = serde_json::from_slice(&message.data).unwrap();
                if heard["e"] == event {
                    return heard["d"].take();
                }
            }
        };
        timeout(PATIENCE, next).await.expect(event)
    }
}

/// A text frame.
pub fn envelope(event: &str, args: &Value) -> String {
    json!({ "e": event, "d": args }).to_string()
}

async fn connection() -> (Arc<dyn PeerConnection>, Arc<dyn DataChannel>, mpsc::UnboundedReceiver<Value>) {
    let (sender, candidates) = mpsc::unbounded_channel();
    let mut engine = MediaEngine::default();
    engine.register_default_codecs().unwrap();
    let registry = register_default_interceptors(Registry::new(), &mut engine).unwrap();
    // The library's ceiling: larger messages it neither sends nor takes.
    let settings = SettingEngineBuilder::new().with_sctp_max_message_size(SctpMaxMessageSize::Unbounded).build();
    let pc: Arc<dyn PeerConnection> = Arc::new(
        PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_setting_engine(settings)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Candidates(sender)))
            .with_udp_addrs(vec!["0.0.0.0:0"])
            .build()
            .await
            .unwrap(),
    );
    let init = RTCDataChannelInit { negotiated: Some(0), ..RTCDataChannelInit::default() };
    let ctrl = pc.create_data_channel("rtcio:ctrl", Some(init)).await.unwrap();
    (pc, ctrl, candidates)
}
