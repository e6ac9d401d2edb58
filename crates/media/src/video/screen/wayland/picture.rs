//! Pictures of PipeWire: out of its memory, and from its thread to the one that looks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use confab_wire::UserError;

use crate::video::screen::bgrx::{PIXEL, Picture};

/// Order of a pixel's colours in memory; a fourth byte means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Bgrx,
    Rgbx,
}

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Part {
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
    /// Becomes a part of what lies in `memory` in rows of `stride` bytes. False, and nothing is changed, if `memory` does not
    /// hold it.
    pub(super) fn read(&mut self, memory: &[u8], stride: usize, order: Order, part: Part) -> bool {
        let (left, row) = (part.x as usize * PIXEL, part.width as usize * PIXEL);
        let last = (part.y as usize + part.height as usize).saturating_sub(1);
        let held = last.checked_mul(stride).and_then(|start| start.checked_add(left + row));
        if left + row > stride || held.is_none_or(|bytes| bytes > memory.len()) {
            return false;
        }
        (self.width, self.height) = (part.width, part.height);
        self.data.clear();
        for line in memory.chunks(stride).skip(part.y as usize).take(part.height as usize) {
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
pub(super) struct Newest(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    picture: Picture,
    /// Nobody took it yet.
    fresh: bool,
    ended: Option<UserError>,
}

impl Newest {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a picture in and gives an older one back, whose memory may be used again.
    pub(super) fn put(&self, picture: &mut Picture) {
        let mut state = self.lock();
        std::mem::swap(&mut state.picture, picture);
        state.fresh = true;
    }

    /// Whether nobody took the newest picture yet.
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
    pub(super) fn end(&self, reason: UserError) {
        self.lock().ended.get_or_insert(reason);
    }

    /// Why there will be no more.
    pub(super) fn ended(&self) -> Option<UserError> {
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
        assert!(picture.read(&memory, stride, Order::Bgrx, Part::whole(3, 2)));
        let shown = picture.as_bgrx().expect("a picture");
        assert_eq!((shown.width, shown.height, &shown.data[16..]), (3, 2, &[1, 1, 2, 9, 2, 1, 3, 9][..]));
        assert!(picture.read(&memory, stride, Order::Rgbx, Part { x: 1, y: 1, width: 2, height: 1 }));
        let shown = picture.as_bgrx().expect("a picture");
        assert_eq!((shown.width, shown.height, shown.data), (2, 1, &[2, 1, 1, 9, 3, 1, 2, 9][..]));
    }

    #[test]
    fn the_last_row_needs_no_padding_and_what_memory_does_not_hold_is_no_picture() {
        let (memory, stride) = memory(3, 2);
        let whole = Part::whole(3, 2);
        let mut picture = Picture::default();
        assert!(picture.read(&memory[..memory.len() - 8], stride, Order::Bgrx, whole));
        assert!(!picture.read(&memory[..memory.len() - 9], stride, Order::Bgrx, whole));
        assert!(!picture.read(&memory, 11, Order::Bgrx, whole), "rows shorter than the picture");
        assert!(!picture.read(&memory, usize::MAX, Order::Bgrx, whole));
        assert!(!picture.read(&[], stride, Order::Bgrx, whole));
        assert_eq!(picture.as_bgrx().expect("the former").data.len(), 24);
    }

    #[test]
    fn a_part_is_inside_or_is_none() {
        assert!(Part { x: 1, y: 1, width: 2, height: 1 }.is_inside(3, 2));
        for part in [
            Part { x: 2, y: 1, width: 2, height: 1 },
            Part { x: 0, y: 2, width: 2, height: 1 },
            Part { x: 0, y: 0, width: 0, height: 1 },
            Part { x: u32::MAX, y: 0, width: 2, height: 1 },
        ] {
            assert!(!part.is_inside(3, 2), "{part:?}");
        }
    }

    #[test]
    fn the_newest_picture_is_taken_once_and_the_first_reason_to_end_stands() {
        let (newest, mut drawn, mut shown) = (Newest::default(), Picture::default(), Picture::default());
        let size = |picture: &Picture| picture.as_bgrx().map(|shown| shown.width);
        for side in [1, 2] {
            assert!(drawn.read(&[7; 16], 8, Order::Bgrx, Part::whole(side, 1)));
            newest.put(&mut drawn);
        }
        assert!(newest.is_fresh());
        newest.take(&mut shown);
        assert_eq!((size(&shown), newest.is_fresh()), (Some(2), false));
        newest.take(&mut shown);
        assert_eq!(size(&shown), Some(2), "it stays");
        assert_eq!(newest.ended(), None);
        newest.end(super::super::error::gone());
        newest.end(super::super::error::failed("late"));
        assert_eq!(newest.ended(), Some(super::super::error::gone()));
    }
}
