//! Streams of a peer of ours: real pictures and tones go out, what comes in is looked at.

use crate::conformance::Outcome;
use crate::conformance::ours::{Ours, list};
use confab_media::{
    AudioCapture, AudioSource, VideoCapture, VideoConfig, VideoEvent, VideoSource, Vp8Decoder, pattern,
};
use confab_rtcio::{
    AudioLevel, Codec, CodecPreferences, EncodedFrame, LocalTrack, MediaKind, RemoteTrack, RtcioStream, StreamOptions,
    VideoEncoding,
};
use serde_json::{Value, json};
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Frames that are kept for somebody who can decode them.
const UNDECODED: usize = 60;

/// A stream of ours with what feeds its tracks.
pub struct Sent {
    pub stream: RtcioStream,
    sources: Vec<Source>,
}

struct Source {
    track: LocalTrack,
    /// Dropping it ends the device.
    _capture: Box<dyn Any + Send>,
}

/// A track that comes in.
pub struct Received {
    pub peer: String,
    pub msid: String,
    pub track: RemoteTrack,
    media: Arc<Mutex<ReceivedMedia>>,
}

#[derive(Default)]
struct ReceivedMedia {
    moving: u32,
    number: u32,
    /// What the newest packet of sound says of its level.
    level: Option<AudioLevel>,
    width: u32,
    height: u32,
    /// Where the frames go as well.
    copy: Option<LocalTrack>,
    /// The newest key frame that nobody here decodes, and the frames behind it.
    undecoded: Vec<EncodedFrame>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Received {
    /// Looks at what `track` brings, until it ends.
    pub fn new(peer: String, msid: String, track: RemoteTrack) -> Self {
        let media = Arc::new(Mutex::new(ReceivedMedia::default()));
        let written = Arc::clone(&media);
        if let Some(mut frames) = track.take_video() {
            tokio::spawn(async move {
                let mut decoder = Vp8Decoder::new();
                while let Some(frame) = frames.recv().await {
                    lock(&written).see(frame, &mut decoder);
                }
            });
        } else if let Some(mut packets) = track.take_audio() {
            tokio::spawn(async move {
                while let Some(packet) = packets.recv().await {
                    let mut media = lock(&written);
                    media.moving += 1;
                    media.level = packet.level;
                }
            });
        }
        Self { peer, msid, track, media }
    }

    /// As the log has it.
    pub fn entry(&self) -> Value {
        let kind = kind(self.track.kind());
        json!({ "peerId": self.peer, "stream": { "msid": self.msid }, "track": { "kind": kind } })
    }
}

impl ReceivedMedia {
    fn see(&mut self, frame: EncodedFrame, decoder: &mut Vp8Decoder) {
        if frame.codec == Codec::Vp8 {
            let Ok(Some(picture)) = decoder.decode(&frame) else { return };
            let Some(reading) = pattern::read(&picture) else { return };
            (self.number, self.width, self.height) = (reading.number, picture.width(), picture.height());
        } else {
            // Nobody here decodes it: that it is a picture shows where it is sent on to.
            (self.width, self.height) = (frame.width.into(), frame.height.into());
            if frame.key {
                self.undecoded.clear();
            }
            if self.undecoded.len() < UNDECODED {
                self.undecoded.push(frame.clone());
            }
        }
        self.moving += 1;
        if let Some(copy) = &self.copy {
            copy.write_frame(frame);
        }
    }
}

impl Ours {
    pub async fn stream(&mut self, name: &str, tracks: Value, options: Value) -> Outcome<Value> {
        let stream = RtcioStream::with_options(stream_options(&options)?)?;
        let mut sources = Vec::new();
        for wish in list(tracks) {
            let source = self.source(&wish).await?;
            stream.add_track(&source.track);
            sources.push(source);
        }
        let ids = json!({ "id": stream.id(), "msid": stream.msid() });
        self.streams.insert(name.to_owned(), Sent { stream, sources });
        Ok(ids)
    }

    fn sent(&mut self, name: &str) -> Outcome<&mut Sent> {
        Ok(self.streams.get_mut(name).ok_or_else(|| format!("there is no stream {name}"))?)
    }

    pub async fn add_track(&mut self, name: &str, track: Value) -> Outcome {
        let source = self.source(&track).await?;
        let sent = self.sent(name)?;
        sent.stream.add_track(&source.track);
        sent.sources.push(source);
        Ok(())
    }

    pub async fn remove_track(&mut self, name: &str, kind: &str) -> Outcome {
        let kind = if kind == "video" { MediaKind::Video } else { MediaKind::Audio };
        let sent = self.sent(name)?;
        for source in sent.sources.extract_if(.., |source| source.track.kind() == kind) {
            sent.stream.remove_track(&source.track);
        }
        Ok(())
    }

    pub async fn replace_track(&mut self, name: &str, track: Value) -> Outcome {
        let source = self.source(&track).await?;
        let sent = self.sent(name)?;
        let old = sent.sources.iter().position(|old| old.track.kind() == source.track.kind());
        match old {
            Some(index) => {
                sent.stream.replace_track(&source.track);
                sent.sources[index] = source;
            }
            None => {
                sent.stream.add_track(&source.track);
                sent.sources.push(source);
            }
        }
        Ok(())
    }

    pub async fn replace(&mut self, name: &str, tracks: Value) -> Outcome {
        let mut sources = Vec::new();
        for wish in list(tracks) {
            sources.push(self.source(&wish).await?);
        }
        let sent = self.sent(name)?;
        sent.stream.replace(sources.iter().map(|source| source.track.clone()));
        sent.sources = sources;
        Ok(())
    }

    pub async fn set_encoding(&mut self, name: &str, change: Value) -> Outcome {
        Ok(self.sent(name)?.stream.set_encoding(serde_json::from_value(change)?)?)
    }

    pub async fn untrack(&mut self, name: &str) -> Outcome {
        let stream = self.sent(name)?.stream.clone();
        self.socket.untrack_stream(&stream).await;
        Ok(())
    }

    pub async fn tracks(&mut self) -> Outcome<Value> {
        self.read_all().await;
        let tracks = self.received.iter().filter_map(|received| {
            // As in the page: what no event has told of is nobody's yet.
            let (event, id) = self.known.get(&(received.peer.clone(), received.msid.clone()))?;
            let media = lock(&received.media);
            Some(json!({
                "event": event, "kind": kind(received.track.kind()), "stream": id, "msid": received.msid,
                "moving": media.moving, "number": media.number, "width": media.width, "height": media.height,
            }))
        });
        Ok(tracks.collect())
    }

    /// A key frame of the picture of `event` that nobody here decodes, and the frames behind it.
    pub fn undecoded(&self, event: &str) -> Outcome<Vec<EncodedFrame>> {
        Ok(lock(&self.picture_of(event)?.media).undecoded.clone())
    }

    /// What comes with the picture of `event`.
    pub fn picture_of(&self, event: &str) -> Outcome<&Received> {
        let of_event = |received: &&Received| {
            let known = self.known.get(&(received.peer.clone(), received.msid.clone()));
            known.is_some_and(|(known, _)| known == event) && received.track.kind() == MediaKind::Video
        };
        Ok(self.received.iter().find(of_event).ok_or_else(|| format!("there is no picture of {event}"))?)
    }

    pub async fn inbound(&mut self, id: &str) -> Outcome<Value> {
        let stats = self.socket.get_stats(id).await.ok_or_else(|| format!("there is no peer {id}"))?;
        let reports = stats.inbound_rtp.iter().map(|report| {
            let codec = stats.codec.iter().find(|codec| codec.id == report.codec_id);
            let mut report = serde_json::to_value(report)?;
            report["codec"] = json!(codec.map(|codec| &codec.mime_type));
            Ok(report)
        });
        reports.collect()
    }

    pub async fn levels(&mut self, id: &str) -> Outcome<Value> {
        let of_peer = self.received.iter().filter(|received| received.peer == id);
        Ok(of_peer.filter_map(|received| lock(&received.media).level).map(|level| json!(level.rms())).collect())
    }

    pub async fn transport(&mut self, id: &str) -> Outcome<Value> {
        let stats = self.socket.get_stats(id).await.ok_or_else(|| format!("there is no peer {id}"))?;
        Ok(serde_json::to_value(stats.transport.first())?)
    }

    pub async fn path(&mut self, id: &str) -> Outcome<Value> {
        let stats = self.socket.get_ice_candidate_stats(id).await.ok_or_else(|| format!("there is no peer {id}"))?;
        let way = stats.selected_ice_candidate_pair_stats.unwrap_or_default();
        let types = [way.local_candidate, way.remote_candidate].map(|end| end.map(|end| end.candidate_type));
        Ok(json!(types))
    }

    pub async fn lines(&mut self, id: &str) -> Outcome<usize> {
        let reports = self.socket.peer_stats().await;
        let report = reports.iter().find(|report| report.id == id);
        Ok(report.ok_or_else(|| format!("there is no peer {id}"))?.media_lines)
    }

    /// What the wish of a test says.
    async fn source(&self, wish: &Value) -> Outcome<Source> {
        if let Some(hz) = wish["tone"].as_f64() {
            tone(hz as f32).await
        } else if let Some(event) = wish["from"].as_str() {
            self.copy(event)
        } else {
            picture(wish).await
        }
    }

    /// A track that sends what came with the picture of `event`, as it came.
    fn copy(&self, event: &str) -> Outcome<Source> {
        let received = self.picture_of(event)?;
        let (origin, track) = (received.track.clone(), LocalTrack::video(received.track.codec()));
        lock(&received.media).copy = Some(track.clone());
        let mut demand = track.demand();
        // Who sends the original is asked for what is asked for here.
        tokio::spawn(async move {
            while demand.changed().await.is_ok() {
                origin.request_key_frame();
            }
        });
        Ok(Source { track, _capture: Box::new(()) })
    }
}

/// `{ videoEncoding, codecs }`: how to encode, and the only video codecs to offer, in this order.
fn stream_options(wish: &Value) -> Outcome<StreamOptions> {
    let encoding: Option<VideoEncoding> = serde_json::from_value(wish["videoEncoding"].clone())?;
    let wanted: Option<Vec<String>> = serde_json::from_value(wish["codecs"].clone())?;
    let codec_preferences = wanted.map(|wanted| {
        CodecPreferences::new(move |codecs, kind| match kind {
            MediaKind::Audio => codecs,
            MediaKind::Video => {
                let find = |mime: &String| codecs.iter().find(|codec| codec.mime_type == *mime).cloned();
                wanted.iter().filter_map(find).collect()
            }
        })
    });
    Ok(StreamOptions { encoding: encoding.unwrap_or_default(), codec_preferences, ..StreamOptions::default() })
}

pub fn kind(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

/// A track that sends a tone.
async fn tone(hz: f32) -> Outcome<Source> {
    let track = LocalTrack::audio();
    let (capture, mut packets) = AudioCapture::start(AudioSource::Tone(hz)).await?;
    let sink = track.clone();
    tokio::spawn(async move {
        while let Some(packet) = packets.recv().await {
            sink.write_audio(packet);
        }
    });
    Ok(Source { track, _capture: Box::new(capture) })
}

/// A track that sends the test picture (`{ width, height, fps }`).
async fn picture(wish: &Value) -> Outcome<Source> {
    let number = |key: &str, otherwise: u32| wish[key].as_u64().map_or(otherwise, |number| number as u32);
    let config = VideoConfig {
        width: number("width", 320),
        height: number("height", 180),
        fps: number("fps", 15),
        bitrate: 400_000,
    };
    let track = LocalTrack::simulcast();
    let (capture, mut events) = VideoCapture::start(VideoSource::Pattern, config, track.demand()).await?;
    let sink = track.clone();
    tokio::spawn(async move {
        while let Some(VideoEvent::Frame(frame)) = events.recv().await {
            sink.write_frame(frame);
        }
    });
    Ok(Source { track, _capture: Box::new(capture) })
}
