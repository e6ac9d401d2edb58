//! Selectors of sources and sinks, as text: what a person or a script may name as camera, microphone and speaker.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use confab_wire::limits;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where pictures come from. As text: `none`, `pattern`, `camera`, `camera:NAME`, what a [`ScreenSelector`] is as text, or
/// a file that ends in `.y4m`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum VideoSource {
    /// No pictures.
    #[default]
    None,
    /// The moving test picture of [`crate::testing::pattern`].
    Pattern,
    /// The camera with this name or number, or the first one.
    Camera(Option<String>),
    /// A screen or a window of this computer.
    Screen(ScreenSelector),
    /// A Y4M file (4:2:0, 8 bit), played in a loop at its own rate.
    Y4m(PathBuf),
}

/// What to show of this computer. As text: `screen`, `screen:N` or `window:TITLE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ScreenSelector {
    /// The screen with this number, counted from 1, or the primary one.
    Screen(Option<u32>),
    /// The window with this title, or else the first one whose title has this in it; `0x…`: the one with this id.
    Window(String),
}

/// Where sound comes from. As text: `none`, `mic`, `mic:NAME`, `system`, `tone`, `tone:HZ` or a file that ends
/// in `.wav`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AudioSource {
    /// No sound.
    #[default]
    None,
    /// The microphone with this name, or the system's default one.
    Mic(Option<String>),
    /// What other programs play on this computer.
    System,
    /// A sine of this frequency in Hz.
    Tone(f32),
    /// A WAV file, played in a loop.
    Wav(PathBuf),
}

/// Where sound goes. As text: `none`, `speaker` or `speaker:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AudioSink {
    /// Mixed by a timer and not played: levels and recordings still work.
    #[default]
    None,
    /// The speaker with this name, or the system's default one.
    Speaker(Option<String>),
}

/// Frequency of a tone that names none, in Hz: concert pitch.
pub const DEFAULT_TONE_HZ: f32 = 440.0;
/// Lowest and highest tone, in Hz. Opus at this bitrate keeps the band up to 20 kHz; 20 Hz is the lowest audible frequency.
pub const TONE_RANGE_HZ: std::ops::RangeInclusive<f32> = 20.0..=12_000.0;

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// Not one of the forms.
    #[error("\"{text}\" is none of {expected}")]
    Unknown {
        /// The text.
        text: String,
        /// The forms there are.
        expected: &'static str,
    },
    /// A tone that is no number or out of [`TONE_RANGE_HZ`].
    #[error("a tone needs a frequency from 20 to 12000 Hz, not \"{0}\"")]
    Tone(String),
    /// A device name or a title that is empty or too long.
    #[error("a name has 1 to 128 characters")]
    Name,
    /// A screen that is no number from 1.
    #[error("screens are counted from 1, not \"{0}\"")]
    Screen(String),
}

const VIDEO_FORMS: &str = "none, pattern, camera, camera:NAME, screen, screen:N, window:TITLE, FILE.y4m";
const SCREEN_FORMS: &str = "screen, screen:N, window:TITLE";
const AUDIO_FORMS: &str = "none, mic, mic:NAME, system, tone, tone:HZ, FILE.wav";
const SINK_FORMS: &str = "none, speaker, speaker:NAME";

fn device(name: &str) -> Result<Option<String>, SourceError> {
    if limits::is_clean(name, limits::ID_BYTES) { Ok(Some(name.to_owned())) } else { Err(SourceError::Name) }
}

fn is_file(text: &str, extension: &str) -> bool {
    let ending = std::path::Path::new(text).extension();
    ending.is_some_and(|e| e.eq_ignore_ascii_case(extension))
}

fn unknown(text: &str, expected: &'static str) -> SourceError {
    SourceError::Unknown { text: text.chars().take(limits::ID_BYTES).collect(), expected }
}

impl VideoSource {
    /// The name of the camera, if it is one and has one.
    pub fn device(&self) -> Option<&str> {
        if let Self::Camera(name) = self { name.as_deref() } else { None }
    }
}

impl AudioSource {
    /// The name of the microphone, if it is one and has one.
    pub fn device(&self) -> Option<&str> {
        if let Self::Mic(name) = self { name.as_deref() } else { None }
    }
}

impl AudioSink {
    /// The name of the speaker, if it is one and has one.
    pub fn device(&self) -> Option<&str> {
        if let Self::Speaker(name) = self { name.as_deref() } else { None }
    }
}

impl FromStr for VideoSource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once(':') {
            _ if text == "none" => Ok(Self::None),
            _ if text == "pattern" => Ok(Self::Pattern),
            _ if text == "camera" => Ok(Self::Camera(None)),
            Some(("camera", name)) => device(name).map(Self::Camera),
            _ if text == "screen" => text.parse().map(Self::Screen),
            Some(("screen" | "window", _)) => text.parse().map(Self::Screen),
            _ if is_file(text, "y4m") => Ok(Self::Y4m(text.into())),
            _ => Err(unknown(text, VIDEO_FORMS)),
        }
    }
}

impl FromStr for ScreenSelector {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once(':') {
            _ if text == "screen" => Ok(Self::Screen(None)),
            Some(("screen", number)) => match number.parse() {
                Ok(number) if number > 0 => Ok(Self::Screen(Some(number))),
                _ => Err(SourceError::Screen(number.chars().take(limits::ID_BYTES).collect())),
            },
            Some(("window", title)) if limits::is_clean(title, limits::ID_BYTES) => Ok(Self::Window(title.to_owned())),
            Some(("window", _)) => Err(SourceError::Name),
            _ => Err(unknown(text, SCREEN_FORMS)),
        }
    }
}

impl FromStr for AudioSource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once(':') {
            _ if text == "none" => Ok(Self::None),
            _ if text == "mic" => Ok(Self::Mic(None)),
            _ if text == "system" => Ok(Self::System),
            _ if text == "tone" => Ok(Self::Tone(DEFAULT_TONE_HZ)),
            Some(("mic", name)) => device(name).map(Self::Mic),
            Some(("tone", hz)) => match hz.trim_end_matches("Hz").trim().parse::<f32>() {
                Ok(value) if TONE_RANGE_HZ.contains(&value) => Ok(Self::Tone(value)),
                _ => Err(SourceError::Tone(hz.chars().take(limits::ID_BYTES).collect())),
            },
            _ if is_file(text, "wav") => Ok(Self::Wav(text.into())),
            _ => Err(unknown(text, AUDIO_FORMS)),
        }
    }
}

impl FromStr for AudioSink {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once(':') {
            _ if text == "none" => Ok(Self::None),
            _ if text == "speaker" => Ok(Self::Speaker(None)),
            Some(("speaker", name)) => device(name).map(Self::Speaker),
            _ => Err(unknown(text, SINK_FORMS)),
        }
    }
}

impl fmt::Display for VideoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Pattern => f.write_str("pattern"),
            Self::Camera(None) => f.write_str("camera"),
            Self::Camera(Some(name)) => write!(f, "camera:{name}"),
            Self::Screen(selector) => selector.fmt(f),
            Self::Y4m(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for ScreenSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Screen(None) => f.write_str("screen"),
            Self::Screen(Some(number)) => write!(f, "screen:{number}"),
            Self::Window(title) => write!(f, "window:{title}"),
        }
    }
}

impl fmt::Display for AudioSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Mic(None) => f.write_str("mic"),
            Self::Mic(Some(name)) => write!(f, "mic:{name}"),
            Self::System => f.write_str("system"),
            Self::Tone(hz) => write!(f, "tone:{hz}"),
            Self::Wav(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for AudioSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Speaker(None) => f.write_str("speaker"),
            Self::Speaker(Some(name)) => write!(f, "speaker:{name}"),
        }
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = SourceError;

            fn try_from(text: String) -> Result<Self, SourceError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(source: $name) -> String {
                source.to_string()
            }
        }
    )+};
}

as_text!(VideoSource, ScreenSelector, AudioSource, AudioSink);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_reads_back_as_written() {
        for text in [
            "none",
            "pattern",
            "camera",
            "camera:HD Webcam: 2",
            "screen",
            "screen:2",
            "window:Notes: a.y4m",
            "window:0x1a00003",
            "clips/a.y4m",
            "/x/B.Y4M",
        ] {
            assert_eq!(text.parse::<VideoSource>().expect(text).to_string(), text);
        }
        for text in ["none", "mic", "mic:USB: Audio", "system", "tone:880", "a/b.wav"] {
            assert_eq!(text.parse::<AudioSource>().expect(text).to_string(), text);
        }
        for text in ["none", "speaker", "speaker:Headset"] {
            assert_eq!(text.parse::<AudioSink>().expect(text).to_string(), text);
        }
        assert_eq!("tone".parse(), Ok(AudioSource::Tone(440.0)));
        assert_eq!("tone:1000Hz".parse(), Ok(AudioSource::Tone(1000.0)));
    }

    #[test]
    fn rubbish_is_refused() {
        for text in
            ["", "cam", "camera:", "movie.mp4", "y4m", "camera:\n", "screen:0", "screen:one", "window:", "window"]
        {
            assert!(text.parse::<VideoSource>().is_err(), "{text:?}");
        }
        for text in ["", "tone:", "tone:NaN", "tone:inf", "tone:-4", "tone:48000", "mic:", "a.mp3"] {
            assert!(text.parse::<AudioSource>().is_err(), "{text:?}");
        }
        assert!("headphones".parse::<AudioSink>().is_err());
    }
}
