use super::*;
use SpatialLayer::{Full, Half};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn layer(spatial: SpatialLayer, temporal: u8) -> FrameLayer {
    FrameLayer { spatial, temporal, sync: false }
}

fn sync(temporal: u8) -> FrameLayer {
    FrameLayer { spatial: Full, temporal, sync: true }
}

#[test]
fn nothing_passes_before_a_key_frame_of_the_wanted_layer() {
    let mut switch = LayerSwitch::default();
    assert!(!switch.admit(layer(Full, 0), false, Some(Full), 2));
    assert!(!switch.admit(layer(Half, 0), true, Some(Full), 2));
    assert!(switch.admit(layer(Full, 0), true, Some(Full), 2));
    assert_eq!(switch.current(), Some(Full));
    assert!(switch.admit(layer(Full, 2), false, Some(Full), 2));
    switch.interrupt();
    assert!(!switch.admit(layer(Full, 0), false, Some(Full), 2));
}

#[test]
fn the_old_layer_goes_on_until_the_new_one_begins() {
    let mut switch = LayerSwitch::default();
    assert!(switch.admit(layer(Full, 0), true, Some(Full), 2));
    assert!(switch.admit(layer(Full, 0), false, Some(Half), 2));
    assert!(!switch.admit(layer(Half, 0), false, Some(Half), 2));
    assert!(switch.admit(layer(Half, 0), true, Some(Half), 2));
    assert!(!switch.admit(layer(Full, 0), false, Some(Half), 2));
    assert!(!switch.admit(layer(Full, 0), true, Some(Half), 2), "nor by a key frame for somebody else");
    assert!(!switch.admit(layer(Half, 0), false, None, 0));
    assert!(!switch.admit(layer(Half, 0), false, Some(Half), 2), "who was hidden has missed frames");
}

#[test]
fn a_temporal_layer_is_left_at_once_and_taken_up_one_by_one() {
    let mut switch = LayerSwitch::default();
    let mut admit = |frame: FrameLayer, highest| switch.admit(frame, false, Some(Full), highest);
    assert!(!admit(layer(Full, 0), 2));
    assert!(switch.admit(layer(Full, 0), true, Some(Full), 2));
    let mut admit = |frame: FrameLayer, highest| switch.admit(frame, false, Some(Full), highest);
    assert!(admit(layer(Full, 2), 2));
    assert!(!admit(sync(2), 0) && !admit(sync(1), 0) && admit(layer(Full, 0), 0));
    assert!(!admit(layer(Full, 1), 2), "it may refer to one that was left out");
    assert!(!admit(sync(2), 2), "the frames after it refer to layer 1");
    assert!(admit(sync(1), 2));
    assert!(!admit(layer(Full, 2), 2));
    assert!(admit(layer(Full, 0), 2) && admit(sync(2), 2) && admit(sync(1), 2) && admit(layer(Full, 2), 2));
}

/// Frames of one layer, and which frames its encoder's buffers hold (the rules of [`FrameLayer`]).
#[derive(Default)]
struct Encoder {
    position: usize,
    base: u32,
    middle: u32,
}

/// A frame with the frames that it refers to.
struct Made {
    layer: FrameLayer,
    key: bool,
    needs: Vec<u32>,
}

impl Encoder {
    fn frame(&mut self, spatial: SpatialLayer, id: u32, key: bool) -> Made {
        if key {
            self.position = 0;
        }
        let (temporal, sync) = [(0, false), (2, true), (1, true), (2, false)][self.position % 4];
        self.position += 1;
        let needs = match (key, temporal, sync) {
            (true, ..) => vec![],
            (_, 2, false) => vec![self.base, self.middle],
            _ => vec![self.base],
        };
        if key || temporal == 1 {
            self.middle = id;
        }
        if temporal == 0 {
            self.base = id;
        }
        Made { layer: FrameLayer { spatial, temporal, sync }, key, needs }
    }
}

#[test]
fn whatever_is_left_out_every_frame_finds_what_it_refers_to() {
    for seed in 0..300 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut encoders: [Encoder; 3] = Default::default();
        let mut switch = LayerSwitch::default();
        // What the receiver has since the last key frame.
        let mut has: Vec<u32> = Vec::new();
        let (mut wanted, mut highest) = (Some(Full), TOP_TEMPORAL);
        for number in 0..600_u32 {
            if random.random_ratio(1, 20) {
                wanted = [None, Some(SpatialLayer::Quarter), Some(Half), Some(Full)][random.random_range(0..4)];
            }
            if random.random_ratio(1, 6) {
                highest = random.random_range(0..=TOP_TEMPORAL);
            }
            for (spatial, encoder) in SpatialLayer::ALL.into_iter().zip(&mut encoders) {
                let id = 3 * number + spatial as u32;
                // The rate control drops one now and then: nobody has it, and nothing refers to it.
                if number > 0 && random.random_ratio(1, 15) {
                    encoder.position += 1;
                    continue;
                }
                let frame = encoder.frame(spatial, id, number == 0 || random.random_ratio(1, 25));
                if !switch.admit(frame.layer, frame.key, wanted, highest) {
                    continue;
                }
                if random.random_ratio(1, 50) {
                    // It got lost on the way to the peer.
                    switch.interrupt();
                    continue;
                }
                if frame.key {
                    has.clear();
                }
                let missing: Vec<&u32> = frame.needs.iter().filter(|id| !has.contains(id)).collect();
                assert!(missing.is_empty(), "seed {seed}: frame {id}, {:?}, lacks {missing:?}", frame.layer);
                has.push(id);
            }
        }
        assert!(!has.is_empty(), "seed {seed}: nothing passed");
    }
}
