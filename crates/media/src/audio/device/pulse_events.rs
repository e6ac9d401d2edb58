//! Events of PulseAudio about its devices: the subscription of its native protocol, which cpal does not offer.

use std::io::{self, BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use pulseaudio::protocol::{self, ProtocolError, SubscriptionMask};

use crate::audio::device::pulse;
use crate::thread::stop::StopFlag;

/// Time between two checks of the stop flag.
const LOOK: Duration = Duration::from_millis(200);

/// A connection to the sound server that receives an event for each change of sinks, sources and defaults.
#[derive(Debug)]
pub(crate) struct PulseEvents {
    socket: BufReader<UnixStream>,
    version: u16,
}

impl PulseEvents {
    /// Connects to the server that the environment names. Blocks for a few seconds at most.
    pub(crate) fn connect() -> Result<Self, ProtocolError> {
        let mask = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        let (socket, version) = pulse::connect(c"confab-devices", mask)?;
        socket.get_ref().set_read_timeout(Some(LOOK))?;
        Ok(Self { socket, version })
    }

    /// Waits for an event, `deadline` or `stop`. An error means that the server is gone.
    pub(crate) fn wait(&mut self, stop: &StopFlag, deadline: Instant) -> Result<(), ProtocolError> {
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

    /// Discards the events that have come: one new list covers them all.
    fn take(&mut self) -> Result<(), ProtocolError> {
        while !self.socket.buffer().is_empty() {
            protocol::read_command_message(&mut self.socket, self.version)?;
        }
        Ok(())
    }
}
