//! An encoder that is really too slow: whenever it is done with a picture, the next one is there.

use super::*;
use crate::error::ErrorKind;
use crate::testing::pattern;
use confab_wire::{
    layers::{SpatialLayer, TOP_TEMPORAL},
    media::{ContentHint, DegradationPreference, EncodedFrame},
};

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const CONFIG: VideoConfig = VideoConfig { width: 640, height: 360, fps: 30, bitrate: 800_000 };

struct Overload {
    encoding: EncodeLoop,
    demand: watch::Sender<VideoDemand>,
    restrictions: watch::Receiver<VideoSourceRestrictions>,
    events: mpsc::Receiver<VideoEvent>,
    pictures: Vec<I420Frame>,
    begun: Instant,
    count: u32,
}

impl Overload {
    fn new(content_hint: ContentHint) -> Self {
        let demand = watch::Sender::new(VideoDemand { content_hint, ..VideoDemand::full() });
        let (sender, restrictions) = watch::channel(VideoSourceRestrictions::NONE);
        let (told, events) = mpsc::channel(4 * SPATIAL_LAYERS);
        let reports = Reports { events: told, stats: Arc::default(), restrictions: sender };
        let encoding = EncodeLoop::new(CONFIG, Arc::default(), StopFlag::default(), demand.subscribe(), reports, None);
        let picture = |number| {
            let mut picture = I420Frame::new(CONFIG.width, CONFIG.height);
            pattern::draw(&mut picture, number, 0);
            picture
        };
        let pictures = (0..16).map(picture).collect();
        Self { encoding, demand, restrictions, events, pictures, begun: Instant::now(), count: 0 }
    }

    /// What comes of the next picture. To the encoder it is one of 30 a second.
    fn next(&mut self) -> Vec<EncodedFrame> {
        let picture = &self.pictures[self.count as usize % self.pictures.len()];
        let captured = self.begun + Duration::from_secs(1) * self.count / CONFIG.fps;
        self.count += 1;
        self.encoding.picture(picture, captured, 0).unwrap();
        let frame = |event| match event {
            VideoEvent::Frame(frame) => frame,
            VideoEvent::Failed(error) => panic!("{error}"),
        };
        std::iter::from_fn(|| self.events.try_recv().ok()).map(frame).collect()
    }

    /// Goes on until less is encoded, and then asks for no larger layer, as an engine does.
    fn relieved(&mut self) -> VideoSourceRestrictions {
        let begun = Instant::now();
        while !self.restrictions.has_changed().unwrap() {
            assert!(begun.elapsed() < PATIENCE, "nothing was done against the load");
            self.next();
        }
        let restrictions = *self.restrictions.borrow_and_update();
        self.demand.send_modify(|demand| {
            let wanted = demand.layers.iter_mut().find_map(Option::take);
            demand.layers[restrictions.top.index()] = wanted;
        });
        restrictions
    }

    /// Layers and temporal layers of the frames of 40 pictures.
    fn frames(&mut self) -> Vec<(SpatialLayer, u8)> {
        let frames = (0..40).flat_map(|_| self.next()).collect::<Vec<_>>();
        frames.iter().map(|frame| (frame.layer.spatial, frame.layer.temporal)).collect()
    }
}

#[test]
fn who_cannot_keep_up_encodes_smaller_pictures_and_then_fewer() {
    use SpatialLayer::{Half, Quarter};
    let mut camera = Overload::new(ContentHint::None);
    let frames = camera.frames();
    assert!(frames.contains(&(SpatialLayer::Full, TOP_TEMPORAL)), "{frames:?}");
    for (top, temporal) in [(Half, TOP_TEMPORAL), (Quarter, TOP_TEMPORAL), (Quarter, 1)] {
        assert_eq!(camera.relieved(), VideoSourceRestrictions { top, temporal });
    }
    let frames = camera.frames();
    assert!((10..=20).contains(&frames.len()), "{} of 40 pictures", frames.len());
    assert!(frames.iter().all(|(layer, temporal)| *layer == Quarter && *temporal <= 1), "{frames:?}");

    // The same load, and a picture that has to be sharp: its frames are what is left to give up.
    let sharp = Some(DegradationPreference::MaintainResolution);
    camera.demand.send_modify(|demand| demand.degradation_preference = sharp);
    assert_eq!(camera.relieved(), VideoSourceRestrictions { top: SpatialLayer::Full, temporal: 0 });
}

#[test]
fn silence_ends_a_source_that_has_no_right_to_it() {
    let short = SilenceLimit { most: LOOK_EVERY, meaning: ErrorKind::CameraFailed };
    for (silence, failed) in [(Some(short.clone()), Some(ErrorKind::CameraFailed)), (None, None)] {
        let mut source = Overload::new(ContentHint::None);
        source.encoding.silence = silence.clone();
        let stop = source.encoding.stop.clone();
        let running = std::thread::spawn(move || source.encoding.run());
        if silence.is_none() {
            std::thread::sleep(4 * LOOK_EVERY);
            assert!(!running.is_finished());
            stop.set();
        }
        running.join().unwrap();
        let told = source.events.try_recv().ok().map(|event| match event {
            VideoEvent::Failed(error) => error.kind().clone(),
            VideoEvent::Frame(_) => panic!("a frame of nothing"),
        });
        assert_eq!(told, failed);
    }
}

#[test]
fn who_cannot_keep_up_with_detail_encodes_fewer_pictures() {
    use SpatialLayer::Full;
    let mut screen = Overload::new(ContentHint::Detail);
    for temporal in [1, 0] {
        assert_eq!(screen.relieved(), VideoSourceRestrictions { top: Full, temporal });
    }
    let frames = screen.frames();
    assert!((5..=10).contains(&frames.len()), "{} of 40 pictures", frames.len());
    assert!(frames.iter().all(|frame| *frame == (Full, 0)), "{frames:?}");
}
