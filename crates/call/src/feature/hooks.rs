//! What a feature of a call is asked: three hooks (a message of a peer, a peer that came or went, its part of the snapshot), and
//! where it needs them a command of the window, a change of the own devices and a tick.
//!
//! A new feature is a file or a folder here with a type that implements [`Feature`], and one line in
//! [`registry`](crate::feature::registry). Its messages and limits are defined in `confab-wire`, its events in `confab-ipc`. Its
//! commands are methods of [`Call`](crate::Call) beside it, which send a type of its own by `Call::feature`, and which it takes
//! in [`Feature::command`].

use crate::command::FeatureCommand;
use crate::effect::Effects;
use confab_ipc::{CallView, Participant};
use confab_wire::call::MediaState;
use serde_json::Value;
use std::time::Duration;

/// Oneself, as the others know one.
#[derive(Debug, Clone, Copy)]
pub struct Own<'a> {
    /// Own id.
    pub id: &'a str,
    /// Own name.
    pub name: &'a str,
    /// What the own devices do.
    pub media: MediaState,
}

/// Who sent a message.
#[derive(Debug, Clone, Copy)]
pub struct FromPeer<'a> {
    /// Id of the peer.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// How long ago the connection to it was made; `None` if there was none.
    pub connected_for: Option<Duration>,
    /// It was in the room when one joined.
    pub was_here: bool,
}

/// The own microphone in the last moments.
#[derive(Debug, Clone, Copy)]
pub struct MicrophoneActivity {
    /// The others do not hear it by one's own will.
    pub muted: bool,
    /// Somebody speaks into it.
    pub voice: bool,
    /// Over this time.
    pub passed: Duration,
}

/// A feature of a call. It owns its state, and asks for everything else by effects.
pub trait Feature: Send {
    /// A message of a peer. Returns false if its event is that of another feature.
    fn message(
        &mut self,
        _from: FromPeer<'_>,
        _event: &str,
        _argument: &Value,
        _own: Own<'_>,
        _: &mut Effects,
    ) -> bool {
        false
    }

    /// A connection to a peer stands.
    fn peer_came(&mut self, _peer: &str, _own: Own<'_>, _: &mut Effects) {}

    /// A participant is gone.
    fn peer_went(&mut self, _peer: &str, _: &mut Effects) {}

    /// Puts its part into the snapshot.
    fn snapshot(&self, _view: &mut CallView) {}

    /// Puts its part into what the window sees of a participant.
    fn describe(&self, _participant: &mut Participant) {}

    /// A command of the window. Returns it if it is that of another feature.
    fn command(&mut self, command: FeatureCommand, _own: Own<'_>, _: &mut Effects) -> Result<(), FeatureCommand> {
        Err(command)
    }

    /// The own devices changed.
    fn own_media(&mut self, _own: Own<'_>, _: &mut Effects) {}

    /// The own microphone, ten times a second.
    fn microphone(&mut self, _activity: MicrophoneActivity, _: &mut Effects) {}
}
