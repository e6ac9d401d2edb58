//! Streams of our own: sets of local tracks that share a MediaStream id.

use super::local_track::LocalTrack;
use crate::codec_preferences::CodecPreferences;
use confab_rtp::encoding::{EncodingError, VideoEncoding};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::watch;
use uuid::Uuid;

/// A set of local tracks (`MediaStream`, W3C mediacapture-streams section 4.2). Cloning gives another handle of the same
/// stream. It is sent to every remote of an endpoint once it is in the endpoint's [`LocalStreams`].
#[derive(Debug, Clone)]
pub struct LocalStream {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
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
    /// Versions of the sets that hold this stream.
    holders: Vec<watch::Sender<u64>>,
}

/// The stream's bounds of the encoding end with it.
impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for track in &state.tracks {
            track.set_encoding(&self.msid, None);
        }
    }
}

/// A stream that is not kept alive.
#[derive(Debug, Clone)]
pub(crate) struct WeakStream(Weak<Inner>);

impl WeakStream {
    /// The stream, if anybody still holds it.
    pub(crate) fn upgrade(&self) -> Option<LocalStream> {
        self.0.upgrade().map(|inner| LocalStream { inner })
    }
}

impl Default for LocalStream {
    fn default() -> Self {
        Self::build(VideoEncoding::default(), None)
    }
}

impl LocalStream {
    /// A stream without tracks, with a new MediaStream id. Fails if a value of the encoding means nothing.
    pub fn new(encoding: VideoEncoding, codec_preferences: Option<CodecPreferences>) -> Result<Self, EncodingError> {
        encoding.check()?;
        Ok(Self::build(encoding, codec_preferences))
    }

    fn build(encoding: VideoEncoding, codec_preferences: Option<CodecPreferences>) -> Self {
        let inner = Inner {
            msid: Uuid::new_v4().to_string(),
            codec_preferences,
            changes: watch::Sender::new(0),
            state: Mutex::new(State { encoding, ..State::default() }),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The MediaStream id, as in `a=msid` (RFC 8830).
    pub fn msid(&self) -> &str {
        &self.inner.msid
    }

    /// Adds a track; every remote that has the stream gets it. A track that is in the stream already changes nothing.
    pub fn add_track(&self, track: &LocalTrack) {
        self.change(|tracks| {
            if !tracks.iter().any(|known| known.id() == track.id()) {
                tracks.push(track.clone());
            }
        });
    }

    /// Removes a track. Without another one of its kind in the stream, its m-line turns inactive. A track that is not in
    /// the stream changes nothing.
    pub fn remove_track(&self, track: &LocalTrack) {
        self.change(|tracks| tracks.retain(|known| known.id() != track.id()));
    }

    /// Puts `new` in the place of the first track of its kind and returns that one; just adds it if there is none. With
    /// the same codec this needs no negotiation.
    pub fn replace_track(&self, new: &LocalTrack) -> Option<LocalTrack> {
        let mut old = None;
        self.change(|tracks| {
            if tracks.iter().any(|known| known.id() == new.id()) {
                return;
            }
            match tracks.iter_mut().find(|known| known.kind() == new.kind()) {
                Some(first) => old = Some(std::mem::replace(first, new.clone())),
                None => tracks.push(new.clone()),
            }
        });
        old
    }

    /// Puts these tracks in the place of all there are, in one step.
    pub fn replace(&self, tracks: impl IntoIterator<Item = LocalTrack>) {
        let mut new: Vec<LocalTrack> = Vec::new();
        for track in tracks {
            if !new.iter().any(|known| known.id() == track.id()) {
                new.push(track);
            }
        }
        self.change(|tracks| *tracks = new);
    }

    /// The tracks, in the order in which they were added.
    pub fn tracks(&self) -> Vec<LocalTrack> {
        self.state().tracks.clone()
    }

    /// Grows with each change of the tracks.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Changes how the video tracks are encoded, for every remote at once and without negotiation; what `partial` leaves
    /// out stays. The bounds reach the encoder through [`LocalTrack::demand`]. A track in several streams is encoded once,
    /// by the tightest bounds. Fails, and changes nothing, if a value means nothing.
    pub fn set_encoding(&self, partial: VideoEncoding) -> Result<(), EncodingError> {
        partial.check()?;
        let mut state = self.state();
        state.encoding = state.encoding.merged(&partial);
        for track in &state.tracks {
            track.set_encoding(&self.inner.msid, Some(state.encoding));
        }
        Ok(())
    }

    /// How the video tracks are encoded.
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

    /// From now on every change of the tracks is one of `holder`, too.
    fn join(&self, holder: &watch::Sender<u64>) {
        let mut state = self.state();
        state.holders.retain(|known| !known.is_closed());
        if !state.holders.iter().any(|known| known.same_channel(holder)) {
            state.holders.push(holder.clone());
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<LocalTrack>)) {
        let mut state = self.state();
        let before = state.tracks.clone();
        change(&mut state.tracks);
        let has = |tracks: &[LocalTrack], track: &LocalTrack| tracks.iter().any(|known| known.id() == track.id());
        for gone in before.iter().filter(|track| !has(&state.tracks, track)) {
            gone.set_encoding(&self.inner.msid, None);
        }
        for new in state.tracks.iter().filter(|track| !has(&before, track)) {
            new.set_encoding(&self.inner.msid, Some(state.encoding));
        }
        if before.len() == state.tracks.len() && before.iter().zip(&state.tracks).all(|(a, b)| a.id() == b.id()) {
            return;
        }
        self.inner.changes.send_modify(|version| *version += 1);
        for holder in &state.holders {
            holder.send_modify(|version| *version += 1);
        }
    }
}

/// The streams that every remote of an endpoint is to have, present and future: what a dialect gives to be sent.
#[derive(Debug)]
pub struct LocalStreams {
    streams: Mutex<Vec<LocalStream>>,
    /// Grows with each change here and in the streams themselves.
    version: watch::Sender<u64>,
}

impl Default for LocalStreams {
    fn default() -> Self {
        Self { streams: Mutex::default(), version: watch::Sender::new(0) }
    }
}

impl LocalStreams {
    /// Sends the stream to all.
    pub fn add(&self, stream: &LocalStream) {
        {
            let mut streams = self.lock();
            if !streams.iter().any(|known| known.msid() == stream.msid()) {
                streams.push(stream.clone());
            }
        }
        stream.join(&self.version);
        self.version.send_modify(|version| *version += 1);
    }

    /// Forgets the stream: later remotes do not get it. Those who have it keep it, until its tracks are removed.
    pub fn remove(&self, msid: &str) {
        self.lock().retain(|stream| stream.msid() != msid);
    }

    /// The streams, in the order in which they were added.
    pub fn list(&self) -> Vec<LocalStream> {
        self.lock().clone()
    }

    /// Changes with each change here and of a stream's tracks.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<LocalStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::media::{Codec, VideoDemand};

    fn ids(stream: &LocalStream) -> Vec<String> {
        stream.tracks().iter().map(|track| track.id().to_owned()).collect()
    }

    #[test]
    fn a_track_takes_the_place_of_the_first_of_its_kind() {
        let stream = LocalStream::default();
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
        let stream = LocalStream::new(bitrate(900_000), None).unwrap();
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
}
