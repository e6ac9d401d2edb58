//! Cameras where there are none: nodes of V4L2 whose driver is a thread of the test, which plays recordings.
//!
//! Everything above the kernel is the real thing: programs list /dev, open the nodes, ask by ioctl, map buffers and wait for
//! them. The nodes are files in a /dev of the test's own (mount_namespaces(7)); their ioctls are answered by [`Cameras::run`]
//! (seccomp_unotify(2)). One thing differs: a file is always ready for `poll`, so a program waits in `VIDIOC_DQBUF`.
//!
//! Needs root or a user namespace ([`crate::network::inside`]).

use self::driver::{Answer, Node};
use self::notify::{Call, Listener};
use crate::network::inside::inside;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

mod driver;
mod notify;
mod picture;
mod structure;
mod types;

pub use picture::{WebcamFormat, without_tables};
pub use types::{Camera, Delivered, Mode};

/// Longest sleep of the driver, so that it sees what is unplugged.
const TICK: Duration = Duration::from_millis(20);

/// Runs the test `name` of a test program on a runtime in a world with these cameras; where there can be none, it says so
/// and runs nothing.
///
/// # Panics
/// If a camera can't be plugged in, or the test failed.
// A helper of tests may expect what a test may.
#[allow(clippy::expect_used)]
pub fn world(name: &str, plugged: Vec<Camera>, test: impl AsyncFnOnce(&Cameras) + Send) {
    match inside(name) {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return println!("not run: {error}"),
    }
    let cameras = Cameras::new().expect("a world");
    for camera in plugged {
        cameras.plug(camera).expect("plugged");
    }
    let run = || tokio::runtime::Runtime::new().expect("a runtime").block_on(test(&cameras));
    cameras.run(run).expect("runs");
}

/// The cameras of a world of their own.
#[derive(Debug)]
pub struct Cameras {
    dir: TempDir,
    nodes: Mutex<Vec<((u64, u64), Node)>>,
}

impl Cameras {
    /// A world without cameras.
    pub fn new() -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::create_dir_all(dir.path().join("dev"))?;
        fs::create_dir_all(dir.path().join("class/video4linux"))?;
        Ok(Self { dir, nodes: Mutex::default() })
    }

    /// Where the world has `/dev`.
    pub fn dev(&self) -> PathBuf {
        self.dir.path().join("dev")
    }

    /// Where the system tells of the node with this number.
    fn class(&self, node: u32) -> PathBuf {
        self.dir.path().join(format!("class/video4linux/video{node}"))
    }

    /// Tells the world of a node without making one.
    fn describe(&self, node: u32, name: &str, unit: &str) -> io::Result<()> {
        let class = self.class(node);
        fs::create_dir_all(&class)?;
        fs::write(class.join("name"), format!("{name}\n"))?;
        fs::create_dir_all(self.dir.path().join("class/hardware").join(unit))?;
        symlink(Path::new("/sys/class/hardware").join(unit), class.join("device"))
    }

    /// Plugs a camera in.
    pub fn plug(&self, camera: Camera) -> io::Result<()> {
        self.describe(camera.node, &camera.name, &camera.unit)?;
        let path = self.dev().join(format!("video{}", camera.node));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let about = file.metadata()?;
        self.lock().push(((about.dev(), about.ino()), Node::new(camera, file)));
        Ok(())
    }

    /// Makes a node that nobody may open: a device where the file system allows none, which even root feels.
    pub fn plug_forbidden(&self, node: u32, name: &str) -> io::Result<()> {
        self.describe(node, name, name)?;
        let path = self.dev().join(format!("video{node}"));
        done("mknod", Command::new("mknod").arg(path).args(["c", "0", "0"]))
    }

    /// Pulls the cable of the node out.
    pub fn unplug(&self, node: u32) -> io::Result<()> {
        fs::remove_file(self.dev().join(format!("video{node}")))?;
        fs::remove_dir_all(self.class(node))?;
        self.with(node, |node| node.fail(Errno::ENODEV));
        Ok(())
    }

    /// The camera is there and answers nothing any more, not even that it shall stop.
    pub fn break_down(&self, node: u32) {
        self.with(node, |node| node.fail(Errno::EIO));
    }

    /// Another program takes the camera, or gives it back.
    pub fn set_busy(&self, node: u32, busy: bool) {
        self.with(node, |node| node.set_busy(busy));
    }

    /// Format, size and rate that somebody streams from this node.
    pub fn streams(&self, node: u32) -> Option<(WebcamFormat, (u32, u32), u32)> {
        self.lock().iter().filter(|(_, known)| known.number() == node).find_map(|(_, known)| known.set_mode())
    }

    fn with(&self, node: u32, act: impl Fn(&mut Node)) {
        self.lock().iter_mut().filter(|(_, known)| known.number() == node).for_each(|(_, known)| act(known));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<((u64, u64), Node)>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on a thread in this world, and plays the cameras until it is done. Its threads and programs live there,
    /// too; to be called once.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        thread::scope(|scope| {
            let (listens, listener) = mpsc::channel();
            let inside = scope.spawn(move || {
                enter(self.dir.path())?;
                drop(listens.send(Listener::listen()?));
                Ok(work())
            });
            if let Ok(listener) = listener.recv() {
                let mut waiting = Vec::new();
                while !inside.is_finished() {
                    self.step(&listener, &mut waiting)?;
                }
            }
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Answers the next call, and those that waited for a picture that has come.
    fn step(&self, listener: &Listener, waiting: &mut Vec<Call>) -> io::Result<()> {
        let now = Instant::now();
        let due = self.lock().iter().filter_map(|(_, node)| node.due()).min();
        let wait = due.map_or(TICK, |due| due.saturating_duration_since(now)).min(TICK);
        waiting.extend(listener.next(wait)?);
        let mut nodes = self.lock();
        for (_, node) in nodes.iter_mut() {
            node.beat(Instant::now())?;
        }
        let mut still = Vec::new();
        for call in waiting.drain(..) {
            let key = call.file().map(|file| (file.dev(), file.ino()));
            match nodes.iter_mut().find(|(known, _)| key.as_ref().is_ok_and(|key| key == known)) {
                None => listener.let_pass(&call),
                Some((_, node)) => match answer(&call, node) {
                    Answer::Now(answer) => listener.answer(&call, answer),
                    Answer::WithPicture => still.push(call),
                },
            }
        }
        *waiting = still;
        Ok(())
    }
}

fn answer(call: &Call, node: &mut Node) -> Answer {
    let Ok(mut data) = call.read() else { return Answer::Now(Err(Errno::EFAULT)) };
    let answer = node.ioctl(call.request, &mut data);
    match answer {
        Answer::Now(Ok(())) if call.write(&data).is_err() => Answer::Now(Err(Errno::EFAULT)),
        answer => answer,
    }
}

/// Moves this thread into the world in `dir`: its nodes are /dev, beside those that any program needs.
fn enter(dir: &Path) -> io::Result<()> {
    const MOUNT: &str = r#"
        set -e
        mount --make-rprivate /
        for node in null zero random urandom; do
            : > "$0/dev/$node"
            mount --bind "/dev/$node" "$0/dev/$node"
        done
        mkdir "$0/dev/shm"
        mount --bind /dev/shm "$0/dev/shm"
        mount --rbind "$0/dev" /dev
        mount -o remount,bind,nodev /dev
        mount --bind "$0/class" /sys/class"#;
    unshare(CloneFlags::CLONE_NEWNS)?;
    done("mount", Command::new("sh").args(["-c", MOUNT]).arg(dir))
}

fn done(what: &str, command: &mut Command) -> io::Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{what}: {status}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use v4l::io::traits::CaptureStream;
    use v4l::prelude::MmapStream;
    use v4l::video::Capture;
    use v4l::{Device, Format, FourCC};

    #[test]
    fn a_recording_is_streamed_like_a_camera() {
        let frames = [7, 8, 9].map(|value| vec![value; 4 * 4 * 2]);
        let mode = Mode::new(WebcamFormat::Yuyv, (4, 4), &[30, 60], frames.to_vec());
        let camera = Camera::new(3, "Webcam", vec![mode]);
        world("camera::tests::a_recording_is_streamed_like_a_camera", vec![camera], async |cameras| {
            let device = Device::new(3).unwrap();
            assert_eq!(device.query_caps().unwrap().card, "Webcam");
            assert_eq!(device.enum_formats().unwrap().len(), 1);
            assert_eq!(device.enum_framesizes(FourCC::new(b"YUYV")).unwrap().len(), 1);
            assert_eq!(device.enum_frameintervals(FourCC::new(b"YUYV"), 4, 4).unwrap().len(), 2);
            let set = device.set_format(&Format::new(640, 480, FourCC::new(b"NV12"))).unwrap();
            assert_eq!((set.width, set.height, set.stride, set.fourcc), (4, 4, 8, FourCC::new(b"YUYV")));
            let mut stream = MmapStream::with_buffers(&device, v4l::buffer::Type::VideoCapture, 2).unwrap();
            let mut seen = Vec::new();
            for _ in 0..4 {
                let (data, about) = stream.next().unwrap();
                seen.push((data[0], about.bytesused));
            }
            assert_eq!(seen, [(7, 32), (8, 32), (9, 32), (7, 32)]);
            cameras.unplug(3).unwrap();
            // What was full already may still come.
            while stream.next().is_ok() {}
        });
    }
}
