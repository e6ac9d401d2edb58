//! What one chooses before a call.

use confab_ipc::{ErrorCode, TrackView, UserError};
use confab_media::{AudioSink, AudioSource, VideoConfig, VideoSource};
use confab_wire::{
    media::{Decoders, MediaKind, Processing},
    name,
    room::RoomLink,
};
use std::fmt::{Debug, Formatter};
use std::path::{Path, PathBuf};
use url::Url;

/// Everything a call is started with.
#[derive(Clone)]
pub struct CallConfig {
    /// The room, as others know it.
    pub link: RoomLink,
    /// Address to dial instead of `link.server`: the loopback address when the server runs in this process.
    pub connect: Option<Url>,
    /// Own display name.
    pub name: String,
    /// What the camera button turns on.
    pub video: VideoSource,
    /// Size, rate and bitrate of the picture.
    pub video_config: VideoConfig,
    /// What the microphone button turns on.
    pub audio: AudioSource,
    /// What is done to the microphone's sound; [`Call::set_processing`](crate::Call::set_processing) changes it.
    pub processing: Processing,
    /// Where the others are heard.
    pub speaker: AudioSink,
    /// Microphone on from the start.
    pub mic_on: bool,
    /// Camera on from the start.
    pub camera_on: bool,
    /// Folder into which each remote track is written (IVF, WAV); must exist.
    pub record: Option<PathBuf>,
    /// What whoever draws the pictures can decode beside VP8 and VP9; H.264 is received only then.
    pub decoders: Decoders,
    /// Decode received video in the backend, for statistics and [`Call::received_picture_stats`](crate::Call::received_picture_stats).
    pub decode: bool,
    /// Size of the test pattern that the others send, to compare what is decoded with it: [`ReceivedPictureStats::pictures`] is empty
    /// without.
    ///
    /// [`ReceivedPictureStats::pictures`]: crate::ReceivedPictureStats::pictures
    pub compare: Option<(u32, u32)>,
}

/// Without the token.
impl Debug for CallConfig {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallConfig")
            .field("server", &self.link.server)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl CallConfig {
    /// A call with camera, microphone and speaker of this computer.
    pub fn new(link: RoomLink, name: impl Into<String>) -> Self {
        Self {
            link,
            connect: None,
            name: name.into(),
            video: VideoSource::Camera(None),
            video_config: VideoConfig::default(),
            audio: AudioSource::Mic(None),
            processing: Processing::default(),
            speaker: AudioSink::Speaker(None),
            mic_on: true,
            camera_on: true,
            record: None,
            decoders: Decoders::default(),
            decode: false,
            compare: None,
        }
    }

    /// Refuses what cannot work before anything is opened; the name becomes as it is sent.
    pub(crate) fn checked(mut self) -> Result<Self, UserError> {
        self.name = name::parse(&self.name)?;
        match &self.record {
            Some(dir) if !dir.is_dir() => {
                Err(UserError::with_detail(ErrorCode::RecordFailed, format!("{} is not a folder", dir.display())))
            }
            _ => Ok(self),
        }
    }
}

/// File into which a remote track is recorded: `<dir>/<peer id>-<handle>.ivf` or `.wav`.
pub fn recording_path(dir: &Path, peer: &str, track: &TrackView) -> PathBuf {
    let safe: String = peer.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let extension = match track.kind {
        MediaKind::Video => "ivf",
        MediaKind::Audio => "wav",
    };
    dir.join(format!("{safe}-{}.{extension}", track.handle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_peer_id_stays_in_the_folder() {
        let track =
            TrackView { handle: 3, kind: MediaKind::Audio, stream: String::new(), event: String::new(), refused: None };
        assert_eq!(recording_path(Path::new("d"), "../../etc", &track), Path::new("d/______etc-3.wav"));
    }

    #[test]
    fn bad_names_and_folders_are_refused() {
        let link: RoomLink = "http://localhost/r/a".parse().unwrap();
        assert_eq!(CallConfig::new(link.clone(), " Ann  Lee\u{200b}").checked().unwrap().name, "Ann Lee");
        assert_eq!(CallConfig::new(link.clone(), "\u{3164}").checked().unwrap_err().code, ErrorCode::BadName);
        let config = CallConfig { record: Some("/does/not/exist".into()), ..CallConfig::new(link, "Ann") };
        assert_eq!(config.checked().unwrap_err().code, ErrorCode::RecordFailed);
    }
}
