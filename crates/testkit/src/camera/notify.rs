//! System calls of some threads, answered by another thread: seccomp's user notification (seccomp_unotify(2)).

use nix::errno::Errno;
use nix::libc::{self, sock_filter, sock_fprog};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// The type of the ioctls of linux/videodev2.h, in the bits where an ioctl has it.
const VIDEO: u32 = (b'V' as u32) << 8;
const TYPE_BITS: u32 = 0xff00;
/// Where `struct seccomp_data` has the call's number and the low half of its second argument.
const NUMBER: u32 = 0;
const SECOND_ARGUMENT: u32 = if cfg!(target_endian = "little") { 24 } else { 28 };

nix::ioctl_readwrite!(receive, b'!', 0, libc::seccomp_notif);
nix::ioctl_readwrite!(send, b'!', 1, libc::seccomp_notif_resp);

/// Where the ioctls of the listened-to threads arrive.
#[derive(Debug)]
pub(super) struct Listener(OwnedFd);

/// An ioctl that waits for its answer.
#[derive(Debug)]
pub(super) struct Call {
    id: u64,
    thread: u32,
    descriptor: u64,
    /// What is asked.
    pub(super) request: u64,
    argument: u64,
}

fn jump(value: u32, otherwise: u8) -> sock_filter {
    let code = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    sock_filter { code, jt: 0, jf: otherwise, k: value }
}

fn step(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

impl Listener {
    /// From now on the ioctls of V4L2 that this thread makes, and all threads and programs that come from it, wait for who
    /// has the listener. There is no way back for them.
    pub(super) fn listen() -> io::Result<Self> {
        let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
        let mut filter = [
            step(load, NUMBER),
            jump(libc::SYS_ioctl as u32, 4),
            step(load, SECOND_ARGUMENT),
            step(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, TYPE_BITS),
            jump(VIDEO, 1),
            step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_USER_NOTIF),
            step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
        ];
        let program = sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // SAFETY: plain numbers; it changes this thread only.
        Errno::result(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
        let (mode, flag) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
        // SAFETY: the program and its instructions live until the call returns; the kernel copies them.
        let listener = Errno::result(unsafe { libc::syscall(libc::SYS_seccomp, mode, flag, &raw const program) })?;
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(listener as i32) }))
    }

    /// The next call, if one comes within `wait`.
    pub(super) fn next(&self, wait: Duration) -> io::Result<Option<Call>> {
        let mut polled = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        // Rounded up: what is due within a millisecond must not make the caller spin.
        let wait = PollTimeout::from(u16::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u16::MAX));
        match poll(&mut polled, wait) {
            Ok(0) | Err(Errno::EINTR) => return Ok(None),
            Ok(_) if polled[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN)) => {}
            Ok(_) => {
                // Nobody is left who could call: who listens is about to end.
                std::thread::sleep(Duration::from_millis(1));
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        // SAFETY: a structure of numbers, which the kernel wants to be zero.
        let mut told: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel fills the structure, which lives until the call returns.
        match unsafe { receive(self.0.as_raw_fd(), &raw mut told) } {
            // Who called was killed meanwhile.
            Err(Errno::ENOENT | Errno::EINTR) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(_) => {
                let [descriptor, request, argument, ..] = told.data.args;
                // An ioctl's request has 32 bits; the rest of the register is whatever was there.
                let request = request & u64::from(u32::MAX);
                Ok(Some(Call { id: told.id, thread: told.pid, descriptor, request, argument }))
            }
        }
    }

    /// Lets the call return. One whose thread was killed meanwhile needs no answer.
    pub(super) fn answer(&self, call: &Call, answer: Result<(), Errno>) {
        let error = answer.map_or_else(|error| -(error as i32), |()| 0);
        self.respond(libc::seccomp_notif_resp { id: call.id, val: 0, error, flags: 0 });
    }

    /// Lets the kernel do what was called.
    pub(super) fn let_pass(&self, call: &Call) {
        let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        self.respond(libc::seccomp_notif_resp { id: call.id, val: 0, error: 0, flags });
    }

    fn respond(&self, mut response: libc::seccomp_notif_resp) {
        // SAFETY: the kernel reads the structure, which lives until the call returns.
        match unsafe { send(self.0.as_raw_fd(), &raw mut response) } {
            Ok(_) | Err(Errno::ENOENT) => {}
            Err(error) => tracing::warn!(%error, "a call is not answered"),
        }
    }
}

impl Call {
    /// The file it is about.
    pub(super) fn file(&self) -> io::Result<Metadata> {
        std::fs::metadata(format!("/proc/{}/fd/{}", self.thread, self.descriptor))
    }

    fn memory(&self) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(format!("/proc/{}/mem", self.thread))
    }

    /// The structure that the call hands over: as long as the request says.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut structure = vec![0; (self.request >> 16 & 0x3fff) as usize];
        self.memory()?.read_exact_at(&mut structure, self.argument)?;
        Ok(structure)
    }

    /// Writes it back.
    pub(super) fn write(&self, structure: &[u8]) -> io::Result<()> {
        self.memory()?.write_all_at(structure, self.argument)
    }
}
