//! What PulseAudio says about its devices: the subscription of its native protocol, which cpal does not offer.

use std::ffi::CString;
use std::io::{self, BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, MAX_VERSION, Prop, Props, ProtocolError, SetClientNameReply, SubscriptionMask,
};

use crate::stop::Stop;

/// How long the server may take for an answer.
const ANSWER: Duration = Duration::from_secs(2);
/// How often one looks whether to stop.
const LOOK: Duration = Duration::from_millis(200);

/// A connection to the sound server that hears of each change among sinks, sources and defaults.
#[derive(Debug)]
pub(crate) struct PulseEvents {
    socket: BufReader<UnixStream>,
    version: u16,
}

impl PulseEvents {
    /// Connects to the server that the environment names. Blocks for a few seconds at most.
    pub(crate) fn connect() -> Result<Self, ProtocolError> {
        let path = pulseaudio::socket_path_from_env().ok_or(io::ErrorKind::NotFound).map_err(io::Error::from)?;
        let mut socket = BufReader::new(UnixStream::connect(path)?);
        socket.get_ref().set_read_timeout(Some(ANSWER))?;
        socket.get_ref().set_write_timeout(Some(ANSWER))?;
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let auth = AuthParams { version: MAX_VERSION, supports_shm: false, supports_memfd: false, cookie };
        protocol::write_command_message(socket.get_mut(), 0, &Command::Auth(auth), MAX_VERSION)?;
        let (_, reply) = protocol::read_reply_message::<AuthReply>(&mut socket, MAX_VERSION)?;
        let version = reply.version.min(MAX_VERSION);
        let mut about = Props::new();
        about.set(Prop::ApplicationName, CString::from(c"confab-devices"));
        protocol::write_command_message(socket.get_mut(), 1, &Command::SetClientName(about), version)?;
        protocol::read_reply_message::<SetClientNameReply>(&mut socket, version)?;
        let mask = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        protocol::write_command_message(socket.get_mut(), 2, &Command::Subscribe(mask), version)?;
        protocol::read_ack_message(&mut socket)?;
        socket.get_ref().set_read_timeout(Some(LOOK))?;
        Ok(Self { socket, version })
    }

    /// Waits for an event, `deadline` or `stop`. An error means that the server is gone.
    pub(crate) fn wait(&mut self, stop: &Stop, deadline: Instant) -> Result<(), ProtocolError> {
        while !stop.is_set() && Instant::now() < deadline {
            match self.socket.fill_buf() {
                Ok([]) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(_) => return self.take(),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes the events that are there: one look serves them all.
    fn take(&mut self) -> Result<(), ProtocolError> {
        while !self.socket.buffer().is_empty() {
            protocol::read_command_message(&mut self.socket, self.version)?;
        }
        Ok(())
    }
}
