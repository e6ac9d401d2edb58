//! What a device of a PulseAudio server hears, with the moment when it began: two of them are compared in time.

use std::io::{self, Read};
use std::process::{Child, ChildStdout, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Pulse;
use crate::score::RATE;

/// Bytes of a sample.
const SAMPLE: usize = 2;

/// Sound since a moment.
#[derive(Debug, Clone)]
pub struct Heard {
    /// When the first sample was heard, as exactly as the fastest of many deliveries tells: to a few milliseconds.
    pub since: Instant,
    /// Samples, -1 to 1, 48 000 in a second.
    pub samples: Vec<f32>,
}

impl Heard {
    /// The samples from the moment `from` on; those before it are left out.
    pub fn from(&self, from: Instant) -> &[f32] {
        let early = from.saturating_duration_since(self.since).as_secs_f64() * RATE as f64;
        &self.samples[(early as usize).min(self.samples.len())..]
    }
}

/// A recorder at work; killed on drop.
#[derive(Debug)]
pub struct Listening {
    child: Child,
    reader: Option<JoinHandle<io::Result<Heard>>>,
}

impl Pulse {
    /// Listens to a source (`spk0.monitor`, `micfeed0.monitor`, …) until [`Listening::finish`]. Returns once the recorder is
    /// connected.
    pub fn listen(&self, source: &str) -> io::Result<Listening> {
        let before = self.count("source-outputs")?;
        let mut child = self
            .command("parec")
            .args(["-d", source, "--rate=48000", "--channels=1", "--format=s16le", "--raw", "--latency-msec=10"])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("a recorder without output"))?;
        let reader = std::thread::Builder::new().name("listen".into()).spawn(move || read(output))?;
        let listening = Listening { child, reader: Some(reader) };
        self.wait_for("source-outputs", before + 1)?;
        Ok(listening)
    }
}

impl Listening {
    /// Ends the recorder; what it heard.
    pub fn finish(mut self) -> io::Result<Heard> {
        self.child.kill()?;
        self.child.wait()?;
        let reader = self.reader.take().ok_or_else(|| io::Error::other("finished before"))?;
        reader.join().map_err(|_| io::Error::other("the reader of a recorder panicked"))?
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.reader.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn read(mut output: ChildStdout) -> io::Result<Heard> {
    let (mut bytes, mut since, mut part) = (Vec::new(), None::<Instant>, [0; 4096]);
    loop {
        let length = output.read(&mut part)?;
        if length == 0 {
            break;
        }
        bytes.extend_from_slice(&part[..length]);
        let heard = Duration::from_secs_f64((bytes.len() / SAMPLE) as f64 / RATE as f64);
        // Every delivery is late, some hardly.
        if let Some(began) = Instant::now().checked_sub(heard) {
            since = Some(since.map_or(began, |earliest| earliest.min(began)));
        }
    }
    let since = since.ok_or_else(|| io::Error::other("nothing was heard"))?;
    let samples = bytes.as_chunks::<SAMPLE>().0.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0);
    Ok(Heard { since, samples: samples.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{compare, quantile};
    use crate::speech::{self, Speaker};

    #[test]
    fn a_sound_is_heard_by_two_at_the_same_time() {
        let pulse = Pulse::start().expect("a sound server");
        let dir = tempfile::tempdir().expect("a temporary folder");
        let wav = dir.path().join("speech.wav");
        speech::wav(&wav, Speaker::Ann, 4.0).expect("espeak-ng and sox");
        // What is played into the microphone, and the microphone.
        let (feed, mic) = (pulse.listen("micfeed0.monitor").expect("listens"), pulse.listen("mic0").expect("listens"));
        assert!(pulse.feed(0, &wav).expect("plays").wait().expect("ends").success());
        let (feed, mic) = (feed.finish().expect("sound"), mic.finish().expect("sound"));
        let begin = feed.since.max(mic.since);
        let seconds = compare(feed.from(begin), mic.from(begin), 200);
        let delay = quantile(seconds.iter().map(|second| second.delay), 0.5);
        assert!(seconds.len() >= 2 && delay <= 40.0, "{seconds:?}");
    }
}
