//! The only unsafe code of this crate's video path: VP8 by libvpx behind two owning types.
//!
//! Both codecs are driven from one thread at a time (`&mut self`), copy what libvpx lends, and free it on drop.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_uint, c_ulong};
use std::ptr;

use bytes::Bytes;
use thiserror::Error;
use vpx_sys::*;

use crate::video::encode::temporal::{self, FrameKind};
use crate::video::i420::I420Frame;
use confab_wire::{
    layers::{TOP_TEMPORAL, temporal_share},
    media::VIDEO_CLOCK_HZ,
};

/// A call into libvpx that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("libvpx: {call}: {reason}")]
pub struct VpxError {
    /// The function.
    pub call: &'static str,
    /// libvpx's message.
    pub reason: String,
}

fn check(call: &'static str, code: vpx_codec_err_t) -> Result<(), VpxError> {
    if code == VPX_CODEC_OK {
        return Ok(());
    }
    // SAFETY: `vpx_codec_err_to_string` returns a static NUL-terminated string for every code.
    let reason = unsafe { CStr::from_ptr(vpx_codec_err_to_string(code)) }.to_string_lossy().into_owned();
    Err(VpxError { call, reason })
}

/// A codec context at a fixed address (libvpx keeps pointers into it), destroyed on drop.
struct VpxContext(Box<vpx_codec_ctx_t>);

// SAFETY: a libvpx context has no thread affinity; it only must not be used from two threads at once, which `&mut self`
// on every use excludes.
unsafe impl Send for VpxContext {}

impl VpxContext {
    fn as_mut(&mut self) -> *mut vpx_codec_ctx_t {
        &mut *self.0
    }
}

impl Drop for VpxContext {
    fn drop(&mut self) {
        // SAFETY: the context was initialised by vpx_codec_*_init_ver, and nothing lent by it outlives a call.
        unsafe { vpx_codec_destroy(self.as_mut()) };
    }
}

/// How to encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSettings {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second to plan for; real timestamps rule.
    pub fps: u32,
    /// Bitrate in bit/s.
    pub bitrate: u32,
    /// Highest temporal layer that is encoded.
    pub temporal: u8,
    /// The picture is drawn by a computer: what rests costs nothing and turns sharp, what moves may be late.
    pub detailed: bool,
}

/// One encoded frame as libvpx hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The VP8 frame (RFC 6386).
    pub data: Bytes,
    /// True for a key frame.
    pub key: bool,
}

/// A VP8 encoder for conversation: constant bitrate, no lookahead, one thread.
pub struct VpxEncoder {
    context: VpxContext,
    config: vpx_codec_enc_cfg_t,
    settings: EncoderSettings,
}

// SAFETY: beside the context, see there, the only pointers are the configuration's first-pass buffers, which are null and
// unused in one-pass mode.
unsafe impl Send for VpxEncoder {}

impl std::fmt::Debug for VpxEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VpxEncoder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Speed preset: -6 spends .19 CPU-s per second of 720p30; slower ones do not fit beside decoding on a small machine.
const CPU_USED: c_int = -6;
/// Frames between automatic key frames (100 s at 30 fps). Peers ask for key frames when they need one; a regular one
/// would only burst.
const KEY_FRAME_DISTANCE: c_uint = 3000;
/// Rate-control buffer: size, start and target level in ms of the bitrate (as libwebrtc sets them).
const BUFFER_MS: (c_uint, c_uint, c_uint) = (1000, 500, 600);
/// Mode for screen content and the difference under which a block counts as unchanged, of pictures drawn by a computer and
/// of others (as libwebrtc sets them).
const DETAILED: (c_int, c_int) = (1, 100);
const NATURAL: (c_int, c_int) = (0, 1);
/// Buffer level in percent under which the encoder drops a frame rather than overshoot the bitrate.
const DROP_FRAME_PERCENT: c_uint = 30;

impl VpxEncoder {
    /// Opens an encoder.
    pub fn new(settings: EncoderSettings) -> Result<Self, VpxError> {
        let mut config = MaybeUninit::<vpx_codec_enc_cfg_t>::zeroed();
        // SAFETY: the interface pointer is static; `config` is valid for writes of its type, and all-zero bytes plus what
        // the function writes are valid for it (every enum in it has a zero variant or is written).
        let mut config = unsafe {
            let interface = vpx_codec_vp8_cx();
            check("vpx_codec_enc_config_default", vpx_codec_enc_config_default(interface, config.as_mut_ptr(), 0))?;
            config.assume_init()
        };
        let fps = settings.fps.clamp(1, 120);
        config.g_w = settings.width;
        config.g_h = settings.height;
        config.g_threads = 1;
        config.g_timebase = vpx_rational { num: 1, den: VIDEO_CLOCK_HZ as c_int };
        config.g_error_resilient = 1;
        config.g_lag_in_frames = 0;
        config.rc_end_usage = vpx_rc_mode::VPX_CBR;
        config.rc_dropframe_thresh = DROP_FRAME_PERCENT;
        config.rc_resize_allowed = 0;
        config.rc_min_quantizer = 2;
        config.rc_max_quantizer = 56;
        config.rc_undershoot_pct = 100;
        config.rc_overshoot_pct = 15;
        (config.rc_buf_sz, config.rc_buf_initial_sz, config.rc_buf_optimal_sz) = BUFFER_MS;
        config.kf_mode = vpx_kf_mode::VPX_KF_AUTO;
        config.kf_max_dist = KEY_FRAME_DISTANCE;
        share_out(&mut config, settings);

        let mut context = VpxContext(Box::new(
            // SAFETY: libvpx's own initialiser is a memset to zero; null pointers and a zero error code are valid.
            unsafe { MaybeUninit::<vpx_codec_ctx_t>::zeroed().assume_init() },
        ));
        // SAFETY: context and config are valid and outlive the call; libvpx copies the configuration.
        let code = unsafe {
            vpx_codec_enc_init_ver(context.as_mut(), vpx_codec_vp8_cx(), &config, 0, VPX_ENCODER_ABI_VERSION as c_int)
        };
        check("vpx_codec_enc_init", code)?;
        let mut encoder = Self { context, config, settings };
        // Half of the optimal buffer for one key frame, in percent of the per-frame budget (libwebrtc's rule).
        let max_intra = (BUFFER_MS.2 * fps / 20).max(300) as c_int;
        let (screen_content, static_threshold) = if settings.detailed { DETAILED } else { NATURAL };
        for (control, value) in [
            (vp8e_enc_control_id::VP8E_SET_CPUUSED, CPU_USED),
            (vp8e_enc_control_id::VP8E_SET_SCREEN_CONTENT_MODE, screen_content),
            (vp8e_enc_control_id::VP8E_SET_STATIC_THRESHOLD, static_threshold),
            (vp8e_enc_control_id::VP8E_SET_NOISE_SENSITIVITY, 0),
            (vp8e_enc_control_id::VP8E_SET_TOKEN_PARTITIONS, 0),
            (vp8e_enc_control_id::VP8E_SET_MAX_INTRA_BITRATE_PCT, max_intra),
        ] {
            // SAFETY: each of these controls takes one int (vp8cx.h, VPX_CTRL_USE_TYPE).
            let code = unsafe { vpx_codec_control_(encoder.context.as_mut(), control as c_int, value) };
            check("vpx_codec_control", code)?;
        }
        Ok(encoder)
    }

    /// What the encoder is set to.
    pub fn settings(&self) -> EncoderSettings {
        self.settings
    }

    /// Changes bitrate (in bit/s) and highest temporal layer; takes effect with the next frame.
    pub fn set_rate(&mut self, bitrate: u32, temporal: u8) -> Result<(), VpxError> {
        let settings = EncoderSettings { bitrate, temporal, ..self.settings };
        share_out(&mut self.config, settings);
        // SAFETY: context and configuration are valid; libvpx copies the configuration.
        check("vpx_codec_enc_config_set", unsafe { vpx_codec_enc_config_set(self.context.as_mut(), &self.config) })?;
        self.settings = settings;
        Ok(())
    }

    /// Encodes one picture of the encoder's size of its kind in the temporal pattern. `pts` must grow and `duration` be
    /// over 0, both in 1/90000 s. `None`: the rate control dropped the frame.
    pub fn encode(
        &mut self,
        frame: &I420Frame,
        pts: i64,
        duration: u32,
        kind: FrameKind,
    ) -> Result<Option<Packet>, VpxError> {
        if (frame.width(), frame.height()) != (self.settings.width, self.settings.height) {
            let reason = format!("{frame:?} given to an encoder of {:?}", self.settings);
            return Err(VpxError { call: "encode", reason });
        }
        let image = wrap(frame)?;
        if self.settings.temporal > 0 {
            let layer = c_int::from(kind.temporal());
            // SAFETY: the control takes one int (vp8cx.h, VPX_CTRL_USE_TYPE).
            let code = unsafe {
                let control = vp8e_enc_control_id::VP8E_SET_TEMPORAL_LAYER_ID as c_int;
                vpx_codec_control_(self.context.as_mut(), control, layer)
            };
            check("VP8E_SET_TEMPORAL_LAYER_ID", code)?;
        }
        // SAFETY: the image's planes point into `frame`, which lives through the call, with the strides and heights of an
        // I420 picture; libvpx reads them only during the call.
        let code = unsafe {
            vpx_codec_encode(
                self.context.as_mut(),
                &image,
                pts,
                c_ulong::from(duration.max(1)),
                kind.flags() as _,
                c_ulong::from(VPX_DL_REALTIME),
            )
        };
        check("vpx_codec_encode", code)?;
        let mut iterator: vpx_codec_iter_t = ptr::null();
        loop {
            // SAFETY: the iterator starts as null and is only handed back; the packet is valid until the next call.
            let packet = unsafe { vpx_codec_get_cx_data(self.context.as_mut(), &mut iterator) };
            // SAFETY: a non-null packet points to an initialised vpx_codec_cx_pkt.
            let Some(packet) = (unsafe { packet.as_ref() }) else { return Ok(None) };
            if packet.kind != vpx_codec_cx_pkt_kind::VPX_CODEC_CX_FRAME_PKT {
                continue;
            }
            // SAFETY: `kind` says that `frame` is the active member; `buf` has `sz` readable bytes.
            let (bytes, flags) = unsafe {
                let frame = &packet.data.frame;
                (std::slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz), frame.flags)
            };
            let key = flags & VPX_FRAME_IS_KEY != 0;
            return Ok(Some(Packet { data: Bytes::copy_from_slice(bytes), key }));
        }
    }
}

/// Writes bitrate and temporal layers into a configuration.
fn share_out(config: &mut vpx_codec_enc_cfg_t, settings: EncoderSettings) {
    let total = kilobits(settings.bitrate);
    let highest = settings.temporal.min(TOP_TEMPORAL);
    config.rc_target_bitrate = total;
    config.ts_number_layers = c_uint::from(highest) + 1;
    for layer in 0..=highest {
        let index = usize::from(layer);
        config.ts_target_bitrate[index] = (f64::from(total) * temporal_share(layer, highest)) as c_uint;
        config.ts_rate_decimator[index] = 1 << (highest - layer);
    }
    let period = temporal::pattern(highest);
    config.ts_periodicity = period.len() as c_uint;
    for (id, kind) in config.ts_layer_id.iter_mut().zip(period) {
        *id = c_uint::from(kind.temporal());
    }
}

/// libvpx counts in kbit/s and takes 0 as a mistake.
fn kilobits(bitrate: u32) -> c_uint {
    (bitrate / 1000).max(1)
}

fn wrap(frame: &I420Frame) -> Result<vpx_image_t, VpxError> {
    let mut image = MaybeUninit::<vpx_image_t>::zeroed();
    let [y, u, v] = frame.planes().map(|plane| plane.as_ptr().cast_mut());
    // SAFETY: with a non-null image and data pointer the function only fills in the descriptor; the encoder never writes
    // through the plane pointers, so the cast from const is sound.
    let mut image = unsafe {
        let filled =
            vpx_img_wrap(image.as_mut_ptr(), vpx_img_fmt::VPX_IMG_FMT_I420, frame.width(), frame.height(), 1, y);
        if filled.is_null() {
            return Err(VpxError { call: "vpx_img_wrap", reason: format!("{frame:?}") });
        }
        image.assume_init()
    };
    // vpx_img_wrap rounds odd sizes up; our planes are tight.
    let (chroma, _) = frame.chroma_size();
    (image.planes[0], image.planes[1], image.planes[2]) = (y, u, v);
    (image.stride[0], image.stride[1], image.stride[2]) = (frame.width() as c_int, chroma as c_int, chroma as c_int);
    Ok(image)
}

/// A VP8 decoder, one thread.
pub struct VpxDecoder(VpxContext);

impl std::fmt::Debug for VpxDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VpxDecoder")
    }
}

impl VpxDecoder {
    /// Opens a decoder.
    pub fn new() -> Result<Self, VpxError> {
        // SAFETY: see `VpxEncoder::new`.
        let mut context = VpxContext(Box::new(unsafe { MaybeUninit::<vpx_codec_ctx_t>::zeroed().assume_init() }));
        let config = vpx_codec_dec_cfg_t { threads: 1, w: 0, h: 0 };
        // SAFETY: context and configuration are valid for the call; libvpx copies the configuration.
        let code = unsafe {
            vpx_codec_dec_init_ver(context.as_mut(), vpx_codec_vp8_dx(), &config, 0, VPX_DECODER_ABI_VERSION as c_int)
        };
        check("vpx_codec_dec_init", code)?;
        Ok(Self(context))
    }

    /// Decodes one frame. `None`: the frame is not to be shown. The caller has checked the size in a key frame's header.
    pub fn decode(&mut self, data: &[u8]) -> Result<Option<I420Frame>, VpxError> {
        let length = c_uint::try_from(data.len())
            .map_err(|_| VpxError { call: "decode", reason: "frame over 4 GiB".to_owned() })?;
        // SAFETY: `data` is readable for `length` bytes during the call, which is all libvpx asks without frame threads.
        let code = unsafe { vpx_codec_decode(self.0.as_mut(), data.as_ptr(), length, ptr::null_mut(), 0) };
        check("vpx_codec_decode", code)?;
        let mut iterator: vpx_codec_iter_t = ptr::null();
        // SAFETY: the iterator starts as null; the image stays valid until the next call on this context.
        let image = unsafe { vpx_codec_get_frame(self.0.as_mut(), &mut iterator).as_ref() };
        let Some(image) = image else { return Ok(None) };
        if image.fmt != vpx_img_fmt::VPX_IMG_FMT_I420 {
            return Err(VpxError { call: "vpx_codec_get_frame", reason: format!("format {:?}", image.fmt) });
        }
        let mut frame = I420Frame::new(image.d_w, image.d_h);
        if (frame.width(), frame.height()) != (image.d_w, image.d_h) {
            let reason = format!("size {}x{}", image.d_w, image.d_h);
            return Err(VpxError { call: "vpx_codec_get_frame", reason });
        }
        let chroma = frame.chroma_size();
        let sizes = [(frame.width(), frame.height()), chroma, chroma];
        for (plane, (out, (width, height))) in frame.planes_mut().into_iter().zip(sizes).enumerate() {
            for (row, out) in out.chunks_exact_mut(width as usize).enumerate().take(height as usize) {
                // SAFETY: a decoded I420 image has `height` rows of `stride` bytes (`width` of them picture) per plane.
                let source = unsafe {
                    let start = image.planes[plane].offset(row as isize * image.stride[plane] as isize);
                    std::slice::from_raw_parts(start, width as usize)
                };
                out.copy_from_slice(source);
            }
        }
        Ok(Some(frame))
    }
}
