//! What a participant without a window says: JSON lines for programs, plain lines for people.

use crate::sentences;
use confab_call::{ReceivedPictureStats, recording_path};
use confab_ipc::{CallView, DeviceState, PeerStats, UiEvent, UserError};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// Writes events to standard output.
#[derive(Debug)]
pub struct Reporter {
    start: Instant,
    json: bool,
    record: Option<PathBuf>,
}

impl Reporter {
    /// A reporter whose clock starts now.
    pub fn new(json: bool, record: Option<PathBuf>) -> Self {
        Self { start: Instant::now(), json, record }
    }

    /// The room is joined.
    pub fn connected(&mut self, view: Option<CallView>) {
        let Some(view) = view else { return };
        let members: Vec<Value> =
            view.participants.iter().map(|member| json!({ "id": member.id, "name": member.name })).collect();
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
            eprintln!("confab-peer: {}", sentences::with_detail(error));
        }
    }

    /// Something happened in the call.
    pub fn event(&mut self, event: UiEvent, probes: &[ReceivedPictureStats]) {
        match event {
            UiEvent::PeerConnecting { participant } => {
                let text = format!("{} is in the room", participant.name);
                self.say("peer-connecting", json!({ "id": participant.id, "name": participant.name }), &text);
            }
            UiEvent::PeerConnect { participant } => {
                let text = format!("{} is connected", participant.name);
                self.say("peer-connect", json!({ "id": participant.id, "name": participant.name }), &text);
            }
            UiEvent::PeerState { id, state } => {
                self.say("peer-state", json!({ "id": id, "state": state }), &format!("{id} is {state:?}"));
            }
            UiEvent::PeerDisconnect { id } => {
                self.say("peer-disconnect", json!({ "id": id }), &format!("{id} is gone"));
            }
            UiEvent::TrackAdded { id, track } => {
                let file = self.record.as_deref().map(|dir| recording_path(dir, &id, &track));
                let fields = json!({
                    "id": id, "handle": track.handle, "kind": track.kind, "stream": track.stream,
                    "name": track.event, "file": file,
                });
                self.say("track-added", fields, &format!("{id} sends {:?}", track.kind));
            }
            UiEvent::TrackRemoved { id, handle } => {
                self.say("track-removed", json!({ "id": id, "handle": handle }), &format!("{id} ended a track"));
            }
            UiEvent::MediaState { id, media } => {
                let text = format!("{id}: microphone {}, camera {}", on(media.mic), on(media.cam));
                self.say("media-state", json!({ "id": id, "mic": media.mic, "cam": media.cam }), &text);
            }
            UiEvent::Chat { message, .. } => {
                let text = format!("{}: {}", message.from, message.text);
                self.say("chat", json!(message), &text);
            }
            UiEvent::Me { me } => {
                let devices = [&me.mic, &me.camera, &me.speaker];
                let failures = devices.into_iter().filter_map(|device| match device {
                    DeviceState::Failed { error } => Some(sentences::sentence(error)),
                    _ => None,
                });
                let text = failures.collect::<Vec<_>>().join("\n");
                let [mic, camera, speaker] = devices.map(device);
                let fields =
                    json!({ "id": me.id, "mic": mic, "camera": camera, "speaker": speaker, "share": me.share });
                self.say("me", fields, &text);
            }
            UiEvent::CallState { state } => {
                self.say("call-state", json!({ "state": state }), &format!("the call is {state:?}"));
            }
            UiEvent::Notice { notice } => {
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
        let line = if self.json {
            let mut object = Map::new();
            object.insert("event".into(), json!(event));
            object.insert("t".into(), json!(self.start.elapsed().as_millis() as u64));
            if let Value::Object(fields) = fields {
                object.extend(fields);
            }
            Value::Object(object).to_string()
        } else if text.is_empty() {
            return;
        } else {
            text.to_owned()
        };
        // A reader that is gone is no reason to leave the call.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
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
