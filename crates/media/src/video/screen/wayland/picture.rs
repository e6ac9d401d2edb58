//! Pictures of PipeWire: copied out of its memory, and handed from its thread to the capture thread.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::video::screen::bgrx::{PIXEL, Picture};

/// Order of a pixel's colours in memory; a fourth byte means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Bgrx,
    Rgbx,
}

/// A crop of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crop {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Crop {
    /// All of a picture of this size.
    pub(super) fn whole(width: u32, height: u32) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// Whether a picture of this size has it in it.
    pub(super) fn is_inside(&self, width: u32, height: u32) -> bool {
        let fits =
            |start: u32, length: u32, all: u32| length > 0 && start.checked_add(length).is_some_and(|end| end <= all);
        fits(self.x, self.width, width) && fits(self.y, self.height, height)
    }
}

impl Picture {
    /// Becomes a crop of the picture in `memory`, which has rows of `stride` bytes. False, and nothing is changed, if
    /// `memory` does not hold it.
    pub(super) fn read(&mut self, memory: &[u8], stride: usize, order: Order, crop: Crop) -> bool {
        let (left, row) = (crop.x as usize * PIXEL, crop.width as usize * PIXEL);
        let last = (crop.y as usize + crop.height as usize).saturating_sub(1);
        let needed = last.checked_mul(stride).and_then(|start| start.checked_add(left + row));
        if left + row > stride || needed.is_none_or(|bytes| bytes > memory.len()) {
            return false;
        }
        (self.width, self.height) = (crop.width, crop.height);
        self.data.clear();
        for line in memory.chunks(stride).skip(crop.y as usize).take(crop.height as usize) {
            self.data.extend_from_slice(&line[left..left + row]);
        }
        if order == Order::Rgbx {
            self.put_blue_first();
        }
        true
    }
}

/// The newest picture, and whether there will be more.
#[derive(Debug, Default)]
pub(super) struct LatestPicture(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    picture: Picture,
    /// It was not taken yet.
    fresh: bool,
    ended: Option<Error>,
}

impl LatestPicture {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a picture in and gives an older one back, whose memory may be used again.
    pub(super) fn put(&self, picture: &mut Picture) {
        let mut state = self.lock();
        std::mem::swap(&mut state.picture, picture);
        state.fresh = true;
    }

    /// Whether the latest picture was not taken yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.lock().fresh
    }

    /// Replaces `picture` by the newest one if that was not taken yet.
    pub(super) fn take(&self, picture: &mut Picture) {
        let mut state = self.lock();
        if std::mem::take(&mut state.fresh) {
            std::mem::swap(&mut state.picture, picture);
        }
    }

    /// There will be no more. The first reason stands.
    pub(super) fn end(&self, reason: Error) {
        self.lock().ended.get_or_insert(reason);
    }

    /// Why there will be no more.
    pub(super) fn ended(&self) -> Option<Error> {
        self.lock().ended.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels whose bytes are x, y, x + y and 9, in rows with 8 bytes of padding.
    fn memory(width: u8, height: u8) -> (Vec<u8>, usize) {
        let row = |y: u8| (0..width).flat_map(move |x| [x, y, x + y, 9]).chain([0xEE; 8]);
        ((0..height).flat_map(row).collect(), usize::from(width) * PIXEL + 8)
    }

    #[test]
    fn padding_is_left_out_and_colours_are_put_in_order() {
        let (memory, stride) = memory(3, 2);
        let mut picture = Picture::default();
        assert!(picture.as_bgrx().is_none());
        assert!(picture.read(&memory, stride, Order::Bgrx, Crop::whole(3, 2)));
        let shown = picture.as_bgrx().expect("a picture");
        assert_eq!((shown.width, shown.height, &shown.data[16..]), (3, 2, &[1, 1, 2, 9, 2, 1, 3, 9][..]));
        assert!(picture.read(&memory, stride, Order::Rgbx, Crop { x: 1, y: 1, width: 2, height: 1 }));
        let shown = picture.as_bgrx().expect("a picture");
        assert_eq!((shown.width, shown.height, shown.data), (2, 1, &[2, 1, 1, 9, 3, 1, 2, 9][..]));
    }

    #[test]
    fn the_last_row_needs_no_padding_and_what_memory_does_not_hold_is_no_picture() {
        let (memory, stride) = memory(3, 2);
        let whole = Crop::whole(3, 2);
        let mut picture = Picture::default();
        assert!(picture.read(&memory[..memory.len() - 8], stride, Order::Bgrx, whole));
        assert!(!picture.read(&memory[..memory.len() - 9], stride, Order::Bgrx, whole));
        assert!(!picture.read(&memory, 11, Order::Bgrx, whole), "rows shorter than the picture");
        assert!(!picture.read(&memory, usize::MAX, Order::Bgrx, whole));
        assert!(!picture.read(&[], stride, Order::Bgrx, whole));
        assert_eq!(picture.as_bgrx().expect("the former").data.len(), 24);
    }

    #[test]
    fn a_crop_is_inside_or_is_none() {
        assert!(Crop { x: 1, y: 1, width: 2, height: 1 }.is_inside(3, 2));
        for crop in [
            Crop { x: 2, y: 1, width: 2, height: 1 },
            Crop { x: 0, y: 2, width: 2, height: 1 },
            Crop { x: 0, y: 0, width: 0, height: 1 },
            Crop { x: u32::MAX, y: 0, width: 2, height: 1 },
        ] {
            assert!(!crop.is_inside(3, 2), "{crop:?}");
        }
    }

    #[test]
    fn the_newest_picture_is_taken_once_and_the_first_reason_to_end_stands() {
        let (latest, mut drawn, mut shown) = (LatestPicture::default(), Picture::default(), Picture::default());
        let size = |picture: &Picture| picture.as_bgrx().map(|shown| shown.width);
        for side in [1, 2] {
            assert!(drawn.read(&[7; 16], 8, Order::Bgrx, Crop::whole(side, 1)));
            latest.put(&mut drawn);
        }
        assert!(latest.is_fresh());
        latest.take(&mut shown);
        assert_eq!((size(&shown), latest.is_fresh()), (Some(2), false));
        latest.take(&mut shown);
        assert_eq!(size(&shown), Some(2), "it stays");
        assert_eq!(latest.ended(), None);
        latest.end(super::super::error::gone());
        latest.end(super::super::error::failed("late"));
        assert_eq!(latest.ended(), Some(super::super::error::gone()));
    }
}
