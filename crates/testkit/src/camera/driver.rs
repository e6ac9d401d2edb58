//! What a driver of V4L2 does for one node (linux/videodev2.h): formats, buffers, and a picture in each beat.

use super::picture::WebcamFormat;
use super::structure::{Structure, picture, rate};
use super::types::{Camera, Delivered, Mode};
use nix::errno::Errno;
use nix::libc;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::mem::offset_of;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};
use v4l::buffer::Flags;
use v4l::v4l_sys::{
    V4L2_CAP_DEVICE_CAPS, V4L2_CAP_META_CAPTURE, V4L2_CAP_STREAMING, V4L2_CAP_TIMEPERFRAME, V4L2_CAP_VIDEO_CAPTURE,
    v4l2_buffer, v4l2_capability, v4l2_field_V4L2_FIELD_NONE, v4l2_fmtdesc, v4l2_fract, v4l2_frmivalenum,
    v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE, v4l2_frmsize_discrete, v4l2_frmsizeenum,
    v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE, v4l2_requestbuffers,
};
use v4l::v4l2::vidioc;

/// More buffers than this nobody gets.
const MOST_BUFFERS: u32 = 8;
/// Buffers begin at multiples of this in the node's file: what `mmap` can map.
const PAGE: u32 = 4096;

/// What becomes of a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Now(Result<(), Errno>),
    /// When there is a picture.
    WithPicture,
}

/// A node with its camera behind it.
#[derive(Debug)]
pub(super) struct Node {
    camera: Camera,
    /// What programs map: the buffers, one after the other.
    file: File,
    /// What everything fails with from now on.
    fault: Option<Errno>,
    mode: usize,
    /// Time between two pictures in seconds: numerator and denominator.
    interval: (u32, u32),
    buffers: u32,
    /// Empty ones of the program, and full ones for it.
    queued: VecDeque<u32>,
    full: VecDeque<Full>,
    /// When the stream began, and the number of its next picture.
    running: Option<(Instant, u32)>,
}

#[derive(Debug)]
struct Full {
    index: u32,
    bytes: u32,
    flags: Flags,
    sequence: u32,
    seconds: i64,
    micros: i64,
}

impl Node {
    pub(super) fn new(camera: Camera, file: File) -> Self {
        let fps = camera.modes.first().and_then(|mode| mode.fps.first()).copied().unwrap_or(1);
        let interval = camera.left_at.unwrap_or((1, fps));
        let (queued, full) = (VecDeque::new(), VecDeque::new());
        Self { camera, file, fault: None, mode: 0, interval, buffers: 0, queued, full, running: None }
    }

    /// Whoever has the node open gets nothing but this from it any more.
    pub(super) fn fail(&mut self, fault: Errno) {
        self.fault = Some(fault);
        self.running = None;
        self.full.clear();
    }

    /// Another program has the camera, or has it no more.
    pub(super) fn set_busy(&mut self, busy: bool) {
        self.camera.busy = busy;
    }

    /// Its number and the mode and rate that a program set.
    pub(super) fn number(&self) -> u32 {
        self.camera.node
    }

    pub(super) fn set_mode(&self) -> Option<(WebcamFormat, (u32, u32), u32)> {
        self.running?;
        self.mode().ok().map(|mode| (mode.format, mode.size, self.interval.1 / self.interval.0))
    }

    fn mode(&self) -> Result<&Mode, Errno> {
        self.camera.modes.get(self.mode).ok_or(Errno::EINVAL)
    }

    fn buffer_size(&self) -> Result<u32, Errno> {
        let mode = self.mode()?;
        Ok(mode.format.buffer(mode.size, mode.stride))
    }

    fn offset(&self, index: u32) -> Result<u32, Errno> {
        Ok(self.buffer_size()?.next_multiple_of(PAGE) * index)
    }

    /// Does what a program asks.
    pub(super) fn ioctl(&mut self, request: u64, data: &mut [u8]) -> Answer {
        let mut data = Structure(data);
        if let Some(fault) = self.fault {
            return Answer::Now(Err(fault));
        }
        if request == vidioc::VIDIOC_DQBUF {
            return self.dequeue(&mut data);
        }
        Answer::Now(match request {
            vidioc::VIDIOC_QUERYCAP => self.capabilities(&mut data),
            vidioc::VIDIOC_ENUM_FMT => self.enumerate_formats(&mut data),
            vidioc::VIDIOC_ENUM_FRAMESIZES => self.enumerate_sizes(&mut data),
            vidioc::VIDIOC_ENUM_FRAMEINTERVALS => self.enumerate_rates(&mut data),
            vidioc::VIDIOC_G_FMT => self.tell_format(&mut data),
            vidioc::VIDIOC_S_FMT => self.set_format(&mut data),
            vidioc::VIDIOC_G_PARM => self.tell_rate(&mut data),
            vidioc::VIDIOC_S_PARM => self.set_rate(&mut data),
            vidioc::VIDIOC_REQBUFS => self.request_buffers(&mut data),
            vidioc::VIDIOC_QUERYBUF => self.describe_buffer(&mut data),
            vidioc::VIDIOC_QBUF => self.queue(&data),
            vidioc::VIDIOC_STREAMON => {
                self.running = Some((Instant::now(), 0));
                Ok(())
            }
            vidioc::VIDIOC_STREAMOFF => {
                self.stop();
                Ok(())
            }
            _ => Err(Errno::ENOTTY),
        })
    }

    fn stop(&mut self) {
        self.running = None;
        self.queued.clear();
        self.full.clear();
    }

    fn capabilities(&self, data: &mut Structure<'_>) -> Result<(), Errno> {
        let kind = if self.camera.modes.is_empty() { V4L2_CAP_META_CAPTURE } else { V4L2_CAP_VIDEO_CAPTURE };
        data.set_text(offset_of!(v4l2_capability, driver), "uvcvideo");
        data.set_text(offset_of!(v4l2_capability, card), &self.camera.name);
        data.set_text(offset_of!(v4l2_capability, bus_info), "usb-0000:00:14.0-4");
        data.set(offset_of!(v4l2_capability, capabilities), kind | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS);
        data.set(offset_of!(v4l2_capability, device_caps), kind | V4L2_CAP_STREAMING);
        Ok(())
    }

    fn enumerate_formats(&self, data: &mut Structure<'_>) -> Result<(), Errno> {
        let mut formats: Vec<WebcamFormat> = self.camera.modes.iter().map(|mode| mode.format).collect();
        formats.dedup();
        let format = formats.get(data.get(offset_of!(v4l2_fmtdesc, index)) as usize).ok_or(Errno::EINVAL)?;
        data.set_text(offset_of!(v4l2_fmtdesc, description), &format!("{format:?}"));
        data.set(offset_of!(v4l2_fmtdesc, pixelformat), code(*format));
        Ok(())
    }

    /// The modes of a format.
    fn of_format(&self, fourcc: u32) -> impl Iterator<Item = &Mode> {
        self.camera.modes.iter().filter(move |mode| code(mode.format) == fourcc)
    }

    fn enumerate_sizes(&self, data: &mut Structure<'_>) -> Result<(), Errno> {
        const SIZE: usize = offset_of!(v4l2_frmsizeenum, __bindgen_anon_1);
        let index = data.get(offset_of!(v4l2_frmsizeenum, index)) as usize;
        let mut modes = self.of_format(data.get(offset_of!(v4l2_frmsizeenum, pixel_format)));
        let (width, height) = modes.nth(index).ok_or(Errno::EINVAL)?.size;
        data.set(offset_of!(v4l2_frmsizeenum, type_), v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE);
        data.set(SIZE + offset_of!(v4l2_frmsize_discrete, width), width);
        data.set(SIZE + offset_of!(v4l2_frmsize_discrete, height), height);
        Ok(())
    }

    fn enumerate_rates(&self, data: &mut Structure<'_>) -> Result<(), Errno> {
        const INTERVAL: usize = offset_of!(v4l2_frmivalenum, __bindgen_anon_1);
        let size = (data.get(offset_of!(v4l2_frmivalenum, width)), data.get(offset_of!(v4l2_frmivalenum, height)));
        let mut modes = self.of_format(data.get(offset_of!(v4l2_frmivalenum, pixel_format)));
        let mode = modes.find(|mode| mode.size == size).ok_or(Errno::EINVAL)?;
        let index = data.get(offset_of!(v4l2_frmivalenum, index)) as usize;
        let fps = *mode.fps.get(index).ok_or(Errno::EINVAL)?;
        data.set(offset_of!(v4l2_frmivalenum, type_), v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE);
        data.set(INTERVAL + offset_of!(v4l2_fract, numerator), 1);
        data.set(INTERVAL + offset_of!(v4l2_fract, denominator), fps);
        Ok(())
    }

    fn tell_format(&self, data: &mut Structure<'_>) -> Result<(), Errno> {
        let mode = self.mode()?;
        data.set(picture::WIDTH, mode.size.0);
        data.set(picture::HEIGHT, mode.size.1);
        data.set(picture::FOURCC, code(mode.format));
        data.set(picture::FIELD, v4l2_field_V4L2_FIELD_NONE);
        data.set(picture::STRIDE, mode.stride);
        data.set(picture::SIZE, self.buffer_size()?);
        Ok(())
    }

    fn set_format(&mut self, data: &mut Structure<'_>) -> Result<(), Errno> {
        if self.camera.busy || self.buffers > 0 {
            return Err(Errno::EBUSY);
        }
        let size = (data.get(picture::WIDTH), data.get(picture::HEIGHT));
        let fourcc = data.get(picture::FOURCC);
        let wished = |mode: &Mode| code(mode.format) == fourcc && mode.size == size;
        // A driver changes what it has not got into something that it has.
        self.mode = self.camera.modes.iter().position(wished).unwrap_or_default();
        self.interval = (1, self.mode()?.fps.first().copied().ok_or(Errno::EINVAL)?);
        self.tell_format(data)
    }

    fn tell_rate(&self, data: &mut Structure<'_>) -> Result<(), Errno> {
        self.mode()?;
        data.set(rate::CAPABILITY, V4L2_CAP_TIMEPERFRAME);
        data.set(rate::NUMERATOR, self.interval.0);
        data.set(rate::DENOMINATOR, self.interval.1);
        Ok(())
    }

    fn set_rate(&mut self, data: &mut Structure<'_>) -> Result<(), Errno> {
        let wished = data.get(rate::DENOMINATOR) / data.get(rate::NUMERATOR).max(1);
        if let Some(fps) = self.mode()?.fps.iter().find(|fps| **fps == wished) {
            self.interval = (1, *fps);
        }
        self.tell_rate(data)
    }

    fn request_buffers(&mut self, data: &mut Structure<'_>) -> Result<(), Errno> {
        let count = data.get(offset_of!(v4l2_requestbuffers, count)).min(MOST_BUFFERS);
        if count > 0 && (self.camera.busy || self.buffers > 0) {
            return Err(Errno::EBUSY);
        }
        self.stop();
        let size = self.offset(count)?;
        self.file.set_len(size.into()).map_err(errno)?;
        self.buffers = count;
        data.set(offset_of!(v4l2_requestbuffers, count), count);
        Ok(())
    }

    fn describe_buffer(&self, data: &mut Structure<'_>) -> Result<(), Errno> {
        let index = data.get(offset_of!(v4l2_buffer, index));
        if index >= self.buffers {
            return Err(Errno::EINVAL);
        }
        data.set(offset_of!(v4l2_buffer, length), self.buffer_size()?);
        data.set(offset_of!(v4l2_buffer, m), self.offset(index)?);
        Ok(())
    }

    fn queue(&mut self, data: &Structure<'_>) -> Result<(), Errno> {
        let index = data.get(offset_of!(v4l2_buffer, index));
        if index >= self.buffers || self.queued.contains(&index) {
            return Err(Errno::EINVAL);
        }
        self.queued.push_back(index);
        Ok(())
    }

    fn dequeue(&mut self, data: &mut Structure<'_>) -> Answer {
        if self.running.is_none() {
            return Answer::Now(Err(Errno::EINVAL));
        }
        let Some(full) = self.full.pop_front() else { return Answer::WithPicture };
        data.set(offset_of!(v4l2_buffer, index), full.index);
        data.set(offset_of!(v4l2_buffer, bytesused), full.bytes);
        data.set(offset_of!(v4l2_buffer, flags), full.flags.bits());
        data.set(offset_of!(v4l2_buffer, field), v4l2_field_V4L2_FIELD_NONE);
        data.set(offset_of!(v4l2_buffer, sequence), full.sequence);
        data.set_time(offset_of!(v4l2_buffer, timestamp), full.seconds, full.micros);
        Answer::Now(Ok(()))
    }

    /// When the next picture is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let (start, next) = self.running?;
        Some(start + Duration::from_secs(1) * self.interval.0 * next / self.interval.1)
    }

    /// Takes the picture that is due into the next empty buffer; without one it is lost.
    pub(super) fn beat(&mut self, now: Instant) -> Result<(), Errno> {
        while let Some(due) = self.due()
            && due <= now
        {
            let Some((_, next)) = &mut self.running else { break };
            let sequence = *next;
            *next += 1;
            if let Some(index) = self.queued.pop_front() {
                self.fill(index, sequence)?;
            }
        }
        Ok(())
    }

    fn fill(&mut self, index: u32, sequence: u32) -> Result<(), Errno> {
        let frames = &self.mode()?.frames;
        let Delivered { data, damaged } = frames.get(sequence as usize % frames.len().max(1)).ok_or(Errno::EIO)?;
        self.file.write_all_at(data, self.offset(index)?.into()).map_err(errno)?;
        let mut flags = Flags::MAPPED | Flags::DONE | Flags::TIMESTAMP_MONOTONIC;
        flags.set(Flags::ERROR, *damaged);
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the kernel writes the structure, which lives until the call returns.
        Errno::result(unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) })?;
        let (seconds, micros) = (time.tv_sec, time.tv_nsec / 1_000);
        self.full.push_back(Full { index, bytes: data.len() as u32, flags, sequence, seconds, micros });
        Ok(())
    }
}

fn code(format: WebcamFormat) -> u32 {
    u32::from_le_bytes(format.fourcc())
}

fn errno(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
