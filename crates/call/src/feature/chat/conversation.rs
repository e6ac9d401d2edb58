//! The conversation: messages of everyone, and the history for those who come later.

use crate::call::Call;
use crate::command::FeatureCommand;
use crate::effect::Effects;
use crate::feature::chat::history::ChatHistory;
use crate::feature::hooks::{Feature, FromPeer, Own};
use confab_ipc::{CallView, ErrorCode, UiEvent, UserError};
use confab_wire::call::{CHAT, CHAT_HISTORY, ChatMessage, is_chat_text};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// A peer may tell the history for this long after it connected.
const HISTORY_WINDOW: Duration = Duration::from_secs(30);

/// A message of one's own.
struct SendChat {
    text: String,
    done: oneshot::Sender<()>,
}

impl Call {
    /// Sends a chat message to everyone. Errors: [`ErrorCode::ChatText`], [`ErrorCode::NotInCall`].
    pub async fn send_chat(&self, text: String) -> Result<(), UserError> {
        if !is_chat_text(&text) {
            return Err(ErrorCode::ChatText.into());
        }
        self.feature(|done| SendChat { text, done }).await.ok_or_else(|| ErrorCode::NotInCall.into())
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Chat {
    history: ChatHistory,
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
                Some(message) => {
                    if self.history.insert(message.clone()) {
                        effects.event(UiEvent::Chat { message });
                    }
                }
                None => tracing::warn!(peer = from.id, "a chat message that is none"),
            },
            CHAT_HISTORY if from.connected_for.is_none_or(|passed| passed > HISTORY_WINDOW) => {
                tracing::warn!(peer = from.id, "a history too late");
            }
            CHAT_HISTORY => {
                for message in self.history.merge(argument, own.id, now_ms()) {
                    effects.event(UiEvent::Chat { message });
                }
            }
            _ => return false,
        }
        true
    }

    fn peer_came(&mut self, peer: &str, _: Own<'_>, effects: &mut Effects) {
        for args in self.history.frames() {
            effects.send(peer, CHAT_HISTORY, args);
        }
    }

    fn snapshot(&self, view: &mut CallView) {
        view.chat = self.history.messages().to_vec();
    }

    fn command(&mut self, command: FeatureCommand, own: Own<'_>, effects: &mut Effects) -> Result<(), FeatureCommand> {
        let SendChat { text, done } = *command.downcast()?;
        let message = ChatMessage {
            id: uuid::Uuid::new_v4().to_string(),
            from: own.name.to_owned(),
            author: own.id.to_owned(),
            text,
            at: now_ms(),
        };
        self.history.insert(message.clone());
        effects.broadcast(CHAT, vec![json!(message)]);
        effects.event(UiEvent::Chat { message });
        // A caller that stopped waiting for the answer is no error.
        let _ = done.send(());
        Ok(())
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as u64)
}
