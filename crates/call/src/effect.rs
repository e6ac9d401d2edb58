//! What a component of a call asks of its surroundings. It changes nothing but its own state; the call's task carries out the
//! rest, in order.

use confab_ipc::{ErrorCode, Notice, Participant, UiEvent, UserError};
use confab_rtcio::RtcioStream;
use serde_json::Value;

/// An event for one peer, or for all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerMessage {
    /// Id of the peer; `None` for everyone.
    pub to: Option<String>,
    /// Name of the event.
    pub event: &'static str,
    /// Its arguments.
    pub args: Vec<Value>,
}

/// One thing that a component asks for.
#[derive(Debug)]
pub enum Effect {
    /// An event for the window.
    Event(Box<UiEvent>),
    /// An event for the window about oneself, as all components together show it.
    Me,
    /// An event for the window about a participant, as all components together show them.
    Participant(String, fn(Participant) -> UiEvent),
    /// Send to peers.
    Message(PeerMessage),
    /// Offer a stream to all peers of now and later, under this event.
    Publish(&'static str, RtcioStream),
    /// Offer it to nobody any more.
    Unpublish(RtcioStream),
    /// A connection to a peer stands, which other components are to know.
    PeerCame(String),
    /// A participant is gone, which other components are to know.
    PeerWent(String),
}

/// Effects in their order.
#[derive(Debug, Default)]
pub struct Effects(Vec<Effect>);

impl Effects {
    /// Adds one.
    pub fn push(&mut self, effect: Effect) {
        self.0.push(effect);
    }

    /// An event for the window.
    pub fn event(&mut self, event: UiEvent) {
        self.push(Effect::Event(Box::new(event)));
    }

    /// A notice for the person. `urgent` is announced at once.
    pub fn notice(&mut self, urgent: bool, error: UserError) {
        self.event(UiEvent::Notice { notice: Notice { urgent, error } });
    }

    /// Notices for the person about own devices. That another device took over, or that the computer is busy, can wait; that there is
    /// none cannot.
    pub fn device_notices(&mut self, notices: impl IntoIterator<Item = UserError>) {
        for error in notices {
            self.notice(!matches!(error.code, ErrorCode::DeviceChanged | ErrorCode::ComputerBusy), error);
        }
    }

    /// Sends to everyone.
    pub fn broadcast(&mut self, event: &'static str, args: Vec<Value>) {
        self.push(Effect::Message(PeerMessage { to: None, event, args }));
    }

    /// Sends to one peer.
    pub fn send(&mut self, to: &str, event: &'static str, args: Vec<Value>) {
        self.push(Effect::Message(PeerMessage { to: Some(to.to_owned()), event, args }));
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = std::vec::IntoIter<Effect>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
