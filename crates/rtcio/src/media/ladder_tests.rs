use super::*;
use SpatialLayer::{Full, Half, Quarter};

/// A camera's ladder.
pub(crate) const SUPPLY: Supply = Supply {
    layered: true,
    full: Some((1280, 720)),
    relief: Relief::NONE,
    max_framerate: None,
    max_bitrate: 1_500_000,
    degradation: DegradationPreference::Balanced,
};

/// A peer alone on a track: what is encoded follows its target at once.
struct Alone {
    supply: Supply,
    chooser: Chooser,
    wants: Wants,
    start: Instant,
}

impl Alone {
    fn new(supply: Supply, bitrate: u32) -> Self {
        Self { supply, chooser: Chooser::default(), wants: Wants { bitrate, drawn: None }, start: Instant::now() }
    }

    fn drawn(mut self, width: u16, height: u16) -> Self {
        self.wants.drawn = Some(Drawn { width, height });
        self
    }

    /// The layer, temporal layer and reason at so many milliseconds.
    fn at(&mut self, ms: u64) -> (Option<SpatialLayer>, u8, Reason) {
        let rates = SpatialLayer::ALL.map(|layer| {
            let bitrate = self.wants.bitrate.min(self.supply.ceiling(layer));
            let wanted = self.chooser.choice().layer == Some(layer);
            wanted.then_some(LayerDemand { bitrate, key_frames: 0, temporal: TOP_TEMPORAL })
        });
        let now = self.start + Duration::from_millis(ms);
        let choice = self.chooser.choose(&self.supply, &self.wants, &rates, now);
        (choice.layer, choice.temporal, choice.reason)
    }
}

#[test]
fn the_first_choice_is_made_at_once() {
    for (bitrate, layer, reason) in [
        (u32::MAX, Full, Reason::None),
        (1_500_000, Full, Reason::None),
        (500_000, Full, Reason::None),
        (400_000, Half, Reason::Bandwidth),
        (100_000, Quarter, Reason::Bandwidth),
        (1_000, Quarter, Reason::Bandwidth),
    ] {
        assert_eq!(Alone::new(SUPPLY, bitrate).at(0), (Some(layer), 2, reason), "{bitrate} bit/s");
    }
}

#[test]
fn a_shortage_changes_the_layer_when_it_stays_and_plenty_when_it_stays_longer() {
    let mut peer = Alone::new(SUPPLY, 1_500_000);
    let mut layers = Vec::new();
    for (until, bitrate) in [
        (1_000, 1_500_000),
        (1_500, 300_000),
        (2_500, 1_500_000),
        (6_000, 300_000),
        (9_000, 600_000),
        (13_000, 1_500_000),
    ] {
        peer.wants.bitrate = bitrate;
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
    let mut chooser = Chooser::default();
    let start = Instant::now();
    let mut choose = |bitrate, ms| {
        let wants = Wants { bitrate, drawn: None };
        let choice = chooser.choose(&SUPPLY, &wants, &rates(1_500_000), start + Duration::from_millis(ms));
        (choice.layer, choice.temporal, choice.reason)
    };
    assert_eq!(choose(1_500_000, 0), (Some(Full), 2, Reason::None));
    assert_eq!(choose(1_440_000, 100), (Some(Full), 2, Reason::None), "next to nothing is missing");
    assert_eq!(choose(1_000_000, 200), (Some(Full), 1, Reason::Bandwidth));
    assert_eq!(choose(620_000, 300), (Some(Full), 0, Reason::Bandwidth));
    assert_eq!(choose(620_000, 1_400), (Some(Half), 2, Reason::Bandwidth), "a slide show does not stay");
    assert_eq!(choose(1_000_000, 1_500), (Some(Half), 2, Reason::Bandwidth));
    assert_eq!(choose(1_000_000, 3_600), (Some(Full), 1, Reason::Bandwidth), "half the frames at full size");
}

#[test]
fn a_small_tile_asks_for_a_small_layer_and_gets_a_larger_one_at_once_when_it_grows() {
    let mut peer = Alone::new(SUPPLY, u32::MAX).drawn(200, 112);
    assert_eq!(peer.at(0), (Some(Quarter), 2, Reason::Drawn));
    peer.wants.drawn = Some(Drawn { width: 640, height: 360 });
    assert_eq!(peer.at(10).0, Some(Half));
    peer.wants.drawn = Some(Drawn { width: 700, height: 394 });
    assert_eq!(peer.at(20).0, Some(Half), "a little larger is no reason for four times the pixels");
    peer.wants.drawn = Some(Drawn { width: 1920, height: 1080 });
    assert_eq!(peer.at(30), (Some(Full), 2, Reason::None));
    peer.wants.drawn = Some(Drawn { width: 300, height: 169 });
    assert_eq!(peer.at(40).0, Some(Quarter));
    peer.wants.drawn = Some(Drawn::HIDDEN);
    assert_eq!(peer.at(50), (None, 0, Reason::Drawn));
    peer.wants.drawn = None;
    assert_eq!(peer.at(60), (Some(Full), 2, Reason::None));
}

#[test]
fn a_picture_that_keeps_its_size_loses_frames_instead() {
    let screen = Supply { degradation: DegradationPreference::MaintainResolution, ..SUPPLY };
    for (bitrate, temporal) in [(1_500_000, 2), (420_000, 1), (300_000, 1), (150_000, 0), (50_000, 0)] {
        let mut peer = Alone::new(screen, 1_500_000);
        peer.at(0);
        peer.wants.bitrate = bitrate;
        for ms in (0..20_000).step_by(100) {
            peer.at(ms);
        }
        let reason = if temporal < 2 { Reason::Bandwidth } else { Reason::None };
        assert_eq!(peer.at(20_000), (Some(Full), temporal, reason), "{bitrate} bit/s");
    }
    assert_eq!(Alone::new(screen, 50_000).drawn(200, 112).at(0).0, Some(Quarter), "what is drawn counts all the same");
}

#[test]
fn a_computer_that_can_do_no_more_is_said_to_be_the_reason() {
    let mut peer = Alone::new(SUPPLY, u32::MAX);
    assert_eq!(peer.at(0).0, Some(Full));
    peer.supply.relief.top = Half;
    assert_eq!(peer.at(10), (Some(Half), 2, Reason::Cpu));
    peer.supply.relief = Relief { temporal: 1, ..Relief::NONE };
    assert_eq!(peer.at(20), (Some(Full), 1, Reason::Cpu));
    peer.supply.relief = Relief::NONE;
    assert_eq!(peer.at(30), (Some(Full), 2, Reason::None));
}

#[test]
fn a_source_of_one_layer_has_one() {
    let plain = Supply { layered: false, relief: Relief { top: Quarter, ..Relief::NONE }, ..SUPPLY };
    assert_eq!(Alone::new(plain, 10_000).drawn(20, 20).at(0).0, Some(Full));
    let tiny = Supply { full: Some((320, 180)), ..SUPPLY };
    assert_eq!(Alone::new(tiny, 1_000).at(0).0, Some(Half), "there is no quarter of it");
}

#[test]
fn where_motion_counts_a_smaller_picture_comes_before_fewer_frames() {
    let rates = [None, None, Some(LayerDemand { bitrate: 1_500_000, key_frames: 0, temporal: TOP_TEMPORAL })];
    let stays = |degradation| {
        let (supply, mut chooser) = (Supply { degradation, ..SUPPLY }, Chooser::default());
        let (start, wants) = (Instant::now(), Wants { bitrate: 1_000_000, drawn: None });
        let at = |ms| chooser.choose(&supply, &wants, &rates, start + Duration::from_millis(ms));
        let choice = (0..5_000).step_by(100).map(at).last().unwrap();
        (choice.layer, choice.temporal)
    };
    assert_eq!(stays(DegradationPreference::Balanced), (Some(Full), 1));
    assert_eq!(stays(DegradationPreference::MaintainResolution), (Some(Full), 1));
    assert_eq!(stays(DegradationPreference::MaintainFramerate), (Some(Half), 2));
}

#[test]
fn the_bound_of_the_bitrate_counts_like_a_line() {
    for (degradation, expected) in [
        (DegradationPreference::Balanced, (Some(Quarter), 2, Reason::Bandwidth)),
        (DegradationPreference::MaintainFramerate, (Some(Quarter), 2, Reason::Bandwidth)),
        (DegradationPreference::MaintainResolution, (Some(Full), 0, Reason::Bandwidth)),
    ] {
        let mut peer = Alone::new(SUPPLY, u32::MAX);
        assert_eq!(peer.at(0), (Some(Full), 2, Reason::None));
        peer.supply = Supply { degradation, max_bitrate: 100_000, ..SUPPLY };
        assert_eq!((0..5_000).step_by(100).map(|ms| peer.at(ms)).last(), Some(expected), "{degradation:?}");
        peer.supply.max_bitrate = 1_500_000;
        let whole = (Some(Full), 2, Reason::None);
        assert_eq!((5_000..10_000).step_by(100).map(|ms| peer.at(ms)).last(), Some(whole), "{degradation:?}");
    }
}
