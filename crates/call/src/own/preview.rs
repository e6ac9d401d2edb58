//! The own picture in the own window: one more that wants something of the encoder, and takes what the peers get.

use confab_wire::{
    layers::{LayerDemand, RenderedSize, SPATIAL_LAYERS, SpatialLayer, TOP_TEMPORAL},
    media::{DEFAULT_MAX_BITRATE, VideoDemand},
};
use std::sync::Arc;
use tokio::sync::watch;

/// What the window wants of its own picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct PreviewRequest {
    wanted: bool,
    /// Requests for key frames.
    key_frames: u64,
    /// The size at which it is drawn; `None` if it is not known.
    rendered_size: Option<RenderedSize>,
    /// Pixels of the full layer, once there was a frame.
    full: Option<(u32, u32)>,
}

/// Whether the own window wants the own picture, how large, and how often it asked for a key frame.
#[derive(Debug, Clone, Default)]
pub struct PreviewSwitch {
    request: Arc<watch::Sender<PreviewRequest>>,
    /// The layer that the window gets.
    layer: Arc<watch::Sender<Option<SpatialLayer>>>,
}

impl PreviewSwitch {
    /// The preview's decoder has to start again.
    pub fn request_key_frame(&self) {
        self.request.send_modify(|request| {
            request.wanted = true;
            request.key_frames += 1;
        });
    }

    /// Says whether anybody looks.
    pub fn set_wanted(&self, wanted: bool) {
        self.request.send_if_modified(|request| std::mem::replace(&mut request.wanted, wanted) != wanted);
    }

    /// Says at which size the picture is drawn.
    pub fn set_rendered_size(&self, size: RenderedSize) {
        self.request.send_if_modified(|request| request.rendered_size.replace(size) != Some(size));
    }

    /// Says how large the picture is before it is divided into layers.
    pub fn set_full(&self, full: (u32, u32)) {
        self.request.send_if_modified(|request| request.full.replace(full) != Some(full));
    }

    /// The layer that the window gets at present.
    pub fn layer(&self) -> Option<SpatialLayer> {
        *self.layer.borrow()
    }
}

/// One demand out of what the peers want while `sending` (whoever only tries a camera encodes for nobody else) and what the
/// preview wants, of a picture that is taken to have `full` pixels before the first frame of it. The task ends when nobody
/// reads it.
pub fn merge_demand(
    mut peers: watch::Receiver<VideoDemand>,
    mut sending: watch::Receiver<bool>,
    preview: &PreviewSwitch,
    full: (u32, u32),
) -> watch::Receiver<VideoDemand> {
    let (mut requests, layer) = (preview.request.subscribe(), Arc::clone(&preview.layer));
    let mut merger = Merger::new(full);
    let mut merge = move |peers: VideoDemand, sending: bool, request: PreviewRequest| {
        let demand = merger.merge(if sending { peers } else { VideoDemand::default() }, request);
        layer.send_replace(merger.layer);
        demand
    };
    let first = merge(*peers.borrow_and_update(), *sending.borrow_and_update(), *requests.borrow_and_update());
    let merged = watch::Sender::new(first);
    let demand = merged.subscribe();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                changed = peers.changed() => if changed.is_err() { return },
                changed = sending.changed() => if changed.is_err() { return },
                changed = requests.changed() => if changed.is_err() { return },
                () = merged.closed() => return,
            }
            let (peers, sending) = (*peers.borrow_and_update(), *sending.borrow_and_update());
            merged.send_replace(merge(peers, sending, *requests.borrow_and_update()));
        }
    });
    demand
}

/// Puts what the preview asks for into the peers' demand.
#[derive(Debug)]
struct Merger {
    full: (u32, u32),
    layer: Option<SpatialLayer>,
    /// Requests of the preview that were counted.
    counted: u64,
    /// Key frames asked for on behalf of the preview, by layer.
    key_frames: [u64; SPATIAL_LAYERS],
}

impl Merger {
    fn new(full: (u32, u32)) -> Self {
        Self { full, layer: None, counted: 0, key_frames: [0; SPATIAL_LAYERS] }
    }

    fn merge(&mut self, peers: VideoDemand, request: PreviewRequest) -> VideoDemand {
        let layer = (request.wanted && !request.rendered_size.is_some_and(RenderedSize::is_hidden))
            .then(|| self.layer_for(&peers, request));
        let asked = std::mem::replace(&mut self.counted, request.key_frames) != request.key_frames;
        if let Some(layer) = layer.filter(|_| asked || layer != self.layer) {
            self.key_frames[layer.index()] += 1;
        }
        self.layer = layer;
        let mut demand = peers;
        if let Some(layer) = layer {
            demand.layers[layer.index()].get_or_insert(LayerDemand {
                bitrate: bitrate(layer),
                key_frames: 0,
                temporal: TOP_TEMPORAL,
            });
        }
        for (layer, key_frames) in demand.layers.iter_mut().zip(self.key_frames) {
            if let Some(layer) = layer {
                layer.key_frames += key_frames;
            }
        }
        demand
    }

    /// The smallest layer that fills what is drawn: of those that the peers get, if they get any.
    fn layer_for(&self, peers: &VideoDemand, request: PreviewRequest) -> SpatialLayer {
        let full = request.full.unwrap_or(self.full);
        let fills = |layer: &SpatialLayer| request.rendered_size.is_some_and(|size| layer.fills(full, size));
        let wanted: Vec<SpatialLayer> =
            SpatialLayer::ALL.into_iter().filter(|layer| !peers.wanted() || peers.layer(*layer).is_some()).collect();
        wanted.iter().copied().find(fills).or(wanted.last().copied()).unwrap_or_default()
    }
}

/// Bits per second of a layer that nobody but the window gets.
fn bitrate(layer: SpatialLayer) -> u32 {
    match layer {
        SpatialLayer::Full => DEFAULT_MAX_BITRATE,
        SpatialLayer::Half => DEFAULT_MAX_BITRATE / 3,
        SpatialLayer::Quarter => DEFAULT_MAX_BITRATE / 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SpatialLayer::{Full, Half, Quarter};

    fn peers(layers: &[(SpatialLayer, u64)]) -> VideoDemand {
        let mut demand = VideoDemand::default();
        for (layer, key_frames) in layers {
            demand.layers[layer.index()] =
                Some(LayerDemand { bitrate: 700_000, key_frames: *key_frames, temporal: TOP_TEMPORAL });
        }
        demand
    }

    /// Layers with their bitrates and requests.
    fn wanted(demand: &VideoDemand) -> Vec<(SpatialLayer, u32, u64)> {
        let all = SpatialLayer::ALL.into_iter();
        all.filter_map(|layer| demand.layer(layer).map(|wanted| (layer, wanted.bitrate, wanted.key_frames))).collect()
    }

    #[tokio::test]
    async fn the_encoder_sees_one_demand() {
        let source = watch::Sender::new(VideoDemand::default());
        let preview = PreviewSwitch::default();
        let sending = watch::Sender::new(true);
        let mut merged = merge_demand(source.subscribe(), sending.subscribe(), &preview, (1280, 720));
        assert!(!merged.borrow().wanted());
        preview.request_key_frame();
        merged.changed().await.unwrap();
        assert_eq!(wanted(&merged.borrow_and_update()), [(Full, DEFAULT_MAX_BITRATE, 1)]);
        assert_eq!(preview.layer(), Some(Full));
        source.send_replace(peers(&[(Full, 2)]));
        merged.changed().await.unwrap();
        assert_eq!(wanted(&merged.borrow_and_update()), [(Full, 700_000, 3)]);
        preview.set_wanted(false);
        merged.changed().await.unwrap();
        assert_eq!((merged.borrow_and_update().wanted(), preview.layer()), (true, None));
        sending.send_replace(false);
        merged.changed().await.unwrap();
        assert!(!merged.borrow().wanted(), "the peers get nothing of a camera that is only tried");
    }

    #[test]
    fn the_preview_takes_what_the_peers_get_and_else_what_it_draws() {
        let mut merger = Merger::new((1280, 720));
        let rendered_size = Some(RenderedSize { width: 300, height: 169 });
        let small = PreviewRequest { wanted: true, rendered_size, ..PreviewRequest::default() };
        assert_eq!(wanted(&merger.merge(peers(&[]), small)), [(Quarter, 150_000, 1)]);
        assert_eq!(
            wanted(&merger.merge(peers(&[(Half, 5), (Full, 7)]), small)),
            [(Half, 700_000, 6), (Full, 700_000, 7)]
        );
        let large = PreviewRequest { rendered_size: Some(RenderedSize { width: 1280, height: 720 }), ..small };
        let both = merger.merge(peers(&[(Quarter, 0), (Half, 5)]), large);
        assert_eq!(wanted(&both), [(Quarter, 700_000, 1), (Half, 700_000, 6)], "no key frame for a layer it has");
        let asked = PreviewRequest { key_frames: 1, ..large };
        assert_eq!(wanted(&merger.merge(peers(&[(Half, 5)]), asked)), [(Half, 700_000, 7)]);
        let nearly = PreviewRequest { rendered_size: Some(RenderedSize { width: 690, height: 388 }), ..asked };
        assert_eq!(wanted(&merger.merge(peers(&[(Half, 0), (Full, 0)]), nearly))[0], (Half, 700_000, 2));
        let tiny = PreviewRequest {
            full: Some((320, 240)),
            rendered_size: Some(RenderedSize { width: 80, height: 60 }),
            ..asked
        };
        assert_eq!(wanted(&merger.merge(peers(&[]), tiny))[0].0, Half, "there is no quarter of it");
        let hidden = PreviewRequest { rendered_size: Some(RenderedSize::HIDDEN), ..asked };
        assert!(!merger.merge(peers(&[]), hidden).wanted());
    }
}
