//! The conversation: messages of everyone, and the history for those who come later.

use crate::call::Call;
use crate::command::FeatureCommand;
use crate::effect::Effects;
use crate::feature::chat::history::{ChatHistory, Teller};
use crate::feature::hooks::{Feature, FromPeer, Own};
use confab_ipc::{CallView, ErrorCode, ErrorReason, UiEvent, UserError};
use confab_wire::call::{CHAT, CHAT_HISTORY, ChatMessage, clean_chat_text, is_chat_text};
use confab_wire::rate_limit::RateLimiter;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

/// For this long after one joined, those who were there before may tell the history.
const NEWCOMER: Duration = Duration::from_secs(60);
/// For this long after a later connection, a peer may tell what it wrote meanwhile.
const CATCH_UP: Duration = Duration::from_secs(30);
/// Messages of one's own in a second: fewer than a peer takes, which counts other events, too, and all at once those that a
/// short outage held up.
const OWN_PER_SECOND: u32 = 280;
/// The same at once.
const OWN_BURST: u32 = 60;
/// How long a message that is too fast waits until it is tried again.
const TOO_FAST: Duration = Duration::from_millis(10);

/// A message of one's own. The answer is false if it comes too soon after those before it.
struct SendChat {
    text: String,
    done: oneshot::Sender<bool>,
}

impl Call {
    /// Sends a chat message to everyone; waits while many were sent just before, so that none is lost. Control characters other
    /// than line breaks and tabs become spaces. Errors: [`ErrorCode::ChatText`], [`ErrorCode::NotInCall`].
    pub async fn send_chat(&self, text: String) -> Result<(), UserError> {
        let text = clean_chat_text(&text);
        if text.trim().is_empty() {
            return Err(ErrorReason::ChatTextEmpty.into());
        }
        if !is_chat_text(&text) {
            return Err(ErrorCode::ChatText.into());
        }
        loop {
            let text = text.clone();
            match self.feature(|done| SendChat { text, done }).await {
                Some(true) => return Ok(()),
                Some(false) => sleep(TOO_FAST).await,
                None => return Err(ErrorCode::NotInCall.into()),
            }
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Chat {
    history: ChatHistory,
    /// When one joined.
    joined: Instant,
    /// The same in milliseconds since 1970.
    joined_ms: u64,
    own_rate: RateLimiter,
}

impl Default for Chat {
    fn default() -> Self {
        let own_rate = RateLimiter::per_second(OWN_PER_SECOND, OWN_BURST);
        Self { history: ChatHistory::default(), joined: Instant::now(), joined_ms: now_ms(), own_rate }
    }
}

impl Chat {
    fn said(&mut self, message: ChatMessage, effects: &mut Effects) {
        if let Some(message) = self.history.receive(message) {
            effects.event(UiEvent::Chat { message, place: None });
        }
    }

    fn told(&mut self, from: FromPeer<'_>, history: &Value, own: Own<'_>, effects: &mut Effects) {
        let teller = Teller { id: from.id, name: from.name };
        if from.was_here && self.joined.elapsed() <= NEWCOMER {
            for (message, place) in self.history.merge(history, teller, own.id, self.joined_ms, now_ms()) {
                effects.event(UiEvent::Chat { message, place: Some(place) });
            }
        } else if from.connected_for.is_some_and(|passed| passed <= CATCH_UP) {
            for message in self.history.catch_up(history, teller, now_ms()) {
                effects.event(UiEvent::Chat { message, place: None });
            }
        } else {
            tracing::warn!(peer = from.id, "a history too late");
        }
    }
}

impl Feature for Chat {
    fn message(
        &mut self,
        from: FromPeer<'_>,
        event: &str,
        argument: &Value,
        own: Own<'_>,
        effects: &mut Effects,
    ) -> bool {
        match event {
            CHAT => match ChatMessage::parse(argument, from.id, from.name, now_ms()) {
                Some(message) => self.said(message, effects),
                None => tracing::warn!(peer = from.id, "a chat message that is none"),
            },
            CHAT_HISTORY => self.told(from, argument, own, effects),
            _ => return false,
        }
        true
    }

    fn peer_came(&mut self, peer: &str, _: Own<'_>, effects: &mut Effects) {
        self.history.forget_teller(peer);
        for args in self.history.frames() {
            effects.send(peer, CHAT_HISTORY, args);
        }
    }

    fn peer_went(&mut self, peer: &str, _: &mut Effects) {
        self.history.forget_teller(peer);
    }

    fn snapshot(&self, view: &mut CallView) {
        view.chat = self.history.messages().cloned().collect();
    }

    fn command(&mut self, command: FeatureCommand, own: Own<'_>, effects: &mut Effects) -> Result<(), FeatureCommand> {
        let SendChat { text, done } = *command.downcast()?;
        if !self.own_rate.admit(Instant::now()) {
            let _ = done.send(false);
            return Ok(());
        }
        let message = ChatMessage {
            id: uuid::Uuid::new_v4().to_string(),
            from: own.name.to_owned(),
            author: own.id.to_owned(),
            text,
            at: now_ms(),
            told_by: None,
        };
        effects.broadcast(CHAT, vec![json!(message)]);
        self.said(message, effects);
        // A caller that stopped waiting for the answer is no error.
        let _ = done.send(true);
        Ok(())
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Effect;
    use confab_wire::call::MediaState;

    const OWN: Own<'_> = Own { id: "me", name: "Me", media: MediaState { mic: true, cam: false } };
    const EVE: FromPeer<'_> = FromPeer { id: "eve", name: "Eve", connected_for: Some(Duration::ZERO), was_here: true };

    /// Text, teller and place of what is shown after `event` of a peer.
    fn shown(chat: &mut Chat, from: FromPeer<'_>, event: &str, argument: Value) -> Vec<(String, Option<String>, bool)> {
        let mut effects = Effects::default();
        assert!(chat.message(from, event, &argument, OWN, &mut effects));
        let shown = effects.into_iter().map(|effect| match effect {
            Effect::Event(event) => match *event {
                UiEvent::Chat { message, place } => (message.text, message.told_by, place.is_some()),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        });
        shown.collect()
    }

    fn forged(id: &str) -> Value {
        json!([{ "id": id, "author": "ann", "from": "Ann", "text": "I resign", "at": 5 }])
    }

    #[tokio::test(start_paused = true)]
    async fn history_is_taken_only_while_one_is_new_and_from_those_who_were_there() {
        let mut chat = Chat::default();
        let told = ("I resign".to_owned(), Some("Eve".to_owned()), true);
        assert_eq!(shown(&mut chat, EVE, CHAT_HISTORY, forged("1")), [told]);
        let later = FromPeer { was_here: false, ..EVE };
        assert_eq!(shown(&mut chat, later, CHAT_HISTORY, forged("2")), []);
        tokio::time::advance(NEWCOMER + Duration::from_secs(1)).await;
        // A connection that was lost and made again makes nobody new.
        assert_eq!(shown(&mut chat, EVE, CHAT_HISTORY, forged("3")), []);
        let missed = json!([{ "id": "4", "author": "eve", "text": "are you there?", "at": 5 }]);
        assert_eq!(shown(&mut chat, EVE, CHAT_HISTORY, missed), [("are you there?".to_owned(), None, false)]);
    }

    #[tokio::test]
    async fn a_page_without_ids_says_the_same_as_often_as_it_likes() {
        let mut chat = Chat::default();
        for message in [json!("m00"), json!("m01"), json!({ "text": "yes" }), json!({ "text": "yes" })] {
            assert_eq!(shown(&mut chat, EVE, CHAT, message.clone()).len(), 1, "{message}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn own_messages_are_not_faster_than_a_peer_takes_them() {
        let mut chat = Chat::default();
        let mut send = async || {
            let (done, mut sent) = oneshot::channel();
            let command = Box::new(SendChat { text: "hi".into(), done });
            assert!(chat.command(command, OWN, &mut Effects::default()).is_ok());
            sent.try_recv().unwrap()
        };
        for _ in 0..OWN_BURST {
            assert!(send().await);
        }
        assert!(!send().await);
        tokio::time::advance(TOO_FAST).await;
        assert!(send().await);
    }
}
