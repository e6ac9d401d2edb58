//! A connection to the PulseAudio server over which replies, events and recorded sound arrive.

use std::io::{self, BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use pulseaudio::protocol::{
    self, Command, CommandReply, DESCRIPTOR_SIZE, MAX_MEMBLOCKQ_LENGTH, ProtocolError, SubscriptionMask,
    TagStructReader,
};

use crate::audio::device::pulse;

/// The channel of what is no sound.
pub(super) const CONTROL: u32 = u32::MAX;
/// Shortest wait for the server: less is none to the system.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// A message of the server.
#[derive(Debug)]
pub(super) struct PulseMessage {
    /// [`CONTROL`], or the stream whose sound it is.
    pub(super) channel: u32,
    pub(super) body: Vec<u8>,
}

/// A connection that receives the events of what is played.
#[derive(Debug)]
pub(super) struct PulseConnection {
    socket: BufReader<UnixStream>,
    version: u16,
    /// Messages sent so far.
    sent: u32,
    /// What was received and not taken yet; a message may come in parts.
    inbox: Vec<u8>,
}

impl PulseConnection {
    /// Connects to the server that the environment names. Blocks for a few seconds at most.
    pub(super) fn connect() -> Result<Self, ProtocolError> {
        let (socket, version) = pulse::connect(c"confab-share", SubscriptionMask::SINK_INPUT)?;
        // Numbers up to here were used while connecting.
        Ok(Self { socket, version, sent: 16, inbox: Vec::new() })
    }

    /// Sends a command. Returns the number that its answer has.
    pub(super) fn send(&mut self, command: &Command) -> Result<u32, ProtocolError> {
        self.sent = self.sent.wrapping_add(1);
        protocol::write_command_message(self.socket.get_mut(), self.sent, command, self.version)?;
        Ok(self.sent)
    }

    /// Waits until something comes or `deadline`. An error means that the server is gone.
    pub(super) fn receive(&mut self, deadline: Instant) -> Result<(), ProtocolError> {
        let wait = deadline.saturating_duration_since(Instant::now()).max(LEAST_WAIT);
        self.socket.get_ref().set_read_timeout(Some(wait))?;
        let received = match self.socket.fill_buf() {
            Ok([]) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(received) => received,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let length = received.len();
        self.inbox.extend_from_slice(received);
        self.socket.consume(length);
        Ok(())
    }

    /// The next message of those received, if it is whole.
    pub(super) fn next(&mut self) -> Result<Option<PulseMessage>, ProtocolError> {
        let Some(mut head) = self.inbox.get(..DESCRIPTOR_SIZE) else { return Ok(None) };
        let head = protocol::read_descriptor(&mut head)?;
        let length = head.length as usize;
        if length > MAX_MEMBLOCKQ_LENGTH {
            return Err(ProtocolError::Invalid(format!("a message of {length} bytes")));
        }
        let end = DESCRIPTOR_SIZE + length;
        let Some(body) = self.inbox.get(DESCRIPTOR_SIZE..end) else { return Ok(None) };
        let message = PulseMessage { channel: head.channel, body: body.to_vec() };
        self.inbox.drain(..end);
        Ok(Some(message))
    }

    /// The command of a message and its sequence number; leaves the arguments in `body`.
    pub(super) fn parse(&self, body: &mut &[u8]) -> Result<(u32, Command), ProtocolError> {
        Command::read_tag_prefixed(body, self.version)
    }

    /// The arguments of a reply.
    pub(super) fn answer<T: CommandReply>(&self, mut body: &[u8]) -> Result<T, ProtocolError> {
        TagStructReader::new(&mut body, self.version).read()
    }
}
