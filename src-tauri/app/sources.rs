//! What a call sends and where it is played: by the command line, else by the settings.

use confab_call::{AudioSink, AudioSource, DeviceSelection, VideoSource};
use confab_ipc::Settings;

/// What a call sends and where it is played.
#[derive(Debug, Clone)]
pub struct Sources {
    /// What the camera button turns on.
    pub video: VideoSource,
    /// What the microphone button turns on.
    pub audio: AudioSource,
    /// What plays the others' sound.
    pub speaker: AudioSink,
}

impl Sources {
    /// The same with the devices of `settings`, where the command line names none.
    pub fn with(&self, settings: &Settings) -> Self {
        let mut sources = self.clone();
        if let VideoSource::Camera(device @ None) = &mut sources.video {
            device.clone_from(&settings.camera);
        }
        if let AudioSource::Mic(device @ None) = &mut sources.audio {
            device.clone_from(&settings.microphone);
        }
        if let AudioSink::Speaker(device @ None) = &mut sources.speaker {
            device.clone_from(&settings.speaker);
        }
        sources
    }

    /// The devices among them.
    pub fn selection(&self) -> DeviceSelection {
        DeviceSelection {
            microphone: self.audio.device().map(str::to_owned),
            speaker: self.speaker.device().map(str::to_owned),
            camera: self.video.device().map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_goes_before_the_settings() {
        let mut sources = Sources {
            video: VideoSource::Camera(None),
            audio: AudioSource::Mic(Some("by command".into())),
            speaker: AudioSink::None,
        };
        let named = |name: &str| Some(name.to_owned());
        let settings = Settings {
            microphone: named("mic"),
            speaker: named("speaker"),
            camera: named("camera"),
            ..Settings::default()
        };
        let selection = sources.with(&settings).selection();
        assert_eq!(
            selection,
            DeviceSelection { microphone: named("by command"), speaker: None, camera: named("camera") }
        );
        sources.audio = AudioSource::Mic(None);
        assert_eq!(sources.with(&settings).selection().microphone, named("mic"));
    }
}
