//! Whether each participant is heard and seen, as they say themselves.

use crate::effect::Effects;
use crate::feature::hooks::{Feature, FromPeer, Own};
use confab_ipc::{Participant, UiEvent};
use confab_wire::call::{MEDIA_STATE, MediaState};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// See the module.
#[derive(Debug, Default)]
pub struct MediaStates {
    /// By peer.
    states: HashMap<String, MediaState>,
    /// What was announced to the others last.
    own: Option<MediaState>,
}

impl Feature for MediaStates {
    fn message(
        &mut self,
        from: FromPeer<'_>,
        event: &str,
        argument: &Value,
        _: Own<'_>,
        effects: &mut Effects,
    ) -> bool {
        if event != MEDIA_STATE {
            return false;
        }
        match MediaState::deserialize(argument) {
            Ok(media) => {
                if self.states.insert(from.id.to_owned(), media) != Some(media) {
                    effects.event(UiEvent::MediaState { id: from.id.to_owned(), media });
                }
            }
            Err(error) => tracing::warn!(peer = from.id, %error, "a media state that is none"),
        }
        true
    }

    fn peer_came(&mut self, peer: &str, own: Own<'_>, effects: &mut Effects) {
        effects.send(peer, MEDIA_STATE, vec![json!(own.media)]);
    }

    fn peer_went(&mut self, peer: &str, _: &mut Effects) {
        self.states.remove(peer);
    }

    fn describe(&self, participant: &mut Participant) {
        participant.media = self.states.get(&participant.id).copied();
    }

    fn own_media(&mut self, own: Own<'_>, effects: &mut Effects) {
        if self.own.replace(own.media) != Some(own.media) {
            effects.broadcast(MEDIA_STATE, vec![json!(own.media)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Effect, PeerMessage};

    const OWN: Own<'_> = Own { id: "me", name: "Me", media: MediaState { mic: true, cam: false } };

    fn says(states: &mut MediaStates, peer: &str, argument: Value) -> Vec<UiEvent> {
        let mut effects = Effects::default();
        let from = FromPeer { id: peer, name: "", connected_for: None, was_here: false };
        assert!(states.message(from, MEDIA_STATE, &argument, OWN, &mut effects));
        let event = |effect| match effect {
            Effect::Event(event) => *event,
            other => panic!("{other:?}"),
        };
        effects.into_iter().map(event).collect()
    }

    #[test]
    fn the_same_media_state_twice_is_no_news() {
        let (mut states, media) = (MediaStates::default(), MediaState { mic: true, cam: false });
        assert_eq!(says(&mut states, "a", json!(media)), [UiEvent::MediaState { id: "a".into(), media }]);
        assert_eq!(says(&mut states, "a", json!(media)), []);
        assert_eq!(says(&mut states, "a", json!("rubbish")), []);
        states.peer_went("a", &mut Effects::default());
        assert_eq!(says(&mut states, "a", json!(media)).len(), 1, "who comes back says it anew");
    }

    #[test]
    fn the_others_are_told_of_a_change_once_and_who_comes_later_too() {
        let (mut states, mut effects) = (MediaStates::default(), Effects::default());
        states.own_media(OWN, &mut effects);
        states.own_media(OWN, &mut effects);
        states.peer_came("b", OWN, &mut effects);
        let to: Vec<Option<String>> = effects
            .into_iter()
            .map(|effect| match effect {
                Effect::Message(PeerMessage { to, event: MEDIA_STATE, args }) if args == [json!(OWN.media)] => to,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(to, [None, Some("b".to_owned())]);
    }
}
