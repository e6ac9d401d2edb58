//! What a participant without a window says: JSON lines for programs, plain lines for people.

use crate::plain;
use crate::sentences;
use confab_call::{ReceivedPictureStats, recording_path};
use confab_ipc::{CallState, CallView, DeviceState, ErrorCode, ErrorReason, PeerState, PeerStats, UiEvent, UserError};
use confab_wire::call::ChatMessage;
use confab_wire::limits;
use confab_wire::media::MediaKind;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// Writes events to standard output.
#[derive(Debug)]
pub struct Reporter {
    start: Instant,
    json: bool,
    record: Option<PathBuf>,
    /// What the participants are called, by their id.
    names: HashMap<String, String>,
    /// Text of the chat messages that somebody else than their author told, by author and id; at most
    /// [`limits::CHAT_HISTORY`].
    told: HashMap<(String, String), String>,
    recording_failed: bool,
}

impl Reporter {
    /// A reporter whose clock starts now.
    pub fn new(json: bool, record: Option<PathBuf>) -> Self {
        Self {
            start: Instant::now(),
            json,
            record,
            names: HashMap::new(),
            told: HashMap::new(),
            recording_failed: false,
        }
    }

    /// True if it was reported that a recording can't be written.
    pub fn recording_failed(&self) -> bool {
        self.recording_failed
    }

    /// The room is joined.
    pub fn connected(&mut self, view: Option<CallView>) {
        let Some(view) = view else { return };
        let members: Vec<Value> =
            view.participants.iter().map(|member| json!({ "id": member.id, "name": member.name })).collect();
        self.names.extend(view.participants.iter().map(|member| (member.id.clone(), member.name.clone())));
        let text = format!("joined {} ({} already there)", view.link, members.len());
        self.say(
            "connected",
            json!({ "id": view.me.id, "link": view.link, "room": view.room, "members": members }),
            &text,
        );
    }

    /// Something failed.
    pub fn error(&mut self, error: &UserError) {
        if self.json {
            self.say("error", error_fields(error), "");
        } else {
            let hint = match error.reason() {
                Some(ErrorReason::TokenRequired) => " Give it with --token.",
                _ => "",
            };
            eprintln!("confab-peer: {}{hint}", plain::one_line(&sentences::with_detail(error)));
        }
    }

    /// Something about lines of standard input that is no reason to stop.
    pub fn chat_warning(&mut self, sentence: &str) {
        if self.json {
            self.say("notice", json!({ "code": ErrorCode::ChatText, "message": sentence, "detail": null }), "");
        } else {
            eprintln!("confab-peer: {sentence}");
        }
    }

    /// What a participant is called; the id of one whose name is not known.
    fn name(&self, id: &str) -> String {
        self.names.get(id).map_or_else(|| id.to_owned(), Clone::clone)
    }

    /// Something happened in the call.
    pub fn event(&mut self, event: UiEvent, probes: &[ReceivedPictureStats]) {
        match event {
            UiEvent::PeerConnecting { participant } => {
                self.names.insert(participant.id.clone(), participant.name.clone());
                let text = format!("{} is in the room", participant.name);
                self.say("peer-connecting", json!({ "id": participant.id, "name": participant.name }), &text);
            }
            UiEvent::PeerConnect { participant } => {
                self.names.insert(participant.id.clone(), participant.name.clone());
                let text = format!("{} is connected", participant.name);
                self.say("peer-connect", json!({ "id": participant.id, "name": participant.name }), &text);
            }
            UiEvent::PeerState { id, state } => {
                let name = self.name(&id);
                let text = match state {
                    PeerState::Connecting => format!("connecting to {name}"),
                    PeerState::Connected => format!("the connection to {name} is good"),
                    PeerState::Reconnecting => format!("the connection to {name} is interrupted; it is being repaired"),
                    PeerState::Unreachable => format!("no connection to {name} can be made so far; it is still tried"),
                };
                self.say("peer-state", json!({ "id": id, "state": state }), &text);
            }
            UiEvent::PeerDisconnect { id } => {
                let text = format!("{} is gone", self.names.remove(&id).unwrap_or_else(|| id.clone()));
                self.say("peer-disconnect", json!({ "id": id }), &text);
            }
            UiEvent::TrackAdded { id, track } => {
                let file = self.record.as_deref().map(|dir| recording_path(dir, &id, &track));
                let fields = json!({
                    "id": id, "handle": track.handle, "kind": track.kind, "stream": track.stream,
                    "name": track.event, "file": file,
                });
                let what = match track.kind {
                    MediaKind::Audio => "sound",
                    MediaKind::Video => "a picture",
                };
                let text = format!("{} sends {what}", self.name(&id));
                self.say("track-added", fields, &text);
            }
            UiEvent::TrackRemoved { id, handle } => {
                let text = format!("{} has stopped sending sound or a picture", self.name(&id));
                self.say("track-removed", json!({ "id": id, "handle": handle }), &text);
            }
            UiEvent::MediaState { id, media } => {
                let text = format!("{}: microphone {}, camera {}", self.name(&id), on(media.mic), on(media.cam));
                self.say("media-state", json!({ "id": id, "mic": media.mic, "cam": media.cam }), &text);
            }
            UiEvent::Chat { message, .. } => {
                let (name, text) = self.chat(&message);
                self.say(name, json!(message), &text);
            }
            UiEvent::Me { me } => {
                let devices = [&me.mic, &me.camera, &me.speaker];
                let failures = devices.into_iter().filter_map(|device| match device {
                    DeviceState::Failed { error } => Some(sentences::sentence(error)),
                    _ => None,
                });
                let text = failures.collect::<Vec<_>>().join(" ");
                let [mic, camera, speaker] = devices.map(device);
                let fields =
                    json!({ "id": me.id, "mic": mic, "camera": camera, "speaker": speaker, "share": me.share });
                self.say("me", fields, &text);
            }
            UiEvent::CallState { state } => {
                self.say("call-state", json!({ "state": state }), &of_state(state));
            }
            UiEvent::Notice { notice } => {
                self.recording_failed |= notice.error.code == ErrorCode::RecordFailed;
                self.say("notice", error_fields(&notice.error), &sentences::with_detail(&notice.error));
            }
            UiEvent::ActiveSpeaker { id } => self.say("active-speaker", json!({ "id": id }), ""),
            UiEvent::Stats { peers } => {
                let peers: Vec<Value> = peers.iter().map(|stats| self.peer(stats, probes)).collect();
                self.say("stats", json!({ "peers": peers }), "");
            }
            // A window's business.
            UiEvent::Levels { .. }
            | UiEvent::Snapshot { .. }
            | UiEvent::Settings { .. }
            | UiEvent::OpenLink { .. }
            | UiEvent::ParticipantChanged { .. }
            | UiEvent::SpeakingWhileMuted
            | UiEvent::Rehearsal { .. }
            | UiEvent::Devices { .. } => {}
        }
    }

    /// The numbers about one peer, with what its test pattern told.
    fn peer(&self, stats: &PeerStats, probes: &[ReceivedPictureStats]) -> Value {
        let mut fields = json!(stats);
        if let Some(probe) = probes.iter().find(|probe| probe.peer == stats.id && probe.first_decoded.is_some())
            && let Some(fields) = fields.as_object_mut()
        {
            let first = probe.first_decoded.map(|at| at.duration_since(self.start).as_millis() as u64);
            fields.insert("firstFrameAt".into(), json!(first));
            fields.insert("pattern".into(), json!(probe.pattern));
            fields.insert("latenciesMs".into(), json!(probe.latencies_ms));
            fields.insert("skewMs".into(), json!(probe.skew_ms));
            if !probe.pictures.is_empty() {
                fields.insert("pictures".into(), json!(probe.pictures));
            }
        }
        fields
    }

    fn say(&mut self, event: &str, fields: Value, text: &str) {
        let Some(line) = self.line(event, fields, text) else { return };
        // A reader that is gone is no reason to leave the call.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    /// The one line that is said; `None` if people have nothing of it.
    fn line(&self, event: &str, fields: Value, text: &str) -> Option<String> {
        if !self.json {
            return (!text.is_empty()).then(|| plain::one_line(text));
        }
        let mut object = Map::new();
        object.insert("event".into(), json!(event));
        object.insert("t".into(), json!(self.start.elapsed().as_millis() as u64));
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        Some(plain::json_line(&Value::Object(object)))
    }
}

impl Reporter {
    /// Name of the event that a chat message is, and its line for people. A message that others told before its author did is
    /// reported once as `chat`; the author's own word for it is `chat-confirmed`, and a line only if it is another one.
    fn chat(&mut self, message: &ChatMessage) -> (&'static str, String) {
        let key = (message.author.clone(), message.id.clone());
        let said = format!("{}: {}", message.from, message.text);
        let Some(teller) = &message.told_by else {
            return match self.told.remove(&key) {
                Some(text) if text == message.text => ("chat-confirmed", String::new()),
                Some(_) => ("chat-confirmed", format!("{said} (what was told before was not what they wrote)")),
                None => ("chat", said),
            };
        };
        if self.told.len() < limits::CHAT_HISTORY {
            self.told.insert(key, message.text.clone());
        }
        ("chat", format!("{}, as {teller} says: {}", message.from, message.text))
    }
}

/// What the state of the call is, for people.
fn of_state(state: CallState) -> String {
    match state {
        CallState::Joining => "joining the call".to_owned(),
        CallState::InCall => "you are in the call".to_owned(),
        CallState::ServerLost => sentences::sentence(&ErrorCode::ServerLost.into()),
        CallState::Idle => "the call is over".to_owned(),
    }
}

fn error_fields(error: &UserError) -> Value {
    json!({ "code": error.code, "message": sentences::sentence(error), "detail": error.detail })
}

fn device(state: &DeviceState) -> Value {
    let mut object = json!(state);
    if let DeviceState::Failed { error } = state {
        object["error"] = sentences::object(error);
    }
    object
}

fn on(state: bool) -> &'static str {
    if state { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_call::ReceivedPicture;

    #[test]
    fn what_others_write_is_one_line() {
        let text = "hello\r\nAnn: I agree\x1b[1A\u{202e}\u{2028}";
        for json in [true, false] {
            let line = Reporter::new(json, None).line("chat", json!({ "text": text }), &format!("Ben: {text}"));
            let line = line.expect("a line");
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(!line.contains(['\x1b', '\u{202e}', '\u{2028}']), "{line}");
        }
    }

    #[test]
    fn a_message_that_its_teller_and_its_author_tell_is_reported_once() {
        let mut reporter = Reporter::new(true, None);
        let own = |id: &str, text: &str| ChatMessage {
            id: id.to_owned(),
            from: "Ann".to_owned(),
            author: "a".to_owned(),
            text: text.to_owned(),
            at: 5,
            told_by: None,
        };
        let told = |message: ChatMessage| ChatMessage { told_by: Some("Ben".to_owned()), ..message };
        assert_eq!(reporter.chat(&told(own("1", "hi"))), ("chat", "Ann, as Ben says: hi".to_owned()));
        assert_eq!(reporter.chat(&own("1", "hi")), ("chat-confirmed", String::new()));
        assert_eq!(reporter.chat(&told(own("2", "I resign"))).0, "chat");
        let (name, line) = reporter.chat(&own("2", "hello"));
        assert!(name == "chat-confirmed" && line.starts_with("Ann: hello"), "{line}");
        assert_eq!(reporter.chat(&own("3", "hi")), ("chat", "Ann: hi".to_owned()));
    }

    #[test]
    fn states_are_words_and_not_names_of_types() {
        let states = [CallState::Idle, CallState::Joining, CallState::InCall, CallState::ServerLost];
        for state in states {
            assert!(!of_state(state).contains(&format!("{state:?}")), "{state:?}");
        }
    }

    #[test]
    fn pictures_are_told_only_where_they_are_compared() {
        let reporter = Reporter::new(true, None);
        let stats = PeerStats { id: "ben".into(), ..PeerStats::default() };
        let picture = ReceivedPicture { at: 1.5, number: 7, latency: 20.0, width: 320, height: 180, psnr: Some(36.5) };
        let probe = |pictures| ReceivedPictureStats {
            peer: "ben".into(),
            handle: 1,
            first_decoded: Some(reporter.start),
            pattern: Some(7),
            latencies_ms: vec![20.0],
            skew_ms: None,
            pictures,
        };
        let plain = reporter.peer(&stats, &[probe(vec![])]);
        assert_eq!((&plain["pattern"], plain.get("pictures")), (&json!(7), None));
        let compared = reporter.peer(&stats, &[probe(vec![picture])]);
        let expected = json!([{ "at": 1.5, "number": 7, "latency": 20.0, "width": 320, "height": 180, "psnr": 36.5 }]);
        assert_eq!(compared["pictures"], expected);
    }
}
