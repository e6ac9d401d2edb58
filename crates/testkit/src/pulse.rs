//! A private PulseAudio server: microphones and speakers on a machine without a sound card.

mod listen;

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use listen::{Heard, Listening};

/// How long the server may take to listen.
const START: Duration = Duration::from_secs(20);
/// How long a recorder may take to close its file.
const CLOSE: Duration = Duration::from_secs(5);

/// A PulseAudio server with its own socket, killed on drop. Participant `n` (from 0) has the microphone `mic<n>`, into
/// which [`Pulse::feed`] plays, and the speaker `spk<n>`, from which [`Pulse::record`] records. The default devices are
/// those of participant 0.
#[derive(Debug)]
pub struct Pulse {
    server: Child,
    socket: PathBuf,
    _dir: TempDir,
}

impl Pulse {
    /// Starts a server with devices for one participant.
    pub fn start() -> io::Result<Self> {
        Self::with_participants(1)
    }

    /// Starts a server with devices for several participants.
    pub fn with_participants(count: usize) -> io::Result<Self> {
        let mut modules = Vec::new();
        for n in 0..count {
            // Without norewinds a null sink renders two seconds ahead: whoever connects to it or to its monitor waits
            // for as long.
            modules.push(format!("module-null-sink sink_name=spk{n} rate=48000 norewinds=1"));
            modules.push(format!("module-null-sink sink_name=micfeed{n} rate=48000 channels=1 norewinds=1"));
            modules.push(format!("module-remap-source source_name=mic{n} master=micfeed{n}.monitor"));
        }
        Self::with_modules(&modules)
    }

    /// Starts a server without any device (PulseAudio itself may add a dummy output).
    pub fn without_devices() -> io::Result<Self> {
        Self::with_modules(&[])
    }

    fn with_modules(modules: &[String]) -> io::Result<Self> {
        let dir = TempDir::new()?;
        let socket = dir.path().join("pulse.sock");
        let mut command = Command::new("pulseaudio");
        command
            .args(["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-level=error"])
            .arg("-L")
            .arg(format!("module-native-protocol-unix socket={} auth-anonymous=1", socket.display()));
        for module in modules {
            command.arg("-L").arg(module);
        }
        let log = std::fs::File::create(dir.path().join("pulse.log"))?;
        let server = command
            .env("HOME", dir.path())
            .env("XDG_RUNTIME_DIR", dir.path())
            .env("XDG_CONFIG_HOME", dir.path())
            .env_remove("PULSE_SERVER")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut pulse = Self { server, socket, _dir: dir };
        let deadline = Instant::now() + START;
        while UnixStream::connect(&pulse.socket).is_err() {
            if let Some(status) = pulse.server.try_wait()? {
                return Err(io::Error::other(format!("pulseaudio ended: {status}")));
            }
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "pulseaudio does not listen"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        // The socket is the first module: the devices are there once a client is served, after the start script.
        pulse.wait_for("modules", modules.len() + 1)?;
        if modules.is_empty() {
            return Ok(pulse);
        }
        pulse.pactl(&["set-default-sink", "spk0"])?;
        pulse.pactl(&["set-default-source", "mic0"])?;
        Ok(pulse)
    }

    /// Number of things of a kind (`modules`, `source-outputs`, …) the server has.
    pub fn count(&self, kind: &str) -> io::Result<usize> {
        Ok(self.list(kind)?.lines().count())
    }

    /// The index of the newest thing of a kind, as [`Pulse::pactl`] takes it.
    pub fn newest(&self, kind: &str) -> io::Result<String> {
        let list = self.list(kind)?;
        let index = list.lines().last().and_then(|line| line.split('\t').next());
        index.map(str::to_owned).ok_or_else(|| io::Error::other(format!("pulseaudio has no {kind}")))
    }

    fn list(&self, kind: &str) -> io::Result<String> {
        let list = self.command("pactl").args(["list", "short", kind]).output()?;
        Ok(String::from_utf8_lossy(&list.stdout).into_owned())
    }

    /// Waits until the server has at least `count` things of a kind.
    pub fn wait_for(&self, kind: &str, count: usize) -> io::Result<()> {
        let deadline = Instant::now() + START;
        while self.count(kind)? < count {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("pulseaudio has not {count} {kind}")));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The value of `PULSE_SERVER` that leads a program to this server.
    pub fn server(&self) -> String {
        format!("unix:{}", self.socket.display())
    }

    /// Plays a WAV file into the microphone of a participant.
    pub fn feed(&self, participant: usize, wav: &Path) -> io::Result<Sound> {
        self.feed_sink(&format!("micfeed{participant}"), wav)
    }

    /// Plays a WAV file into a sink.
    pub fn feed_sink(&self, sink: &str, wav: &Path) -> io::Result<Sound> {
        let child = self.command("paplay").arg("-d").arg(sink).arg(wav).spawn()?;
        Ok(Sound { child, path: wav.to_owned() })
    }

    /// Plugs in a microphone with this id and name, which hears what is played into the sink `feed`.
    pub fn plug_microphone(&self, id: &str, name: &str, feed: &str) -> io::Result<Plugged> {
        self.load(&[
            "module-remap-source",
            &format!("source_name={id}"),
            &format!("master={feed}.monitor"),
            &format!("source_properties='device.description=\"{name}\"'"),
        ])
    }

    /// Plugs in a speaker with this id and name, whose sound is also that of the sink `master`.
    pub fn plug_speaker(&self, id: &str, name: &str, master: &str) -> io::Result<Plugged> {
        self.load(&[
            "module-remap-sink",
            &format!("sink_name={id}"),
            &format!("master={master}"),
            &format!("sink_properties='device.description=\"{name}\"'"),
        ])
    }

    /// Unplugs a device.
    pub fn unplug(&self, plugged: Plugged) -> io::Result<()> {
        self.pactl(&["unload-module", &plugged.0])
    }

    /// Unplugs a device as it is with sound systems that move no stream and tell of no change: the streams on it end, and
    /// who follows the devices learns of it only at the next look.
    pub fn tear_out(&self, plugged: Plugged) -> io::Result<()> {
        let socket = self.socket.with_file_name("cli.sock");
        self.load(&["module-cli-protocol-unix", &format!("socket={}", socket.display())])?;
        let mut commands = String::new();
        for client in self.indices("clients", "application.name = \"confab-devices\"")? {
            commands.push_str(&format!("kill-client {client}\n"));
        }
        let owner = format!("Owner Module: {}", plugged.0);
        for device in self.indices("sources", &owner)? {
            for stream in self.indices("source-outputs", &format!("Source: {device}"))? {
                commands.push_str(&format!("kill-source-output {stream}\n"));
            }
        }
        for device in self.indices("sinks", &owner)? {
            for stream in self.indices("sink-inputs", &format!("Sink: {device}"))? {
                commands.push_str(&format!("kill-sink-input {stream}\n"));
            }
        }
        // In one piece: nobody is served between the end of the streams and that of the device.
        commands.push_str(&format!("unload-module {}\n", plugged.0));
        UnixStream::connect(socket)?.write_all(commands.as_bytes())
    }

    /// The indices of the things of a kind about which `pactl` has this line.
    fn indices(&self, kind: &str, line: &str) -> io::Result<Vec<String>> {
        let list = self.command("pactl").env("LC_ALL", "C").args(["list", kind]).output()?;
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let about = list.split("\n\n").filter(|about| about.lines().any(|known| known.trim() == line));
        Ok(about.filter_map(|about| Some(about.lines().next()?.split_once('#')?.1.to_owned())).collect())
    }

    fn load(&self, module: &[&str]) -> io::Result<Plugged> {
        let loaded = self.command("pactl").arg("load-module").args(module).output()?;
        if !loaded.status.success() {
            let why = String::from_utf8_lossy(&loaded.stderr).into_owned();
            return Err(io::Error::other(format!("{module:?}: {why}")));
        }
        Ok(Plugged(String::from_utf8_lossy(&loaded.stdout).trim().to_owned()))
    }

    /// Records what a participant hears into a WAV file (48 kHz, mono, 16 bit) until [`Sound::finish`]. Returns once the
    /// recorder is connected: nothing that is played later is missed.
    pub fn record(&self, participant: usize, wav: &Path) -> io::Result<Sound> {
        let before = self.count("source-outputs")?;
        let child = self
            .command("parec")
            .arg("-d")
            .arg(format!("spk{participant}.monitor"))
            .args(["--file-format=wav", "--rate=48000", "--channels=1", "--format=s16le", "--latency-msec=20"])
            .arg(wav)
            .spawn()?;
        let sound = Sound { child, path: wav.to_owned() };
        self.wait_for("source-outputs", before + 1)?;
        Ok(sound)
    }

    /// Runs `pactl` against this server, to unplug things.
    pub fn pactl(&self, arguments: &[&str]) -> io::Result<()> {
        let status = self.command("pactl").args(arguments).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("pactl {arguments:?}: {status}"))) }
    }

    /// Kills the server as if it had crashed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.server.kill()?;
        self.server.wait().map(drop)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PULSE_SERVER", self.server()).env_remove("DBUS_SESSION_BUS_ADDRESS").stdin(Stdio::null());
        command
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A device that was plugged in, for [`Pulse::unplug`].
#[derive(Debug)]
pub struct Plugged(String);

/// A player or recorder at work; killed on drop.
#[derive(Debug)]
pub struct Sound {
    child: Child,
    path: PathBuf,
}

impl Sound {
    /// Waits for the end of the file that is played.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// Ends the recorder, waits until its file is whole and returns the file's path.
    pub fn finish(mut self) -> io::Result<PathBuf> {
        Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status()?;
        let deadline = Instant::now() + CLOSE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the recorder does not end"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(std::mem::take(&mut self.path))
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clips;

    #[test]
    fn what_is_played_is_recorded() {
        let pulse = Pulse::start().expect("a sound server");
        let dir = TempDir::new().expect("a temporary folder");
        let (tone, heard) = (dir.path().join("tone.wav"), dir.path().join("heard.wav"));
        clips::tone_wav(&tone, &[440.0], 1.0).expect("writable");
        let recorder = pulse.record(0, &heard).expect("records");
        // The speaker, as a program would play to it.
        let status = pulse.command("paplay").args(["-d", "spk0"]).arg(&tone).status().expect("plays");
        assert!(status.success());
        let heard = crate::sound::Sound::read(&recorder.finish().expect("a file")).expect("a WAV file");
        assert!(heard.tone(440.0) > 0.1, "{}", heard.tone(440.0));
    }
}
