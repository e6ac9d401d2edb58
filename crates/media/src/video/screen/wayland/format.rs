//! The parameters of the PipeWire stream (SPA pods): pixel formats in shared memory, at a limited rate.

use std::io::Cursor;

use crate::error::Error;

use pipewire::spa::buffer::DataType;
use pipewire::spa::buffer::meta::{MetaVideoCrop, Metadata};
use pipewire::spa::param::ParamType;
use pipewire::spa::param::format::{FormatProperties, MediaSubtype, MediaType};
use pipewire::spa::param::format_utils::parse_format;
use pipewire::spa::param::video::{VideoFormat, VideoInfoRaw};
use pipewire::spa::pod::serialize::PodSerializer;
use pipewire::spa::pod::{ChoiceValue, Object, Pod, Property, Value, object, property};
use pipewire::spa::sys;
use pipewire::spa::utils::{Choice, ChoiceEnum, ChoiceFlags, Fraction, Id, Rectangle, SpaTypes};

use super::error::failed;
use super::picture::Order;

/// Greatest width and height that are asked for, in pixels.
const MOST_SIDE: u32 = 16_384;

/// Kind and size of the pictures to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PictureFormat {
    pub(super) order: Order,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl PictureFormat {
    /// What was agreed on; `None` if that is none of what was asked for.
    pub(super) fn read(pod: &Pod) -> Option<Self> {
        let (MediaType::Video, MediaSubtype::Raw) = parse_format(pod).ok()? else { return None };
        let mut info = VideoInfoRaw::new();
        info.parse(pod).ok()?;
        let order = match info.format() {
            VideoFormat::BGRx | VideoFormat::BGRA => Order::Bgrx,
            VideoFormat::RGBx | VideoFormat::RGBA => Order::Rgbx,
            _ => return None,
        };
        let Rectangle { width, height } = info.size();
        Some(Self { order, width, height })
    }
}

/// A parameter as bytes.
pub(super) struct Parameter(Vec<u8>);

impl Parameter {
    fn new(object: Object) -> Result<Self, Error> {
        let bytes = PodSerializer::serialize(Cursor::new(Vec::new()), &Value::Object(object)).map_err(failed)?;
        Ok(Self(bytes.0.into_inner()))
    }

    /// As PipeWire takes it.
    pub(super) fn pod(&self) -> Result<&Pod, Error> {
        Pod::from_bytes(&self.0).ok_or_else(|| failed("a parameter is none"))
    }

    /// Pictures of any size, when something changes, but not more than `fps` a second.
    pub(super) fn formats(fps: u32) -> Result<Self, Error> {
        let (least, most) = (Rectangle { width: 1, height: 1 }, Rectangle { width: MOST_SIDE, height: MOST_SIDE });
        let usual = Rectangle { width: 1920, height: 1080 };
        let any_rate = Fraction { num: 1000, denom: 1 };
        let on_change = Fraction { num: 0, denom: 1 };
        let (slow, fast) = (Fraction { num: 1, denom: 1 }, Fraction { num: fps.max(1), denom: 1 });
        Self::new(object!(
            SpaTypes::ObjectParamFormat,
            ParamType::EnumFormat,
            property!(FormatProperties::MediaType, Id, MediaType::Video),
            property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
            property!(
                FormatProperties::VideoFormat,
                Choice,
                Enum,
                Id,
                VideoFormat::BGRx,
                VideoFormat::BGRx,
                VideoFormat::BGRA,
                VideoFormat::RGBx,
                VideoFormat::RGBA,
            ),
            property!(FormatProperties::VideoSize, Choice, Range, Rectangle, usual, least, most),
            property!(FormatProperties::VideoFramerate, Choice, Range, Fraction, on_change, on_change, any_rate),
            property!(FormatProperties::VideoMaxFramerate, Choice, Range, Fraction, fast, slow, fast),
        ))
    }

    /// Memory that this process can map: none of the graphics card.
    pub(super) fn buffers() -> Result<Self, Error> {
        let kinds = [DataType::MemFd, DataType::MemPtr].map(|kind| 1 << kind.as_raw());
        let (default, flags) = (kinds.iter().sum(), kinds.to_vec());
        let choice = Choice(ChoiceFlags::empty(), ChoiceEnum::Flags { default, flags });
        Self::new(Object {
            type_: SpaTypes::ObjectParamBuffers.as_raw(),
            id: ParamType::Buffers.as_raw(),
            properties: vec![Property::new(sys::SPA_PARAM_BUFFERS_dataType, Value::Choice(ChoiceValue::Int(choice)))],
        })
    }

    /// Which part of a picture is the window: some desktops keep one size while the window changes its own.
    pub(super) fn crop() -> Result<Self, Error> {
        let size = i32::try_from(size_of::<MetaVideoCrop>()).map_err(failed)?;
        Self::new(Object {
            type_: SpaTypes::ObjectParamMeta.as_raw(),
            id: ParamType::Meta.as_raw(),
            properties: vec![
                Property::new(sys::SPA_PARAM_META_type, Value::Id(Id(MetaVideoCrop::META_TYPE))),
                Property::new(sys::SPA_PARAM_META_size, Value::Int(size)),
            ],
        })
    }
}
