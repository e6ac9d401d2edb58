use super::*;
use SpatialLayer::{Full, Half, Quarter};
use confab_wire::layers::VideoSourceRestrictions;

/// The layers of a camera.
pub(crate) const CAMERA: SourceLayers = SourceLayers {
    layered: true,
    full: Some((1280, 720)),
    restrictions: VideoSourceRestrictions::NONE,
    max_framerate: None,
    max_bitrate: 1_500_000,
    degradation: DegradationPreference::Balanced,
};

/// A peer alone on a track: what is encoded follows its target at once.
struct Alone {
    source: SourceLayers,
    selector: LayerSelector,
    constraints: ReceiverConstraints,
    start: Instant,
}

impl Alone {
    fn new(source: SourceLayers, bitrate: u32) -> Self {
        Self {
            source,
            selector: LayerSelector::default(),
            constraints: ReceiverConstraints { bitrate, rendered_size: None },
            start: Instant::now(),
        }
    }

    fn drawn(mut self, width: u16, height: u16) -> Self {
        self.constraints.rendered_size = Some(RenderedSize { width, height });
        self
    }

    /// The layer, temporal layer and reason at so many milliseconds.
    fn at(&mut self, ms: u64) -> (Option<SpatialLayer>, u8, QualityLimitation) {
        let rates = SpatialLayer::ALL.map(|layer| {
            let bitrate = self.constraints.bitrate.min(self.source.ceiling(layer));
            let wanted = self.selector.selection().layer == Some(layer);
            wanted.then_some(LayerDemand { bitrate, key_frames: 0, temporal: TOP_TEMPORAL })
        });
        let now = self.start + Duration::from_millis(ms);
        let selection = self.selector.select(&self.source, &self.constraints, &rates, now);
        (selection.layer, selection.temporal, selection.reason)
    }
}

#[test]
fn the_first_selection_is_made_at_once() {
    for (bitrate, layer, reason) in [
        (u32::MAX, Full, QualityLimitation::None),
        (1_500_000, Full, QualityLimitation::None),
        (500_000, Full, QualityLimitation::None),
        (400_000, Half, QualityLimitation::Bandwidth),
        (100_000, Quarter, QualityLimitation::Bandwidth),
        (1_000, Quarter, QualityLimitation::Bandwidth),
    ] {
        assert_eq!(Alone::new(CAMERA, bitrate).at(0), (Some(layer), 2, reason), "{bitrate} bit/s");
    }
}

#[test]
fn a_shortage_changes_the_layer_when_it_stays_and_plenty_when_it_stays_longer() {
    let mut peer = Alone::new(CAMERA, 1_500_000);
    let mut layers = Vec::new();
    for (until, bitrate) in [
        (1_000, 1_500_000),
        (1_500, 300_000),
        (2_500, 1_500_000),
        (6_000, 300_000),
        (9_000, 600_000),
        (13_000, 1_500_000),
    ] {
        peer.constraints.bitrate = bitrate;
        while layers.len() * 100 < until {
            layers.push(peer.at(layers.len() as u64 * 100).0);
        }
    }
    let change = |after: usize| layers[after..].iter().position(|layer| *layer != layers[after]).map(|at| after + at);
    let down = change(0).unwrap();
    assert_eq!((down, layers[down]), (35, Some(Half)), "a dip of half a second changes nothing; one that stays does");
    let up = change(down).unwrap();
    assert_eq!((up, layers[up]), (110, Some(Full)), "between the two marks it stays");
}

#[test]
fn temporal_layers_go_first_and_at_once_where_others_set_the_rate() {
    let rates = |full| {
        let full = LayerDemand { bitrate: full, key_frames: 0, temporal: TOP_TEMPORAL };
        [None, None, Some(full)]
    };
    let mut selector = LayerSelector::default();
    let start = Instant::now();
    let mut select = |bitrate, ms| {
        let constraints = ReceiverConstraints { bitrate, rendered_size: None };
        let selection = selector.select(&CAMERA, &constraints, &rates(1_500_000), start + Duration::from_millis(ms));
        (selection.layer, selection.temporal, selection.reason)
    };
    assert_eq!(select(1_500_000, 0), (Some(Full), 2, QualityLimitation::None));
    assert_eq!(select(1_440_000, 100), (Some(Full), 2, QualityLimitation::None), "next to nothing is missing");
    assert_eq!(select(1_000_000, 200), (Some(Full), 1, QualityLimitation::Bandwidth));
    assert_eq!(select(620_000, 300), (Some(Full), 0, QualityLimitation::Bandwidth));
    assert_eq!(select(620_000, 1_400), (Some(Half), 2, QualityLimitation::Bandwidth), "a slide show does not stay");
    assert_eq!(select(1_000_000, 1_500), (Some(Half), 2, QualityLimitation::Bandwidth));
    assert_eq!(select(1_000_000, 3_600), (Some(Full), 1, QualityLimitation::Bandwidth), "half the frames at full size");
}

#[test]
fn a_small_tile_asks_for_a_small_layer_and_gets_a_larger_one_at_once_when_it_grows() {
    let mut peer = Alone::new(CAMERA, u32::MAX).drawn(200, 112);
    assert_eq!(peer.at(0), (Some(Quarter), 2, QualityLimitation::RenderedSize));
    peer.constraints.rendered_size = Some(RenderedSize { width: 640, height: 360 });
    assert_eq!(peer.at(10).0, Some(Half));
    peer.constraints.rendered_size = Some(RenderedSize { width: 700, height: 394 });
    assert_eq!(peer.at(20).0, Some(Half), "a little larger is no reason for four times the pixels");
    peer.constraints.rendered_size = Some(RenderedSize { width: 1920, height: 1080 });
    assert_eq!(peer.at(30), (Some(Full), 2, QualityLimitation::None));
    peer.constraints.rendered_size = Some(RenderedSize { width: 300, height: 169 });
    assert_eq!(peer.at(40).0, Some(Quarter));
    peer.constraints.rendered_size = Some(RenderedSize::HIDDEN);
    assert_eq!(peer.at(50), (None, 0, QualityLimitation::RenderedSize));
    peer.constraints.rendered_size = None;
    assert_eq!(peer.at(60), (Some(Full), 2, QualityLimitation::None));
}

#[test]
fn a_picture_that_keeps_its_size_loses_frames_instead() {
    let screen = SourceLayers { degradation: DegradationPreference::MaintainResolution, ..CAMERA };
    for (bitrate, temporal) in [(1_500_000, 2), (420_000, 1), (300_000, 1), (150_000, 0), (50_000, 0)] {
        let mut peer = Alone::new(screen, 1_500_000);
        peer.at(0);
        peer.constraints.bitrate = bitrate;
        for ms in (0..20_000).step_by(100) {
            peer.at(ms);
        }
        let reason = if temporal < 2 { QualityLimitation::Bandwidth } else { QualityLimitation::None };
        assert_eq!(peer.at(20_000), (Some(Full), temporal, reason), "{bitrate} bit/s");
    }
    assert_eq!(Alone::new(screen, 50_000).drawn(200, 112).at(0).0, Some(Quarter), "what is drawn counts all the same");
}

#[test]
fn a_computer_that_can_do_no_more_is_said_to_be_the_reason() {
    let mut peer = Alone::new(CAMERA, u32::MAX);
    assert_eq!(peer.at(0).0, Some(Full));
    peer.source.restrictions.top = Half;
    assert_eq!(peer.at(10), (Some(Half), 2, QualityLimitation::Cpu));
    peer.source.restrictions = VideoSourceRestrictions { temporal: 1, ..VideoSourceRestrictions::NONE };
    assert_eq!(peer.at(20), (Some(Full), 1, QualityLimitation::Cpu));
    peer.source.restrictions = VideoSourceRestrictions::NONE;
    assert_eq!(peer.at(30), (Some(Full), 2, QualityLimitation::None));
}

#[test]
fn a_source_of_one_layer_has_one() {
    let plain = SourceLayers {
        layered: false,
        restrictions: VideoSourceRestrictions { top: Quarter, ..VideoSourceRestrictions::NONE },
        ..CAMERA
    };
    assert_eq!(Alone::new(plain, 10_000).drawn(20, 20).at(0).0, Some(Full));
    let tiny = SourceLayers { full: Some((320, 180)), ..CAMERA };
    assert_eq!(Alone::new(tiny, 1_000).at(0).0, Some(Half), "there is no quarter of it");
}

#[test]
fn where_motion_counts_a_smaller_picture_comes_before_fewer_frames() {
    let rates = [None, None, Some(LayerDemand { bitrate: 1_500_000, key_frames: 0, temporal: TOP_TEMPORAL })];
    let stays = |degradation| {
        let (source, mut selector) = (SourceLayers { degradation, ..CAMERA }, LayerSelector::default());
        let (start, constraints) = (Instant::now(), ReceiverConstraints { bitrate: 1_000_000, rendered_size: None });
        let at = |ms| selector.select(&source, &constraints, &rates, start + Duration::from_millis(ms));
        let selection = (0..5_000).step_by(100).map(at).last().unwrap();
        (selection.layer, selection.temporal)
    };
    assert_eq!(stays(DegradationPreference::Balanced), (Some(Full), 1));
    assert_eq!(stays(DegradationPreference::MaintainResolution), (Some(Full), 1));
    assert_eq!(stays(DegradationPreference::MaintainFramerate), (Some(Half), 2));
}

#[test]
fn the_bound_of_the_bitrate_counts_like_a_line() {
    for (degradation, expected) in [
        (DegradationPreference::Balanced, (Some(Quarter), 2, QualityLimitation::Bandwidth)),
        (DegradationPreference::MaintainFramerate, (Some(Quarter), 2, QualityLimitation::Bandwidth)),
        (DegradationPreference::MaintainResolution, (Some(Full), 0, QualityLimitation::Bandwidth)),
    ] {
        let mut peer = Alone::new(CAMERA, u32::MAX);
        assert_eq!(peer.at(0), (Some(Full), 2, QualityLimitation::None));
        peer.source = SourceLayers { degradation, max_bitrate: 100_000, ..CAMERA };
        assert_eq!((0..5_000).step_by(100).map(|ms| peer.at(ms)).last(), Some(expected), "{degradation:?}");
        peer.source.max_bitrate = 1_500_000;
        let whole = (Some(Full), 2, QualityLimitation::None);
        assert_eq!((5_000..10_000).step_by(100).map(|ms| peer.at(ms)).last(), Some(whole), "{degradation:?}");
    }
}
