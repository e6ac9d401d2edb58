//! Between the portal and the compositor. `xdg-desktop-portal-wlr` 0.7 refuses screens of which the compositor does not offer
//! copies in memory of a graphics card, also where there is none. So each screen is offered such a copy here, which the portal
//! never asks for: it has no card either.

use std::collections::HashSet;
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// Bytes that are read at once, and files: as many as libwayland sends.
const READ: usize = 4096;
const FILES: usize = 28;
/// The display, which every client knows by this number.
const DISPLAY: u32 = 1;
/// Four bytes of a format's name, `XR24` (drm_fourcc.h).
const XR24: u32 = u32::from_le_bytes(*b"XR24");

/// Listens at `path` for clients of the compositor at `compositor`.
pub(super) fn listen(path: &Path, compositor: PathBuf) -> io::Result<()> {
    let listener = UnixListener::bind(path)?;
    thread::Builder::new().name("wayland-relay".to_owned()).spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            // A compositor that is gone takes no client.
            let _ = relay(client, &compositor);
        }
    })?;
    Ok(())
}

fn relay(client: UnixStream, compositor: &Path) -> io::Result<()> {
    let server = UnixStream::connect(compositor)?;
    let known = Arc::new(Mutex::new(Known::default()));
    let requests = (client.try_clone()?, server.try_clone()?, known.clone());
    thread::spawn(move || {
        let (from, to, known) = requests;
        pass(&from, &to, |message, out| {
            known.lock().unwrap_or_else(PoisonError::into_inner).request(&message);
            out.extend_from_slice(message.bytes);
        })
    });
    thread::spawn(move || {
        pass(&server, &client, |message, out| {
            out.extend_from_slice(message.bytes);
            known.lock().unwrap_or_else(PoisonError::into_inner).event(&message, out);
        })
    });
    Ok(())
}

/// A message of the Wayland protocol, whole.
struct Message<'a> {
    bytes: &'a [u8],
}

impl Message<'_> {
    /// The message at the start of what came, if all of it came.
    fn first(bytes: &[u8]) -> Option<Message<'_>> {
        let length = usize::from(u16::from_le_bytes([*bytes.get(6)?, *bytes.get(7)?])).max(8);
        bytes.get(..length).map(|bytes| Message { bytes })
    }

    /// Word `n` of it; 0 is the object.
    fn word(&self, n: usize) -> u32 {
        self.bytes.get(n * 4..n * 4 + 4).map_or(0, |word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    }

    fn opcode(&self) -> u32 {
        self.word(1) & 0xFFFF
    }
}

/// Numbers of the client's objects that matter here.
#[derive(Default)]
struct Known {
    registry: u32,
    /// Of `zwlr_screencopy_manager_v1`.
    manager: u32,
    /// Of `zwlr_screencopy_frame_v1`.
    frames: HashSet<u32>,
}

impl Known {
    fn request(&mut self, message: &Message<'_>) {
        match (message.word(0), message.opcode()) {
            // get_registry
            (DISPLAY, 1) => self.registry = message.word(2),
            // bind: name, interface, version, new object
            (object, 0) if object == self.registry => {
                let name = &message.bytes[16..];
                if name.starts_with(b"zwlr_screencopy_manager_v1\0") {
                    self.manager = message.word(message.bytes.len() / 4 - 1);
                }
            }
            // capture_output and capture_output_region
            (object, 0 | 1) if object == self.manager => {
                self.frames.insert(message.word(2));
            }
            // destroy: the number may be another object's soon
            (object, 1) => {
                self.frames.remove(&object);
            }
            _ => {}
        }
    }

    /// Adds `linux_dmabuf` after `buffer`, of the same size.
    fn event(&self, message: &Message<'_>, out: &mut Vec<u8>) {
        let frame = message.word(0);
        if message.opcode() == 0 && self.frames.contains(&frame) {
            let (width, height) = (message.word(3), message.word(4));
            let offer = [frame, 20 << 16 | 5, XR24, width, height];
            out.extend(offer.iter().flat_map(|word| word.to_le_bytes()));
        }
    }
}

/// Passes whole messages on, with the files that come with them, until one side hangs up; then both are.
fn pass(from: &UnixStream, to: &UnixStream, mut each: impl FnMut(Message<'_>, &mut Vec<u8>)) {
    let (mut came, mut files) = (Vec::new(), Vec::new());
    while let Ok((bytes, more)) = receive(from)
        && !bytes.is_empty()
    {
        came.extend_from_slice(&bytes);
        files.extend(more);
        let (mut taken, mut out) = (0, Vec::new());
        while let Some(message) = Message::first(&came[taken..]) {
            taken += message.bytes.len();
            each(message, &mut out);
        }
        came.drain(..taken);
        // Files go with bytes only.
        if !out.is_empty() && send(to, &out, &std::mem::take(&mut files)).is_err() {
            break;
        }
    }
    for side in [from, to] {
        // One that hung up already is as good.
        let _ = side.shutdown(Shutdown::Both);
    }
}

fn receive(from: &UnixStream) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0; READ];
    let mut space = cmsg_space!([RawFd; FILES]);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg::<()>(from.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut files = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(received) = control {
            // SAFETY: the kernel made them for this process just now, and nobody else knows them.
            files.extend(received.into_iter().map(|file| unsafe { OwnedFd::from_raw_fd(file) }));
        }
    }
    let length = message.bytes;
    bytes.truncate(length);
    Ok((bytes, files))
}

fn send(mut to: &UnixStream, bytes: &[u8], files: &[OwnedFd]) -> io::Result<()> {
    let files: Vec<RawFd> = files.iter().map(AsRawFd::as_raw_fd).collect();
    if files.is_empty() {
        return to.write_all(bytes);
    }
    let control = [ControlMessage::ScmRights(&files)];
    let sent = sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(bytes)], &control, MsgFlags::empty(), None)?;
    to.write_all(&bytes[sent..])
}
