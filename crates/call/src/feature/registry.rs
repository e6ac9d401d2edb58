//! The features of a call. Another one is one line here; [`hooks`](crate::feature::hooks) says what it consists of.

use crate::command::FeatureCommand;
use crate::effect::Effects;
use crate::feature::chat::conversation::Chat;
use crate::feature::hooks::{Feature, FromPeer, MicrophoneActivity, Own};
use crate::feature::media_state::MediaStates;
use crate::feature::muted_speech::MutedSpeech;
use confab_ipc::{CallView, Participant};
use serde_json::Value;

/// All features of one call.
pub struct Features(Vec<Box<dyn Feature>>);

impl Default for Features {
    fn default() -> Self {
        Self(vec![Box::<MediaStates>::default(), Box::<Chat>::default(), Box::<MutedSpeech>::default()])
    }
}

impl Features {
    /// See [`Feature::message`]; false if it is that of none.
    pub fn message(
        &mut self,
        from: FromPeer<'_>,
        event: &str,
        argument: &Value,
        own: Own<'_>,
        effects: &mut Effects,
    ) -> bool {
        self.0.iter_mut().any(|feature| feature.message(from, event, argument, own, effects))
    }

    /// See [`Feature::peer_came`].
    pub fn peer_came(&mut self, peer: &str, own: Own<'_>, effects: &mut Effects) {
        self.0.iter_mut().for_each(|feature| feature.peer_came(peer, own, effects));
    }

    /// See [`Feature::peer_went`].
    pub fn peer_went(&mut self, peer: &str, effects: &mut Effects) {
        self.0.iter_mut().for_each(|feature| feature.peer_went(peer, effects));
    }

    /// See [`Feature::snapshot`].
    pub fn snapshot(&self, view: &mut CallView) {
        self.0.iter().for_each(|feature| feature.snapshot(view));
    }

    /// See [`Feature::describe`].
    pub fn describe(&self, participant: &mut Participant) {
        self.0.iter().for_each(|feature| feature.describe(participant));
    }

    /// See [`Feature::command`].
    pub fn command(&mut self, command: FeatureCommand, own: Own<'_>, effects: &mut Effects) {
        let rest =
            self.0.iter_mut().try_fold(command, |command, feature| match feature.command(command, own, effects) {
                Ok(()) => Err(()),
                Err(command) => Ok(command),
            });
        if rest.is_ok() {
            tracing::error!("a command that no feature knows");
        }
    }

    /// See [`Feature::own_media`].
    pub fn own_media(&mut self, own: Own<'_>, effects: &mut Effects) {
        self.0.iter_mut().for_each(|feature| feature.own_media(own, effects));
    }

    /// See [`Feature::microphone`].
    pub fn microphone(&mut self, activity: MicrophoneActivity, effects: &mut Effects) {
        self.0.iter_mut().for_each(|feature| feature.microphone(activity, effects));
    }
}
