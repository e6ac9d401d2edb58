//! Speech from espeak-ng, the same on every machine that has the same version.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::sound::Sound;

/// Who speaks. They differ in pitch, pace and timbre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// A woman's voice.
    Ann,
    /// A man's voice.
    Ben,
    /// A higher voice, in more of a hurry.
    Eve,
}

impl Speaker {
    fn voice(self) -> [&'static str; 4] {
        match self {
            Self::Ann => ["-v", "en-us+f3", "-s", "150"],
            Self::Ben => ["-v", "en-gb+m3", "-s", "160"],
            Self::Eve => ["-v", "en-gb-scotland+f5", "-s", "185"],
        }
    }
}

/// Sentences with all the sounds there are in English (from the Harvard sentences, IEEE 1969).
const SENTENCES: [&str; 8] = [
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "Four hours of steady work faced us.",
];

/// Writes at least `seconds` of speech as WAV (48 kHz, mono, 16 bit). Fails without espeak-ng and sox.
pub fn wav(path: &Path, speaker: Speaker, seconds: f32) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let spoken = dir.path().join("spoken.wav");
    // No sentence takes less than a second and a half. Each begins somewhere else, so that two do not say the same.
    let sentences = SENTENCES.iter().cycle().skip(3 * speaker as usize).take((seconds / 1.5).ceil() as usize);
    let text: Vec<&str> = sentences.copied().collect();
    run(Command::new("espeak-ng").args(speaker.voice()).arg("-w").arg(&spoken).arg(text.join(" ")))?;
    run(Command::new("sox").arg(&spoken).args(["-r", "48000", "-c", "1", "-b", "16"]).arg(path))
}

/// `seconds` of speech at 48 kHz, -26 dBFS (root mean square). Fails without espeak-ng and sox.
pub fn samples(speaker: Speaker, seconds: f32) -> io::Result<Vec<f32>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("speech.wav");
    wav(&path, speaker, seconds)?;
    let mut sound = Sound::read(&path).map_err(io::Error::other)?;
    sound.samples.truncate((seconds * sound.rate as f32) as usize);
    let gain = 0.05 / sound.rms();
    Ok(sound.samples.iter().map(|sample| sample * gain).collect())
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_speaks_for_as_long_as_asked() {
        for speaker in [Speaker::Ann, Speaker::Ben, Speaker::Eve] {
            let speech = samples(speaker, 12.0).expect("espeak-ng and sox");
            assert_eq!(speech.len(), 12 * 48_000, "{speaker:?}");
        }
    }
}
