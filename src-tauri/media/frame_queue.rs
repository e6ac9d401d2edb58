//! Frames that wait for the window: bounded, and when it cannot follow, whole groups of pictures go rather than single
//! frames, since a delta frame is worth nothing without the ones before it.

use bytes::Bytes;
use confab_ipc::frame;
use confab_wire::{limits, media::EncodedFrame};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// A track that waits for a key frame asks again after this time: requests travel unreliably, as RTCP.
pub const ASK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct Queued {
    handle: u32,
    message: Bytes,
}

/// What a track is in.
#[derive(Debug, Clone, Copy)]
enum Track {
    /// Every frame counts.
    Flowing,
    /// Only a key frame helps; when one was last asked for.
    Skipping { asked: Option<Instant> },
}

/// The queue between the call and one media socket.
///
/// At most [`limits::MEDIA_SOCKET_FRAMES`] wait. One more, and the track with the most waiting frames loses all of them
/// and skips to its next key frame, so one large picture that floods does not freeze the others.
#[derive(Debug, Default)]
pub struct FrameQueue {
    waiting: VecDeque<Queued>,
    tracks: HashMap<u32, Track>,
    /// Pixels of each track's pictures that the window decodes.
    pixels: HashMap<u32, u32>,
}

impl FrameQueue {
    /// Adds a frame of track `handle`. Returns true if a key frame of it must be asked for.
    pub fn push(&mut self, handle: u32, picture: &EncodedFrame, now: Instant) -> bool {
        // A window that just connected has no picture to apply a delta to.
        let track = self.tracks.entry(handle).or_insert(Track::Skipping { asked: None });
        match track {
            _ if picture.key => *track = Track::Flowing,
            Track::Flowing => {}
            Track::Skipping { asked } => {
                let ask = asked.is_none_or(|asked| now.duration_since(asked) >= ASK_AGAIN);
                if ask {
                    *asked = Some(now);
                }
                return ask;
            }
        }
        if !self.fits(handle, picture) {
            self.waiting.retain(|queued| queued.handle != handle);
            self.tracks.insert(handle, Track::Skipping { asked: Some(now) });
            return false;
        }
        if picture.key {
            // Nothing that waits of this track is worth decoding any more.
            self.waiting.retain(|queued| queued.handle != handle);
        }
        if self.waiting.len() >= limits::MEDIA_SOCKET_FRAMES && self.drop_largest() == Some(handle) && !picture.key {
            self.tracks.insert(handle, Track::Skipping { asked: Some(now) });
            return true;
        }
        self.waiting.push_back(Queued { handle, message: frame::encode(handle, picture) });
        false
    }

    /// The oldest message.
    pub fn pop(&mut self) -> Option<Bytes> {
        self.waiting.pop_front().map(|queued| queued.message)
    }

    /// Frames were lost before they came here: every track skips to its next key frame. Returns the handles to ask for.
    pub fn skip_all(&mut self, now: Instant) -> Vec<u32> {
        self.waiting.clear();
        for track in self.tracks.values_mut() {
            *track = Track::Skipping { asked: Some(now) };
        }
        self.tracks.keys().copied().collect()
    }

    /// Another call: its handles are new.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The window decodes a track no longer: it begins anew if it comes again.
    pub fn forget(&mut self, handle: u32) {
        self.waiting.retain(|queued| queued.handle != handle);
        self.tracks.remove(&handle);
        self.pixels.remove(&handle);
    }

    /// Takes the size of a picture into account; false if it is too large beside the others.
    fn fits(&mut self, handle: u32, picture: &EncodedFrame) -> bool {
        let pixels = u32::from(picture.width) * u32::from(picture.height);
        let others = self.pixels.iter().filter(|(other, _)| **other != handle).map(|(_, pixels)| u64::from(*pixels));
        let fits = others.sum::<u64>() + u64::from(pixels) <= u64::from(limits::PICTURES_PIXELS);
        if fits {
            self.pixels.insert(handle, pixels);
        } else {
            self.pixels.remove(&handle);
        }
        fits
    }

    /// Drops what waits of the track with the most waiting frames, and lets it skip.
    fn drop_largest(&mut self) -> Option<u32> {
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for queued in &self.waiting {
            *counts.entry(queued.handle).or_default() += 1;
        }
        let (loser, _) = counts.into_iter().max_by_key(|&(handle, count)| (count, handle))?;
        self.waiting.retain(|queued| queued.handle != loser);
        self.tracks.insert(loser, Track::Skipping { asked: None });
        Some(loser)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::layers::FrameLayer;
    use confab_wire::media::Codec;

    fn picture(key: bool, timestamp: u32) -> EncodedFrame {
        EncodedFrame {
            data: Bytes::from_static(b"x"),
            codec: Codec::Vp8,
            key,
            timestamp,
            width: 0,
            height: 0,
            layer: FrameLayer::default(),
        }
    }

    /// Handle and timestamp of everything that waits.
    fn drain(queue: &mut FrameQueue) -> Vec<(u32, u32)> {
        let number = |message: &Bytes, at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
        std::iter::from_fn(|| queue.pop()).map(|message| (number(&message, 4), number(&message, 8))).collect()
    }

    #[test]
    fn a_track_begins_with_a_key_frame_and_asks_until_it_comes() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        assert!(queue.push(1, &picture(false, 0), now));
        assert!(!queue.push(1, &picture(false, 1), now));
        assert!(queue.push(1, &picture(false, 2), now + ASK_AGAIN), "the request may have been lost");
        assert!(!queue.push(1, &picture(true, 3), now));
        assert!(!queue.push(1, &picture(false, 4), now));
        assert_eq!(drain(&mut queue), [(1, 3), (1, 4)]);
    }

    #[test]
    fn a_key_frame_makes_what_waits_of_its_track_worthless() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        for (handle, key, timestamp) in [(1, true, 0), (2, true, 0), (1, false, 1), (2, false, 1), (1, true, 2)] {
            queue.push(handle, &picture(key, timestamp), now);
        }
        assert_eq!(drain(&mut queue), [(2, 0), (2, 1), (1, 2)]);
    }

    #[test]
    fn a_full_queue_drops_the_largest_track_to_its_next_key_frame() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        queue.push(2, &picture(true, 0), now);
        queue.push(1, &picture(true, 0), now);
        let mut asked = 0;
        for timestamp in 1..1000 {
            asked += u32::from(queue.push(1, &picture(false, timestamp), now));
        }
        assert_eq!(asked, 1);
        assert!(!queue.push(2, &picture(false, 1), now));
        assert_eq!(drain(&mut queue), [(2, 0), (2, 1)], "the small track lost nothing");
        queue.push(1, &picture(true, 1000), now);
        assert_eq!(drain(&mut queue), [(1, 1000)]);
    }

    #[test]
    fn a_small_track_that_meets_a_full_queue_gets_in() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        queue.push(1, &picture(true, 0), now);
        for timestamp in 1..limits::MEDIA_SOCKET_FRAMES as u32 {
            queue.push(1, &picture(false, timestamp), now);
        }
        queue.push(2, &picture(true, 7), now);
        assert!(queue.push(1, &picture(false, 999), now), "and the large one asks with its next frame");
        assert_eq!(drain(&mut queue), [(2, 7)]);
    }

    #[test]
    fn pictures_that_are_too_large_together_do_not_all_go_on() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        let large = |key| EncodedFrame { width: 4096, height: 3072, ..picture(key, 0) };
        for handle in 0..6 {
            queue.push(handle, &large(true), now);
            queue.push(handle, &large(false), now);
        }
        let fit = limits::PICTURES_PIXELS / (4096 * 3072);
        assert_eq!(drain(&mut queue).len(), 2 * fit as usize);
        assert!(!queue.push(6, &picture(true, 1), now));
        assert_eq!(drain(&mut queue), [(6, 1)], "small ones still do");
        // One that is shown no longer gives its place.
        queue.forget(0);
        assert!(queue.push(5, &large(false), now + ASK_AGAIN), "and the next asks for a key frame");
        queue.push(5, &large(true), now);
        assert_eq!(drain(&mut queue), [(5, 0)]);
        // One of a small picture that becomes large by a frame that is none to begin with.
        assert!(!queue.push(6, &large(false), now));
        assert!(drain(&mut queue).is_empty());
    }

    #[test]
    fn a_gap_before_the_queue_makes_every_track_skip() {
        let (mut queue, now) = (FrameQueue::default(), Instant::now());
        queue.push(1, &picture(true, 0), now);
        queue.push(2, &picture(true, 0), now);
        let mut asked = queue.skip_all(now);
        asked.sort_unstable();
        assert_eq!(asked, [1, 2]);
        assert!(!queue.push(1, &picture(false, 1), now));
        assert!(drain(&mut queue).is_empty());
        queue.clear();
        assert!(queue.skip_all(now).is_empty());
    }
}
