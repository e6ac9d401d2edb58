//! Streams of our own: what `emit_stream` carries.

use super::encoding::{CodecPreferences, StreamError, StreamOptions};
use super::local::LocalTrack;
use crate::Args;
use confab_rtp::encoding::{EncodingError, VideoEncoding};
use confab_wire::{ctrl::STREAM_PLACEHOLDER, limits};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::watch;
use uuid::Uuid;

/// A set of local tracks with an identity (`RTCIOStream` of rtc.io). Cloning gives another handle of the same stream.
#[derive(Debug, Clone)]
pub struct RtcioStream {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: String,
    msid: String,
    codec_preferences: Option<CodecPreferences>,
    /// Grows with each change of the tracks.
    changes: watch::Sender<u64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tracks: Vec<LocalTrack>,
    encoding: VideoEncoding,
    /// Wakes of the sockets that send this stream.
    wakes: Vec<watch::Sender<u64>>,
}

/// The stream's wishes end with it.
impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for track in &state.tracks {
            track.set_encoding(&self.id, None);
        }
    }
}

/// A stream that is not kept alive.
#[derive(Debug, Clone)]
pub(crate) struct WeakStream(Weak<Inner>);

impl WeakStream {
    /// The stream, if anybody still holds it.
    pub(crate) fn upgrade(&self) -> Option<RtcioStream> {
        self.0.upgrade().map(|inner| RtcioStream { inner })
    }
}

impl Default for RtcioStream {
    fn default() -> Self {
        Self::new()
    }
}

/// As its placeholder, which is how a stream stands in the arguments of an event (`toJSON` of rtc.io's stream).
impl Serialize for RtcioStream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.placeholder())
    }
}

impl RtcioStream {
    /// A stream without tracks, with new ids (`new RTCIOStream(mediaStream)` of rtc.io, which begins with tracks).
    pub fn new() -> Self {
        Self::build(Uuid::new_v4().to_string(), VideoEncoding::default(), None)
    }

    /// A stream without tracks, with options (`new RTCIOStream(id, mediaStream, options)` of rtc.io). Fails if the id is
    /// too long or empty, or if a value of the encoding means nothing.
    pub fn with_options(options: StreamOptions) -> Result<Self, StreamError> {
        options.encoding.check()?;
        let id = options.id.unwrap_or_else(|| Uuid::new_v4().to_string());
        if id.is_empty() || id.len() > limits::ID_BYTES {
            return Err(StreamError::Id);
        }
        Ok(Self::build(id, options.encoding, options.codec_preferences))
    }

    fn build(id: String, encoding: VideoEncoding, codec_preferences: Option<CodecPreferences>) -> Self {
        let inner = Inner {
            id,
            msid: Uuid::new_v4().to_string(),
            codec_preferences,
            changes: watch::Sender::new(0),
            state: Mutex::new(State { encoding, ..State::default() }),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The stream's identity, which receivers adopt (`id` of rtc.io's stream).
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The MediaStream id, as in `a=msid` (RFC 8830); `mediaStream.id` of rtc.io's stream.
    pub fn msid(&self) -> &str {
        &self.inner.msid
    }

    /// What stands in an argument array where the stream is.
    pub fn placeholder(&self) -> String {
        format!("{STREAM_PLACEHOLDER}{}", self.inner.id)
    }

    /// Arguments of an event that carries this stream: `values` hold its [placeholder](Self::placeholder), at any depth;
    /// the stream itself serializes as it.
    pub fn args(&self, values: impl IntoIterator<Item = Value>) -> Args {
        Args::new(values).with_stream(self)
    }

    /// Adds a track; every peer that has the stream gets it (`addTrack` of rtc.io). A track that is in the stream already
    /// changes nothing.
    pub fn add_track(&self, track: &LocalTrack) {
        self.change(|tracks| {
            if !tracks.iter().any(|known| known.id() == track.id()) {
                tracks.push(track.clone());
            }
        });
    }

    /// Removes a track (`removeTrack` of rtc.io). Without another one of its kind in the stream, its m-line turns
    /// inactive. A track that is not in the stream changes nothing.
    pub fn remove_track(&self, track: &LocalTrack) {
        self.change(|tracks| tracks.retain(|known| known.id() != track.id()));
    }

    /// Puts `new` in the place of the first track of its kind and returns that one; just adds it if there is none
    /// (`replaceTrack` of rtc.io). With the same codec this needs no negotiation.
    pub fn replace_track(&self, new: &LocalTrack) -> Option<LocalTrack> {
        let mut old = None;
        self.change(|tracks| {
            if tracks.iter().any(|known| known.id() == new.id()) {
                return;
            }
            match tracks.iter_mut().find(|known| known.kind() == new.kind()) {
                Some(place) => old = Some(std::mem::replace(place, new.clone())),
                None => tracks.push(new.clone()),
            }
        });
        old
    }

    /// Puts these tracks in the place of all there are, in one step (`replace` of rtc.io).
    pub fn replace(&self, tracks: impl IntoIterator<Item = LocalTrack>) {
        let mut new: Vec<LocalTrack> = Vec::new();
        for track in tracks {
            if !new.iter().any(|known| known.id() == track.id()) {
                new.push(track);
            }
        }
        self.change(|tracks| *tracks = new);
    }

    /// The tracks, in the order in which they were added (`mediaStream.getTracks()` of rtc.io's stream).
    pub fn tracks(&self) -> Vec<LocalTrack> {
        self.state().tracks.clone()
    }

    /// Grows with each change of the tracks (`onTrackChanged` of rtc.io).
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Changes how the video tracks are encoded, for every peer at once and without negotiation; what `partial` leaves
    /// out stays (`setEncoding` of rtc.io). The bounds reach the encoder through [`LocalTrack::demand`]. A track in
    /// several streams is encoded once, by the tightest bounds. Fails, and changes nothing, if a value means nothing.
    pub fn set_encoding(&self, partial: VideoEncoding) -> Result<(), EncodingError> {
        partial.check()?;
        let mut state = self.state();
        state.encoding = state.encoding.merged(&partial);
        for track in &state.tracks {
            track.set_encoding(&self.inner.id, Some(state.encoding));
        }
        Ok(())
    }

    /// How the video tracks are encoded (`options.videoEncoding` of rtc.io).
    pub fn encoding(&self) -> VideoEncoding {
        self.state().encoding
    }

    /// Which codecs its m-lines offer.
    pub(crate) fn codec_preferences(&self) -> Option<&CodecPreferences> {
        self.inner.codec_preferences.as_ref()
    }

    pub(crate) fn downgrade(&self) -> WeakStream {
        WeakStream(Arc::downgrade(&self.inner))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells `wake` of every change from now on.
    pub(crate) fn subscribe(&self, wake: &watch::Sender<u64>) {
        let mut state = self.state();
        state.wakes.retain(|known| !known.is_closed());
        if !state.wakes.iter().any(|known| known.same_channel(wake)) {
            state.wakes.push(wake.clone());
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<LocalTrack>)) {
        let mut state = self.state();
        let before = state.tracks.clone();
        change(&mut state.tracks);
        let has = |tracks: &[LocalTrack], track: &LocalTrack| tracks.iter().any(|known| known.id() == track.id());
        for gone in before.iter().filter(|track| !has(&state.tracks, track)) {
            gone.set_encoding(&self.inner.id, None);
        }
        for new in state.tracks.iter().filter(|track| !has(&before, track)) {
            new.set_encoding(&self.inner.id, Some(state.encoding));
        }
        if before.len() == state.tracks.len() && before.iter().zip(&state.tracks).all(|(a, b)| a.id() == b.id()) {
            return;
        }
        self.inner.changes.send_modify(|version| *version += 1);
        for wake in &state.wakes {
            wake.send_modify(|version| *version += 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Codec, VideoDemand};

    fn ids(stream: &RtcioStream) -> Vec<String> {
        stream.tracks().iter().map(|track| track.id().to_owned()).collect()
    }

    #[test]
    fn a_track_takes_the_place_of_the_first_of_its_kind() {
        let stream = RtcioStream::new();
        let (voice, one, two) = (LocalTrack::audio(), LocalTrack::video(Codec::Vp8), LocalTrack::video(Codec::Vp8));
        let changes = stream.changes();
        assert!(stream.replace_track(&one).is_none());
        stream.add_track(&voice);
        assert_eq!(stream.replace_track(&two).unwrap().id(), one.id());
        assert_eq!(ids(&stream), [two.id(), voice.id()]);
        assert!(stream.replace_track(&two).is_none());
        assert_eq!(*changes.borrow(), 3);
        stream.replace([one.clone(), one.clone()]);
        assert_eq!(ids(&stream), [one.id()]);
        stream.remove_track(&two);
        assert_eq!(*changes.borrow(), 4);
    }

    #[test]
    fn an_encoding_follows_the_tracks_of_the_stream() {
        let bitrate = |bitrate| VideoEncoding { max_bitrate: Some(bitrate), ..VideoEncoding::default() };
        let stream =
            RtcioStream::with_options(StreamOptions { encoding: bitrate(900_000), ..StreamOptions::default() })
                .unwrap();
        let (one, two) = (LocalTrack::video(Codec::Vp8), LocalTrack::video(Codec::Vp8));
        let of = |track: &LocalTrack| track.demand().borrow().max_bitrate;
        stream.add_track(&one);
        assert_eq!((of(&one), of(&two)), (900_000, VideoDemand::default().max_bitrate));
        stream.replace_track(&two);
        assert_eq!((of(&one), of(&two)), (VideoDemand::default().max_bitrate, 900_000));
        stream.set_encoding(bitrate(200_000)).unwrap();
        assert_eq!(stream.set_encoding(bitrate(0)), Err(EncodingError::MaxBitrate));
        assert_eq!((of(&two), stream.encoding().max_bitrate), (200_000, Some(200_000)));
        drop(stream);
        assert_eq!(of(&two), VideoDemand::default().max_bitrate);
    }

    #[test]
    fn an_id_of_ones_own_is_bounded() {
        let with =
            |id: &str| RtcioStream::with_options(StreamOptions { id: Some(id.into()), ..StreamOptions::default() });
        assert_eq!(with("ann-camera").unwrap().placeholder(), "[RTCIOStream] ann-camera");
        assert_eq!(with("").unwrap_err(), StreamError::Id);
        assert_eq!(with(&"x".repeat(limits::ID_BYTES + 1)).unwrap_err(), StreamError::Id);
    }
}
