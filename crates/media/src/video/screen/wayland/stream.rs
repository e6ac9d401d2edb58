//! The PipeWire stream: a thread runs PipeWire's loop and copies the pictures.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use pipewire::buffer::Buffer;
use pipewire::channel::{Receiver, Sender, channel};
use pipewire::context::ContextRc;
use pipewire::keys;
use pipewire::main_loop::MainLoopRc;
use pipewire::properties::properties;
use pipewire::spa::buffer::ChunkFlags;
use pipewire::spa::buffer::meta::MetaVideoCrop;
use pipewire::spa::param::ParamType;
use pipewire::spa::pod::Pod;
use pipewire::spa::utils::Direction;
use pipewire::stream::{self, StreamBox, StreamFlags, StreamState};
use tokio::sync::oneshot;

use super::error::{failed, gone};
use super::format::{Parameter, PictureFormat};
use super::picture::{Crop, LatestPicture};
use crate::error::Error;
use crate::thread::worker;
use crate::video::screen::bgrx::Picture;

/// A stream of pictures. Dropping it ends its thread.
pub(super) struct PipeWireStream {
    quit: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl PipeWireStream {
    /// Takes the pictures of `node`, to which `remote` leads, into `latest`. The receiver is notified when they come; if it
    /// closes without, they ended before, and `latest` has the reason.
    pub(super) fn start(
        remote: OwnedFd,
        node: u32,
        fps: u32,
        latest: Arc<LatestPicture>,
    ) -> Result<(Self, oneshot::Receiver<()>), Error> {
        let (quit, quits) = channel();
        let (notify, started) = oneshot::channel();
        let thread = worker::spawn("confab-pipewire", move || {
            let listener = StreamListener {
                latest: latest.clone(),
                format: None,
                drawn: Picture::default(),
                started: Some(notify),
            };
            if let Err(error) = run(remote, node, fps, listener, quits) {
                latest.end(error);
            }
        })?;
        Ok((Self { quit, thread: Some(thread) }, started))
    }
}

impl Drop for PipeWireStream {
    fn drop(&mut self) {
        // A loop that has ended receives nothing, and need not.
        let _ = self.quit.send(());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("PipeWire's thread panicked");
        }
    }
}

/// Runs the loop until `quits` or the end of the stream.
fn run(remote: OwnedFd, node: u32, fps: u32, listener: StreamListener, quits: Receiver<()>) -> Result<(), Error> {
    let main_loop = MainLoopRc::new(None).map_err(failed)?;
    let _quits = quits.attach(main_loop.loop_(), {
        let main_loop = main_loop.clone();
        move |()| main_loop.quit()
    });
    let context = ContextRc::new(&main_loop, None).map_err(failed)?;
    let core = context.connect_fd_rc(remote, None).map_err(failed)?;
    let about = properties! {
        *keys::MEDIA_TYPE => "Video",
        *keys::MEDIA_CATEGORY => "Capture",
        *keys::MEDIA_ROLE => "Screen",
    };
    let stream = StreamBox::new(&core, "confab-screen", about).map_err(failed)?;
    let at_the_end = main_loop.clone();
    let _listener = stream
        .add_local_listener_with_user_data(listener)
        .state_changed(move |_, listener, _, state| {
            if !listener.goes_on(state) {
                at_the_end.quit();
            }
        })
        .param_changed(|stream, listener, id, pod| listener.agree(stream, id, pod))
        .process(|stream, listener| listener.take(stream))
        .register()
        .map_err(failed)?;
    let formats = Parameter::formats(fps)?;
    // Not to another source when this one goes: the next may be a camera.
    let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::DONT_RECONNECT;
    stream.connect(Direction::Input, Some(node), flags, &mut [formats.pod()?]).map_err(failed)?;
    main_loop.run();
    Ok(())
}

/// What PipeWire calls.
struct StreamListener {
    latest: Arc<LatestPicture>,
    format: Option<PictureFormat>,
    /// Memory for the next picture.
    drawn: Picture,
    /// There until pictures come.
    started: Option<oneshot::Sender<()>>,
}

impl StreamListener {
    /// Takes note of a state; false if it is the last.
    fn goes_on(&mut self, state: StreamState) -> bool {
        tracing::debug!(?state, "screen stream");
        let ended = match (state, &self.started) {
            (StreamState::Connecting | StreamState::Paused, _) => return true,
            (StreamState::Streaming, _) => {
                if let Some(started) = self.started.take() {
                    // The receiver is gone if the share was given up.
                    let _ = started.send(());
                }
                return true;
            }
            (StreamState::Error(_) | StreamState::Unconnected, None) => gone(),
            (StreamState::Error(error), Some(_)) => failed(error),
            (StreamState::Unconnected, Some(_)) => failed("PipeWire hung up"),
        };
        self.latest.end(ended);
        // Closes the channel on which the start is awaited.
        self.started = None;
        false
    }

    /// A format was agreed on, the first or another one.
    fn agree(&mut self, stream: &stream::Stream, id: u32, pod: Option<&Pod>) {
        let Some(pod) = pod.filter(|_| id == ParamType::Format.as_raw()) else { return };
        self.format = PictureFormat::read(pod);
        tracing::debug!(format = ?self.format, "screen stream");
        if let Err(error) = ask_for_buffers(stream) {
            self.latest.end(error);
        }
    }

    /// Takes the latest of the pictures that wait.
    fn take(&mut self, stream: &stream::Stream) {
        let mut latest = None;
        while let Some(buffer) = stream.dequeue_buffer() {
            latest = Some(buffer);
        }
        if let Some((mut buffer, format)) = latest.zip(self.format)
            && read(&mut buffer, format, &mut self.drawn)
        {
            self.latest.put(&mut self.drawn);
        }
    }
}

fn ask_for_buffers(stream: &stream::Stream) -> Result<(), Error> {
    let (buffers, crop) = (Parameter::buffers()?, Parameter::crop()?);
    stream.update_params(&mut [buffers.pod()?, crop.pod()?]).map_err(failed)
}

/// The picture in a buffer; false if there is none.
fn read(buffer: &mut Buffer<'_>, format: PictureFormat, picture: &mut Picture) -> bool {
    let PictureFormat { order, width, height } = format;
    let crop = buffer.find_meta::<MetaVideoCrop>().map(|crop| crop.meta_region()).filter(|region| region.is_valid());
    let crop = crop.and_then(|region| {
        let (position, size) = (region.position(), region.size());
        let (x, y) = (u32::try_from(position.x).ok()?, u32::try_from(position.y).ok()?);
        Some(Crop { x, y, width: size.width, height: size.height }).filter(|crop| crop.is_inside(width, height))
    });
    let Some(data) = buffer.datas_mut().first_mut() else { return false };
    let chunk = data.chunk();
    let (start, bytes) = (chunk.offset() as usize, chunk.size() as usize);
    let stride = usize::try_from(chunk.stride()).unwrap_or_default();
    // No bytes: only something beside the picture changed.
    if chunk.flags().contains(ChunkFlags::CORRUPTED) || bytes == 0 || stride == 0 {
        return false;
    }
    let Some(memory) = data.data().and_then(|memory| memory.get(start..)) else { return false };
    picture.read(memory, stride, order, crop.unwrap_or(Crop::whole(width, height)))
}
