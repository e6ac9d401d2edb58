//! Connecting to PulseAudio (or PipeWire's emulation of it) by its native protocol, for what cpal leaves out.

use std::ffi::{CStr, CString};
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, MAX_VERSION, Prop, Props, ProtocolError, SetClientNameReply, SubscriptionMask,
};

use crate::audio::device::cookie;

/// How long the server may take for an answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Most that is read at once, in bytes: 20 ms of ten streams of sound, or many events.
const BUFFER: usize = 64 * 1024;

/// Connects to the server that the environment names, as a client called `name`, and subscribes to the events of `mask`.
/// Beside the connection: the version of the protocol that both sides speak. Blocks for a few seconds at most.
pub(crate) fn connect(name: &CStr, mask: SubscriptionMask) -> Result<(BufReader<UnixStream>, u16), ProtocolError> {
    let path = pulseaudio::socket_path_from_env().ok_or(io::ErrorKind::NotFound).map_err(io::Error::from)?;
    let mut socket = BufReader::with_capacity(BUFFER, UnixStream::connect(path)?);
    socket.get_ref().set_read_timeout(Some(ANSWER))?;
    socket.get_ref().set_write_timeout(Some(ANSWER))?;
    let auth =
        AuthParams { version: MAX_VERSION, supports_shm: false, supports_memfd: false, cookie: cookie::cookie() };
    protocol::write_command_message(socket.get_mut(), 0, &Command::Auth(auth), MAX_VERSION)?;
    let (_, reply) = protocol::read_reply_message::<AuthReply>(&mut socket, MAX_VERSION)?;
    let version = reply.version.min(MAX_VERSION);
    let mut about = Props::new();
    about.set(Prop::ApplicationName, CString::from(name));
    protocol::write_command_message(socket.get_mut(), 1, &Command::SetClientName(about), version)?;
    protocol::read_reply_message::<SetClientNameReply>(&mut socket, version)?;
    protocol::write_command_message(socket.get_mut(), 2, &Command::Subscribe(mask), version)?;
    protocol::read_ack_message(&mut socket)?;
    Ok((socket, version))
}
