//! Streams of our own: what an event carries to every peer.

use confab_rtp::encoding::{EncodingError, VideoEncoding};
use confab_transport::codec_preferences::CodecPreferences;
use confab_transport::send::local_stream::LocalStream;
use confab_transport::send::local_track::LocalTrack;
use confab_wire::{ctrl::STREAM_PLACEHOLDER, limits};
use serde::{Serialize, Serializer};
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

/// An option of a stream that can't be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// A stream id is empty or longer than [`confab_wire::limits::ID_BYTES`].
    #[error("a stream id has 1 to {} bytes", limits::ID_BYTES)]
    Id,
    /// How the pictures are to be encoded.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
}

/// Options of a stream (`RTCIOStreamOptions` of rtc.io).
#[derive(Debug, Clone, Default)]
pub struct StreamOptions {
    /// The stream's identity, for one that outlives the program; without it a new UUID.
    pub id: Option<String>,
    /// `videoEncoding`: how video tracks are encoded.
    pub encoding: VideoEncoding,
    /// `codecPreferences`: which codecs are offered, in which order.
    pub codec_preferences: Option<CodecPreferences>,
}

/// A set of local tracks with an identity (`RTCIOStream` of rtc.io). Cloning gives another handle of the same stream.
#[derive(Debug, Clone)]
pub struct RtcioStream {
    id: Arc<str>,
    stream: LocalStream,
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
        Self { id: Uuid::new_v4().to_string().into(), stream: LocalStream::default() }
    }

    /// A stream without tracks, with options (`new RTCIOStream(id, mediaStream, options)` of rtc.io). Fails if the id is
    /// too long or empty, or if a value of the encoding means nothing.
    pub fn with_options(options: StreamOptions) -> Result<Self, StreamError> {
        let stream = LocalStream::new(options.encoding, options.codec_preferences)?;
        let id = options.id.unwrap_or_else(|| Uuid::new_v4().to_string());
        if id.is_empty() || id.len() > limits::ID_BYTES {
            return Err(StreamError::Id);
        }
        Ok(Self { id: id.into(), stream })
    }

    /// The stream's identity, which receivers adopt (`id` of rtc.io's stream).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The MediaStream id, as in `a=msid` (RFC 8830); `mediaStream.id` of rtc.io's stream.
    pub fn msid(&self) -> &str {
        self.stream.msid()
    }

    /// What stands in an argument array where the stream is.
    pub fn placeholder(&self) -> String {
        format!("{STREAM_PLACEHOLDER}{}", self.id)
    }

    /// Adds a track; every peer that has the stream gets it (`addTrack` of rtc.io). A track that is in the stream already
    /// changes nothing.
    pub fn add_track(&self, track: &LocalTrack) {
        self.stream.add_track(track);
    }

    /// Removes a track (`removeTrack` of rtc.io). Without another one of its kind in the stream, its m-line turns
    /// inactive. A track that is not in the stream changes nothing.
    pub fn remove_track(&self, track: &LocalTrack) {
        self.stream.remove_track(track);
    }

    /// Puts `new` in the place of the first track of its kind and returns that one; just adds it if there is none
    /// (`replaceTrack` of rtc.io). With the same codec this needs no negotiation.
    pub fn replace_track(&self, new: &LocalTrack) -> Option<LocalTrack> {
        self.stream.replace_track(new)
    }

    /// Puts these tracks in the place of all there are, in one step (`replace` of rtc.io).
    pub fn replace(&self, tracks: impl IntoIterator<Item = LocalTrack>) {
        self.stream.replace(tracks);
    }

    /// The tracks, in the order in which they were added (`mediaStream.getTracks()` of rtc.io's stream).
    pub fn tracks(&self) -> Vec<LocalTrack> {
        self.stream.tracks()
    }

    /// Grows with each change of the tracks (`onTrackChanged` of rtc.io).
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.stream.changes()
    }

    /// Changes how the video tracks are encoded, for every peer at once and without negotiation; what `partial` leaves
    /// out stays (`setEncoding` of rtc.io). The bounds reach the encoder through [`LocalTrack::demand`]. A track in
    /// several streams is encoded once, by the tightest bounds. Fails, and changes nothing, if a value means nothing.
    pub fn set_encoding(&self, partial: VideoEncoding) -> Result<(), EncodingError> {
        self.stream.set_encoding(partial)
    }

    /// How the video tracks are encoded (`options.videoEncoding` of rtc.io).
    pub fn encoding(&self) -> VideoEncoding {
        self.stream.encoding()
    }

    /// The stream as the connections take it.
    pub(crate) fn local(&self) -> &LocalStream {
        &self.stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_ones_own_is_bounded() {
        let with =
            |id: &str| RtcioStream::with_options(StreamOptions { id: Some(id.into()), ..StreamOptions::default() });
        assert_eq!(with("ann-camera").unwrap().placeholder(), "[RTCIOStream] ann-camera");
        assert_eq!(with("").unwrap_err(), StreamError::Id);
        assert_eq!(with(&"x".repeat(limits::ID_BYTES + 1)).unwrap_err(), StreamError::Id);
    }
}
